"""Requests of ``/v1/messages`` and ``/v1/messages/count_tokens``, decoded and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from protocol.errors import RemoteProtocolError
from protocol.messages import Generate
from protocol.params import Params
from server.anthropic.blocks import read_dialogue
from server.openai.errors import RefusedError, rename_field, unsupported
from server.openai.facts import AnswerFacts
from server.openai.fields import Fields, an_object, flag, read_fields
from server.openai.formats import schema_at
from server.openai.messages import Dialogue
from server.openai.sampling import read_params

NO_TOOLS: Final = "this server doesn't call tools in this API yet; leave them out, or set tool_choice to none"
OWN_TOOLS: Final = (None, "custom")
"""Types of tools that the client runs. Others run at Anthropic, and are left out: some clients always offer them."""

FORMAT: Final = "output_config.format"
THINKING: Final = ("enabled", "disabled", "adaptive", "between_tools")
STOP: Final = "stop_sequences"
NAMES: Final = {"params.json_schema": FORMAT}
"""Names of fields in the request, by those in a `generate`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """One request. ``thinking``: thinking is part of the answer; ``omitted``: only as empty blocks."""

    model: Any
    dialogue: Dialogue
    params: Params
    stream: bool
    thinking: bool
    omitted: bool

    def generate(self, facts: AnswerFacts) -> Generate:
        """Return the generation of the answer. It ends when its client leaves."""
        return Generate(
            id=facts.id, model=facts.served, messages=self.dialogue.messages, params=self.params, on_detach_ms=0
        )


def read_message(body: str) -> MessageRequest:
    """Decode the body of a request for an answer. Raises RemoteProtocolError."""
    fields = read_fields(body)
    if "max_tokens" not in fields:
        raise RefusedError("max_tokens: Field required", param="max_tokens")
    return _read(fields)


def read_count(body: str) -> MessageRequest:
    """Decode the body of a request for the size of its prompt. Raises RemoteProtocolError."""
    return _read(read_fields(body))


def _read(fields: Fields) -> MessageRequest:
    _refuse_tools(fields)
    thinking = _thinking(fields)
    return MessageRequest(
        model=fields.get("model"),
        dialogue=read_dialogue(fields),
        params=_params(fields),
        stream=flag(fields, "stream"),
        thinking=thinking.get("type") != "disabled",
        omitted=thinking.get("display") == "omitted",
    )


def _params(fields: Fields) -> Params:
    given = {name: value for name, value in fields.items() if name != "stop"}
    if STOP in fields:
        given["stop"] = fields[STOP]
        if not isinstance(fields[STOP], list):
            raise RefusedError(f"{STOP} must be a list of strings", param=STOP)
    try:
        return read_params(given, _schema(fields))
    except RemoteProtocolError as error:
        place = error.field or ""
        if place.partition("[")[0] == "stop":
            rename_field(error, {place: place.replace("stop", STOP, 1)})
        raise


def _schema(fields: Fields) -> dict[str, Any] | None:
    """Return the JSON schema of the answer; None for text."""
    given = an_object(an_object(fields, "output_config"), "format")
    if not given:
        return None
    if given.get("type") != "json_schema":
        raise RefusedError(f'{FORMAT}.type must be "json_schema"', param=f"{FORMAT}.type")
    return schema_at(given, f"{FORMAT}.schema")


def _thinking(fields: Fields) -> Fields:
    thinking = an_object(fields, "thinking")
    if thinking and thinking.get("type") not in THINKING:
        raise RefusedError(f"thinking.type must be one of {', '.join(THINKING)}", param="thinking.type")
    return thinking


def _refuse_tools(fields: Fields) -> None:
    """Refuse the client's own tools, unless the model may not call any."""
    tools = fields.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise RefusedError("tools must be a list of objects", param="tools")
    choice = an_object(fields, "tool_choice").get("type", "auto")
    if choice == "none":
        return
    if any(tool.get("type") in OWN_TOOLS for tool in tools):
        raise unsupported("tools", NO_TOOLS)
    if choice != "auto":
        raise unsupported("tool_choice", NO_TOOLS)
