"""A request to an upstream, as the journal keeps it."""

from __future__ import annotations

from msgspec import Struct, json

from protocol.errors import ErrorCode
from protocol.messages import ChatMessage, Generate
from protocol.params import Params
from server.chat.thinking import answered
from server.writers.request_errors import refusal
from server.writers.upstream.kinds import Kind


class Asked(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The dialogue and the parameters of one answer. ``raw``: a prompt without chat template, instead of messages.

    ``written``: text of an ended answer that this one extends. ``kind``: name of the upstream's kind.
    """

    model: str
    kind: str = ""
    messages: tuple[ChatMessage, ...] = ()
    raw: str | None = None
    params: Params = Params()
    top_logprobs: int | None = None
    written: str = ""

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
    _refuse_tools(body, kind)
    return Asked(
        model=model,
        kind=kind.name,
        messages=_dialogue(body),
        raw=body.prompt if body.raw else None,
        params=body.params,
        top_logprobs=body.top_logprobs,
        written=written,
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
    if written and not kind.continues:
        text = f"this model is behind {kind.title}, which can't continue a text; regenerate the answer"
        raise refusal(body, ErrorCode.UNSUPPORTED, text)


def _refuse_tools(body: Generate, kind: Kind) -> None:
    """Refuse what is not passed on to upstreams yet."""
    with_calls = any(message.role == "tool" or message.tool_calls for message in body.messages or ())
    given = {
        "tools": bool(body.tools) and body.tool_choice != "none",
        "messages": with_calls,
        "reasoning_effort": body.reasoning_effort is not None,
        "chat_template_kwargs": bool(body.chat_template_kwargs),
    }
    if field := next((field for field, is_given in given.items() if is_given), None):
        what = "calls of tools are" if field == "messages" else "this is"
        text = f"{field}: this model is behind {kind.title}, where {what} not passed on yet; leave it out"
        raise refusal(body, ErrorCode.UNSUPPORTED, text, field=field)


def _dialogue(body: Generate) -> tuple[ChatMessage, ...]:
    """Return the messages without empty ones, and answers without their thinking."""
    if body.messages is None:
        return () if body.raw else (ChatMessage(role="user", content=body.prompt or ""),)
    kept = []
    for number, message in enumerate(body.messages, start=1):
        if message.role == "assistant":
            if answer := answered(message.content, None):
                kept.append(ChatMessage(role="assistant", content=answer["content"]))
        elif message.content.strip() or number == len(body.messages):
            kept.append(message)
    return tuple(kept)
