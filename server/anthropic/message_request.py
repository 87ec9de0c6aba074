"""Requests of ``/v1/messages`` and ``/v1/messages/count_tokens``, decoded and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from protocol.errors import RemoteProtocolError
from protocol.messages import Generate
from protocol.params import Params
from server.anthropic.blocks import read_dialogue
from server.anthropic.tools import read_tools
from server.openai.errors import RefusedError, rename_field
from server.openai.facts import AnswerFacts
from server.openai.fields import Fields, an_object, flag, read_fields
from server.openai.formats import schema_at
from server.openai.messages import Dialogue
from server.openai.sampling import read_params
from server.openai.template_fields import TemplateFields, effort_of, read_template_fields
from server.openai.tool_fields import Tools

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
    tools: Tools
    template: TemplateFields
    params: Params
    stream: bool
    thinking: bool
    omitted: bool

    def generate(self, facts: AnswerFacts) -> Generate:
        """Return the generation of the answer. It ends when its client leaves."""
        return Generate(
            id=facts.id,
            model=facts.served,
            messages=self.dialogue.messages,
            tools=self.tools.tools,
            tool_choice=self.tools.choice,
            parallel_tool_calls=self.tools.parallel,
            reasoning_effort=self.template.effort,
            chat_template_kwargs=self.template.variables,
            params=self.params,
            on_detach_ms=0,
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
    tools, thinking = read_tools(fields), _thinking(fields)
    return MessageRequest(
        model=fields.get("model"),
        dialogue=read_dialogue(fields),
        tools=tools,
        template=read_template_fields(fields, _effort(fields, thinking)),
        params=_params(fields, None if tools.forced else _schema(fields)),
        stream=flag(fields, "stream"),
        thinking=thinking.get("type") != "disabled",
        omitted=thinking.get("display") == "omitted",
    )


def _params(fields: Fields, schema: dict[str, Any] | None) -> Params:
    given = {name: value for name, value in fields.items() if name != "stop"}
    if STOP in fields:
        given["stop"] = fields[STOP]
        if not isinstance(fields[STOP], list):
            raise RefusedError(f"{STOP} must be a list of strings", param=STOP)
    try:
        return read_params(given, schema)
    except RemoteProtocolError as error:
        place = error.field or ""
        if place.partition("[")[0] == "stop":
            rename_field(error, {place: place.replace("stop", STOP, 1)})
        raise


def _schema(fields: Fields) -> dict[str, Any] | None:
    """Return the JSON schema of the answer; None for text."""
    given = an_object(an_object(fields, "output_config"), "format", "output_config.")
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


def _effort(fields: Fields, thinking: Fields) -> str | None:
    """Return the effort of thinking for the model's template. Raises RefusedError."""
    effort = effort_of(an_object(fields, "output_config"), "effort", "output_config.")
    return "none" if thinking.get("type") == "disabled" else effort
