"""From a `generate` to the tokens that the model reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from protocol.errors import ErrorCode
from protocol.messages import ChatMessage, Generate
from server.chat.prompt import Prompt, clipped
from server.chat.template import ChatTemplate, ChatTemplateError
from server.chat.thinking import answered, continued, outside_marks
from server.engine.base import Engine
from server.generations.refusals import refusal

PROBE_CHARS = 65_536
"""Of a longer prompt only the beginning is tokenized at first: the time for some texts grows with the square of their
length, and most that long don't fit anyway."""


class Prepared(NamedTuple):
    """A prompt's tokens. ``opened``: see GenerationRequest."""

    tokens: tuple[int, ...]
    opened: str


def prepared(body: Generate, engine: Engine, template: ChatTemplate, written: str = "") -> Prepared:
    """The prompt's tokens, and those of what is ``written`` of the answer already.

    Call it on a thread of its own, since a long prompt takes its time. Raises RemoteProtocolError where the
    template refuses the prompt, and where it doesn't fit into the context.
    """
    field = "conversation" if body.conversation else "messages" if body.messages else "prompt"
    try:
        prompt = _rendered(body, template)
    except ChatTemplateError as error:
        raise refusal(body, ErrorCode.UNSUPPORTED, f"{field}: {error}", field=field) from error
    text, opened = continued(prompt.text, written)
    start = len(text) - len(written)
    quoted = [*clipped(prompt.quoted, start), *((start + a, start + b) for a, b in outside_marks(written))]
    if len(text) > PROBE_CHARS:
        beginning = engine.tokenize(text[:PROBE_CHARS], clipped(quoted, PROBE_CHARS))
        _refuse_overflow(body, field, engine, beginning, at_least="at least ")
    tokens = engine.tokenize(text, quoted)
    _refuse_overflow(body, field, engine, tokens)
    if not tokens:
        text = f"{field}: this model's vocabulary has no token for any of it; write something else"
        raise refusal(body, ErrorCode.EMPTY_PROMPT, text, field=field)
    # Under a schema the model writes JSON from its first token on, and a raw prompt is the caller's own.
    return Prepared(tuple(tokens), "" if body.raw or body.params.json_schema is not None else opened)


def _rendered(body: Generate, template: ChatTemplate) -> Prompt:
    if body.raw and body.prompt is not None:
        return Prompt(body.prompt)  # its marks are tokens: the caller writes the model's own form
    if body.messages is None:
        return template.render([{"role": "user", "content": body.prompt or ""}])
    return template.render(list(_dialogue(body.messages, template.thinking_field)))


def _dialogue(messages: Sequence[ChatMessage], thinking_field: str | None) -> Iterator[dict[str, str]]:
    """The messages as a template gets them: none that says nothing, and answers without the marks of thinking."""
    for number, message in enumerate(messages, start=1):
        if message.role == "assistant":
            if answer := answered(message.content, thinking_field):
                yield answer
        elif message.content.strip() or number == len(messages):
            yield {"role": message.role, "content": message.content}


def _refuse_overflow(body: Generate, field: str, engine: Engine, tokens: Sequence[int], at_least: str = "") -> None:
    context = engine.facts.context
    if len(tokens) >= context:
        text = (
            f"{field}: the prompt has {at_least}{len(tokens)} tokens and the context holds {context}, the answer "
            "included; shorten it, or start the server with a larger --context"
        )
        raise refusal(body, ErrorCode.CONTEXT_OVERFLOW, text, field=field)
