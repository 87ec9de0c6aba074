"""Requests of ``/v1/responses``, decoded and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from protocol.messages import MAX_TOP_LOGPROBS, ChatMessage, Generate
from protocol.params import Params
from server.openai.errors import RefusedError
from server.openai.facts import AnswerFacts
from server.openai.fields import Fields, an_object, flag, read_fields, refuse_unsupported, whole
from server.openai.formats import read_text_format
from server.openai.items import read_input
from server.openai.messages import Dialogue, begun, has_text
from server.openai.sampling import read_params

REFUSED: Final = {
    "background": "this server keeps no responses yet, so there is nothing to read later",
    "conversation": "this server keeps no conversations of this API",
    "prompt": "this server has no prompt templates",
    "context_management": "this server leaves out no items",
    "moderation": "this server doesn't moderate",
}
"""Fields that would change the answer in a way that this server can't, with the reason."""

NO_TOOLS: Final = "this server doesn't call tools yet"

LOGPROBS: Final = "message.output_text.logprobs"
"""Entry of ``include`` that asks for logprobs."""

TOLD_BACK: Final = (
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "service_tier",
    "temperature",
    "top_p",
    "user",
)
"""Fields that the response repeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """One request. ``told``: fields of the response that repeat the request's."""

    model: Any
    dialogue: Dialogue
    params: Params
    top_logprobs: int | None
    stream: bool
    told: dict[str, Any]

    def generate(self, facts: AnswerFacts) -> Generate:
        """Return the generation of the answer. It ends when its client leaves."""
        return Generate(
            id=facts.id,
            model=facts.served,
            messages=self.dialogue.messages,
            params=self.params,
            top_logprobs=self.top_logprobs,
            on_detach_ms=0,
        )


def read_response(body: str) -> ResponseRequest:
    """Decode the body of a request. Raises RemoteProtocolError."""
    fields = read_fields(body)
    refuse_unsupported(fields, REFUSED)
    _refuse_state(fields)
    _refuse_tools(fields)
    text = an_object(fields, "text")
    return ResponseRequest(
        model=fields.get("model"),
        dialogue=_dialogue(fields),
        params=read_params(fields, read_text_format(text)),
        top_logprobs=_top_logprobs(fields),
        stream=flag(fields, "stream"),
        told=_told(fields, text),
    )


def _dialogue(fields: Fields) -> Dialogue:
    instructions = fields.get("instructions", "")
    if not isinstance(instructions, str):
        raise RefusedError("instructions must be a string", param="instructions")
    first = (ChatMessage(role="system", content=instructions),) if instructions else ()
    messages = read_input(fields)
    if not has_text(messages):
        raise RefusedError("input must have at least one character that is not white space", param="input")
    return begun((*first, *messages), "input")


def _refuse_state(fields: Fields) -> None:
    if "previous_response_id" in fields:
        text = "previous_response_id: this server keeps no responses yet; send the whole input"
        raise RefusedError(text, param="previous_response_id", code="previous_response_not_found")
    if fields.get("truncation", "disabled") != "disabled":
        text = 'truncation must be "disabled": this server leaves out no items'
        raise RefusedError(text, param="truncation", code="unsupported_parameter")


def _refuse_tools(fields: Fields) -> None:
    """Refuse functions. Tools of other types are left out: some clients offer them in every request."""
    tools = fields.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise RefusedError("tools must be a list of objects", param="tools")
    choice = fields.get("tool_choice", "auto")
    if choice not in ("auto", "none"):
        raise RefusedError(f"tool_choice: {NO_TOOLS}", param="tool_choice", code="unsupported_parameter")
    if choice != "none" and any(tool.get("type") == "function" for tool in tools):
        raise RefusedError(f"tools: {NO_TOOLS}", param="tools", code="unsupported_parameter")


def _top_logprobs(fields: Fields) -> int | None:
    include = fields.get("include", [])
    if not isinstance(include, list):
        raise RefusedError("include must be a list", param="include")
    count = whole(fields, "top_logprobs", 0, MAX_TOP_LOGPROBS)
    return (count or 0) if LOGPROBS in include else None


def _told(fields: Fields, text: Fields) -> dict[str, Any]:
    reasoning = an_object(fields, "reasoning")
    return {
        **{name: fields.get(name) for name in TOLD_BACK},
        "background": False,
        "metadata": an_object(fields, "metadata"),
        "parallel_tool_calls": flag({"parallel_tool_calls": True, **fields}, "parallel_tool_calls"),
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "store": False,
        "text": msgspec.to_builtins({"format": {"type": "text"}, **text}),
        "tool_choice": fields.get("tool_choice", "auto"),
        "tools": [],
        "top_logprobs": fields.get("top_logprobs", 0),
        "truncation": "disabled",
    }
