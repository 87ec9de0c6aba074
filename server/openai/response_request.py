"""Requests of ``/v1/responses``, decoded and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from protocol.messages import MAX_TOP_LOGPROBS, ChatMessage, Generate, ToolFunction
from protocol.params import Params
from server.openai.errors import RefusedError
from server.openai.facts import AnswerFacts
from server.openai.fields import Fields, an_object, flag, read_fields, refuse_unsupported, whole
from server.openai.formats import read_text_format
from server.openai.items import Item, messages_of, read_input
from server.openai.kept_items import kept_items
from server.openai.messages import Dialogue, begun, has_text
from server.openai.response_note import ResponseNote
from server.openai.sampling import read_params
from server.openai.template_fields import TemplateFields, effort_of, read_template_fields
from server.openai.tool_fields import Tools, read_response_tools

REFUSED: Final = {
    "conversation": "this server keeps no conversations of this API",
    "prompt": "this server has no prompt templates",
    "context_management": "this server leaves out no items",
    "moderation": "this server doesn't moderate",
}
"""Fields that would change the answer in a way that this server can't, with the reason."""

LOGPROBS: Final = "message.output_text.logprobs"
"""Entry of ``include`` that asks for logprobs."""

PLACEHOLDER: Final = "?"
"""Text of the user's message with which a prompt ends that is only read."""

MAX_PAIRS: Final = 16
"""Most entries of ``metadata``."""

MAX_KEY: Final = 64
MAX_VALUE: Final = 512
"""Longest value in ``metadata``, in characters."""

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
    """One request. ``items``: its own input, without that of the responses before it; ``previous``: id of the last one
    of these; ``told``: fields of the response that repeat the request's; ``warm``: the prompt is only read, so that
    the next request begins sooner.
    """

    model: Any
    instructions: str
    items: tuple[Item, ...]
    previous: str | None
    tools: Tools
    template: TemplateFields
    params: Params
    top_logprobs: int | None
    stream: bool
    background: bool
    store: bool
    told: dict[str, Any]
    warm: bool = False

    def dialogue(self, history: Sequence[Item]) -> Dialogue:
        """Return the dialogue after the items of the responses before this one. Raises RefusedError."""
        first = (ChatMessage(role="system", content=self.instructions),) if self.instructions else ()
        messages = (*messages_of(history), *messages_of(self.items))
        if self.warm:
            return Dialogue(_with_question((*first, *messages)), "")
        if not has_text(messages):
            raise RefusedError("input must have at least one character that is not white space", param="input")
        if not self.items and messages[-1].role == "assistant":
            text = "input must have at least one item, since the response before this one has been answered"
            raise RefusedError(text, param="input")
        return begun((*first, *messages), "input")

    def note(self, facts: AnswerFacts, history: Sequence[Item]) -> ResponseNote:
        """Return what is kept of the response beside its log."""
        items = [*history, *kept_items(self.items, facts.id, len(history))]
        split = self.params.json_schema is None
        return ResponseNote(
            created=facts.created,
            model=facts.model,
            told=self.told,
            items=items,
            split=split,
            functions=sorted(self.tools.names),
            warm=self.warm,
        )

    def generate(self, facts: AnswerFacts, dialogue: Dialogue) -> Generate:
        """Return the generation of the answer. Unless it is in the background, it ends when its client leaves."""
        return Generate(
            id=facts.id,
            model=facts.served,
            messages=dialogue.messages,
            tools=self.tools.tools,
            tool_choice=self.tools.choice,
            parallel_tool_calls=self.tools.parallel,
            reasoning_effort=self.template.effort,
            chat_template_kwargs=self.template.variables,
            params=msgspec.structs.replace(self.params, max_tokens=1) if self.warm else self.params,
            top_logprobs=self.top_logprobs,
            on_detach_ms=None if self.background else 0,
        )


def steered_request(asked: ResponseRequest, steered: str, items: Sequence[Item]) -> ResponseRequest:
    """Return the request for the response that continues ``steered`` with new input; the rest is as in ``asked``."""
    told = asked.told | {"previous_response_id": steered}
    return replace(asked, items=tuple(items), previous=steered, told=told, warm=False)


def _with_question(messages: tuple[ChatMessage, ...]) -> tuple[ChatMessage, ...]:
    """Return the messages with one of the user at the end, which templates may require."""
    ends = bool(messages) and messages[-1].role == "user" and has_text(messages[-1:])
    return messages if ends else (*messages, ChatMessage(role="user", content=PLACEHOLDER))


def read_response(body: str) -> ResponseRequest:
    """Decode the body of a request. Raises RemoteProtocolError."""
    return response_request(read_fields(body))


def response_request(fields: Fields, *, warm: bool = False) -> ResponseRequest:
    """Return the request with these fields. Raises RemoteProtocolError."""
    refuse_unsupported(fields, REFUSED)
    _check_truncation(fields)
    tools = read_response_tools(fields)
    text, previous = an_object(fields, "text"), _text_of(fields, "previous_response_id")
    store, background = flag({"store": True, **fields}, "store"), flag(fields, "background")
    if background and not store:
        raise RefusedError("background needs store to be true", param="background")
    schema = read_text_format(text)
    return ResponseRequest(
        model=fields.get("model"),
        instructions=_text_of(fields, "instructions") or "",
        items=read_input(fields, may_be_empty=warm or previous is not None),
        previous=previous,
        tools=tools,
        template=read_template_fields(fields, effort_of(an_object(fields, "reasoning"), "effort", "reasoning.")),
        params=read_params(fields, None if tools.forced else schema),
        top_logprobs=_top_logprobs(fields),
        stream=flag(fields, "stream"),
        background=background,
        store=store,
        told=_told(fields, text, tools) | {"background": background, "store": store},
        warm=warm,
    )


def _text_of(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise RefusedError(f"{name} must be a string", param=name)
    return value


def _check_truncation(fields: Fields) -> None:
    if fields.get("truncation", "disabled") != "disabled":
        text = 'truncation must be "disabled": this server leaves out no items'
        raise RefusedError(text, param="truncation", code="unsupported_parameter")


def _top_logprobs(fields: Fields) -> int | None:
    include = fields.get("include", [])
    if not isinstance(include, list):
        raise RefusedError("include must be a list", param="include")
    count = whole(fields, "top_logprobs", 0, MAX_TOP_LOGPROBS)
    return (count or 0) if LOGPROBS in include else None


def _told(fields: Fields, text: Fields, tools: Tools) -> dict[str, Any]:
    reasoning = an_object(fields, "reasoning")
    return {
        **{name: fields.get(name) for name in TOLD_BACK},
        "metadata": _metadata(fields),
        "parallel_tool_calls": flag({"parallel_tool_calls": True, **fields}, "parallel_tool_calls"),
        "previous_response_id": fields.get("previous_response_id"),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "text": msgspec.to_builtins({"format": {"type": "text"}, **text}),
        "tool_choice": fields.get("tool_choice", "auto"),
        "tools": [_listed(tool.function) for tool in tools.tools],
        "top_logprobs": fields.get("top_logprobs", 0),
        "truncation": "disabled",
    }


def _metadata(fields: Fields) -> Fields:
    metadata = an_object(fields, "metadata")
    if len(metadata) > MAX_PAIRS or not all(_is_pair(key, value) for key, value in metadata.items()):
        text = f"metadata may have up to {MAX_PAIRS} keys of up to {MAX_KEY} characters"
        raise RefusedError(f"{text}, with strings of up to {MAX_VALUE} characters as values", param="metadata")
    return metadata


def _is_pair(key: str, value: Any) -> bool:
    return len(key) <= MAX_KEY and isinstance(value, str) and len(value) <= MAX_VALUE


def _listed(function: ToolFunction) -> dict[str, Any]:
    """Return a function as the response repeats it."""
    return {
        "type": "function",
        "name": function.name,
        "description": function.description,
        "parameters": function.parameters,
        "strict": bool(function.strict),
    }
