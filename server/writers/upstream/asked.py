"""A request to an upstream, as the journal keeps it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, json
from msgspec.structs import replace

from protocol.errors import ErrorCode
from protocol.messages import ChatMessage, Generate, NamedTool, Tool
from protocol.params import Params
from server.chat.thinking import answered
from server.writers.local_tools import template_variables
from server.writers.request_errors import refusal
from server.writers.upstream.kinds import Kind


class Asked(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The dialogue and the parameters of one answer. ``raw``: a prompt without chat template, instead of messages.

    ``written``: text of an ended answer that this one extends. ``kind``: name of the upstream's kind.
    ``tools``: functions that the model may call; ``forced``: it must call one. ``variables``: of the chat template.
    """

    model: str
    kind: str = ""
    messages: tuple[ChatMessage, ...] = ()
    raw: str | None = None
    params: Params = Params()
    top_logprobs: int | None = None
    written: str = ""
    tools: tuple[Tool, ...] = ()
    forced: bool = False
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    variables: dict[str, Any] = {}

    def to_json(self) -> str:
        return json.encode(self).decode()


def read_asked(text: str) -> Asked:
    """Decode what ``Asked.to_json`` returned. Raises msgspec.MsgspecError."""
    return json.decode(text, type=Asked)


def asked_of(body: Generate, model: str, kind: Kind, written: str) -> Asked:
    """Return the request of ``body`` to the upstream's ``model``.

    Raises RemoteProtocolError (unsupported) for what the kind can't do: nothing is dropped in silence.
    """
    _refuse_unknown(body, kind, written)
    return Asked(
        model=model,
        kind=kind.name,
        messages=_dialogue(body),
        raw=body.prompt if body.raw else None,
        params=body.params,
        top_logprobs=body.top_logprobs,
        written=written,
        tools=(tools := _tools(body)),
        forced=bool(tools) and body.tool_choice not in (None, "auto"),
        parallel_tool_calls=body.parallel_tool_calls if tools else None,
        reasoning_effort=None if kind.template_variables else body.reasoning_effort,
        variables=template_variables(body) if kind.template_variables else {},
    )


def _refuse_unknown(body: Generate, kind: Kind, written: str) -> None:
    for name in body.params.__struct_fields__:
        if getattr(body.params, name) is not None and name not in kind.parameters:
            field = f"params.{name}"
            text = f"{field}: this model is behind {kind.title}, which doesn't have it; leave it out"
            raise refusal(body, ErrorCode.UNSUPPORTED, text, field=field)
    if body.top_logprobs is not None and (not kind.logprobs or (body.raw and not kind.native)):
        text = f"top_logprobs: this model is behind {kind.title}, which doesn't send them here; leave it out"
        raise refusal(body, ErrorCode.UNSUPPORTED, text, field="top_logprobs")
    if body.chat_template_kwargs and not kind.template_variables:
        field = "chat_template_kwargs"
        text = f"{field}: this model is behind {kind.title}, which takes no variables of the template; leave it out"
        raise refusal(body, ErrorCode.UNSUPPORTED, text, field=field)
    if written and not kind.continues:
        text = f"this model is behind {kind.title}, which can't continue a text; regenerate the answer"
        raise refusal(body, ErrorCode.UNSUPPORTED, text)


def _tools(body: Generate) -> tuple[Tool, ...]:
    """Return the functions that the model may know: all, none, or the only one that it may call."""
    choice = body.tool_choice
    if choice == "none":
        return ()
    name = choice.function.name if isinstance(choice, NamedTool) else None
    return tuple(tool for tool in body.tools or () if name in (None, tool.function.name))


def _dialogue(body: Generate) -> tuple[ChatMessage, ...]:
    """Return the messages without empty ones, and answers without their thinking."""
    if body.messages is None:
        return () if body.raw else (ChatMessage(role="user", content=body.prompt or ""),)
    kept = []
    for number, message in enumerate(body.messages, start=1):
        if message.role == "assistant":
            answer = answered(message.content, None)
            if answer or message.tool_calls:
                kept.append(replace(message, content=answer["content"] if answer else ""))
        elif message.content.strip() or message.role == "tool" or number == len(body.messages):
            kept.append(message)
    return tuple(kept)
