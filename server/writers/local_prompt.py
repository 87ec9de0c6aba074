"""Conversion of a `generate` to the tokens of its prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from protocol.errors import ErrorCode
from protocol.messages import ChatMessage, Generate
from server.chat.prompt import Prompt, clipped
from server.chat.template import ChatTemplate, ChatTemplateError
from server.chat.thinking import answered, closing, continued
from server.engine.base import Engine
from server.writers import truncation
from server.writers.local_tools import call_fields, forced_call, offered, template_variables
from server.writers.request_errors import PromptTooLongError, refusal
from server.writers.writer_port import PromptSize

PROBE_CHARS = 65_536
"""Length of the part of a longer prompt that is tokenized first, in characters: some texts take quadratic time, and
most that long don't fit anyway."""

AROUND: Final = 8.0
"""Tokens assumed for a template around each message if it rejects the test dialogues; most templates use 4 to 8."""


class TokenizedPrompt(NamedTuple):
    """A prompt's tokens. ``opened``: see GenerationRequest. ``dropped``: number of messages left out."""

    tokens: tuple[int, ...]
    opened: str
    dropped: int = 0


def make_prompt(body: Generate, engine: Engine, template: ChatTemplate, written: str = "") -> TokenizedPrompt:
    """Return the tokens of the prompt and of the part of the answer that is ``written`` already.

    Run it on a worker thread: a long prompt takes time. Raises RemoteProtocolError when the template rejects the prompt
    or it does not fit into the context.
    """
    prompt = _Prompt(body, engine, template, written)
    if body.messages and truncation.wanted(body):
        return _truncated(prompt, body.messages)
    return prompt.whole(body.messages or ())


def measure_prompt(body: Generate, engine: Engine, template: ChatTemplate, written: str = "") -> PromptSize:
    """Return the size of the prompt of ``make_prompt``. Raises RemoteProtocolError where the template refuses it."""
    context = engine.facts.context
    room = truncation.room_for_prompt(body, context)
    try:
        prompt = make_prompt(body, engine, template, written)
    except PromptTooLongError as error:
        return PromptSize(error.tokens, context, room)
    return PromptSize(len(prompt.tokens), context, room, prompt.dropped)


class _Prompt:
    """Builds the prompt of one body, from all or some of its messages."""

    def __init__(self, body: Generate, engine: Engine, template: ChatTemplate, written: str) -> None:
        self.room = truncation.room_for_prompt(body, engine.facts.context)
        """Maximum prompt tokens that leave room for the answer."""
        self._context = engine.facts.context
        self._body = body
        self._engine = engine
        self._template = template
        self._written = written
        self._field = "conversation" if body.conversation else "messages" if body.messages else "prompt"

    def whole(self, messages: Sequence[ChatMessage], dropped: int = 0) -> TokenizedPrompt:
        """Build the prompt of these messages. Raises RemoteProtocolError, also when it is longer than the context."""
        prompt, opened = self._rendered(messages)
        if (tokens := self._tokens(prompt, self._context - 1)) is None:
            raise self._overflow(prompt)
        if not tokens:
            words = f"{self._field}: this model's vocabulary has no token for any of it; write something else"
            raise refusal(self._body, ErrorCode.EMPTY_PROMPT, words, field=self._field)
        return TokenizedPrompt(tuple(tokens), opened, dropped)

    def made(self, messages: Sequence[ChatMessage], dropped: int, most: int | None) -> TokenizedPrompt | None:
        """Build the prompt of these messages; None when it has more than ``most`` tokens. Raises
        RemoteProtocolError."""
        if most is None:
            return self.whole(messages, dropped)
        prompt, opened = self._rendered(messages)
        tokens = self._tokens(prompt, most)
        return None if tokens is None else TokenizedPrompt(tuple(tokens), opened, dropped)

    @property
    def overhead(self) -> tuple[float, float]:
        """Tokens that the template adds once and around each message, measured with short dialogues."""
        word = ChatMessage(role="user", content="a")
        answer = ChatMessage(role="assistant", content="a")
        size = self._tokens_in("a")
        try:
            one, three = (
                len(self._engine.tokenize(_rendered(self._body, messages, self._template).text))
                for messages in ([word], [word, answer, word])
            )
        except ChatTemplateError:
            return 0, AROUND
        return max(0.0, one - size), max(0.0, (three - one) / 2 - size)

    def size(self, message: ChatMessage) -> float:
        """Estimate the tokens of a message, without those that the template adds."""
        turn = next(_dialogue([message], self._template.thinking_field), None)
        if turn is None:
            return 0
        calls = (call["function"] for call in turn.get("tool_calls", ()))
        return self._tokens_in("".join((turn["content"], *(text for call in calls for text in call.values()))))

    @property
    def written_size(self) -> float:
        return self._tokens_in(self._written)

    def _rendered(self, messages: Sequence[ChatMessage]) -> tuple[Prompt, str]:
        """Render the prompt with the text already written; returns it with the answer's opening text."""
        try:
            prompt, opened = continued(_rendered(self._body, messages, self._template), self._written)
        except ChatTemplateError as error:
            words = f"{self._field}: {error}"
            raise refusal(self._body, ErrorCode.UNSUPPORTED, words, field=self._field) from error
        if (form := forced_call(self._body, self._template)) is not None:
            return _begun(prompt, opened, form.opening)
        # Under a schema the model writes JSON from its first token, and a raw prompt belongs to the caller.
        return prompt, "" if self._body.raw or self._body.params.json_schema is not None else opened

    def _tokens(self, prompt: Prompt, most: int) -> list[int] | None:
        """Tokenize a prompt; None when it has more than ``most`` tokens."""
        if len(prompt.text) > PROBE_CHARS and len(self._beginning(prompt)) > most:
            return None
        tokens = self._engine.tokenize(prompt.text, prompt.quoted)
        return None if len(tokens) > most else tokens

    def _beginning(self, prompt: Prompt) -> list[int]:
        return self._engine.tokenize(prompt.text[:PROBE_CHARS], clipped(prompt.quoted, PROBE_CHARS))

    def _overflow(self, prompt: Prompt) -> PromptTooLongError:
        tokens, at_least = self._beginning(prompt), "at least "
        if len(prompt.text) <= PROBE_CHARS or len(tokens) < self._context:
            tokens, at_least = self._engine.tokenize(prompt.text, prompt.quoted), ""
        words = (
            f"{self._field}: the prompt has {at_least}{len(tokens)} tokens and the context holds {self._context}, the "
            "answer included; shorten it, or start the server with a larger --context"
        )
        return PromptTooLongError(self._body, words, field=self._field, tokens=len(tokens), context=self._context)

    def _tokens_in(self, text: str) -> float:
        start = text[:PROBE_CHARS]
        return len(self._engine.tokenize(start)) * len(text) / len(start) if start else 0


def _truncated(prompt: _Prompt, messages: Sequence[ChatMessage]) -> TokenizedPrompt:
    """Build the prompt of as many messages as leave room for the answer (truncation.py). Raises RemoteProtocolError."""
    systems = truncation.system_messages(messages)
    always, rest = messages[:systems], messages[systems:]
    once, around = prompt.overhead
    room = prompt.room - once - sum(prompt.size(message) + around for message in always) - prompt.written_size
    sizes, start = _Sizes(rest, prompt.size), 0
    while True:
        start = max(start, truncation.first_kept(rest, sizes.with_more(around), room))
        is_last = start >= truncation.last_turn(rest)
        made = prompt.made([*always, *rest[start:]], start, None if is_last else prompt.room)
        if made is not None:
            return made
        # The estimate was too low: a template may add more to some messages than to others.
        start, around = truncation.next_turn(rest, start + 1), around + 1


class _Sizes:
    """Token counts of messages, computed on first use."""

    def __init__(self, messages: Sequence[ChatMessage], size: Callable[[ChatMessage], float]) -> None:
        self._messages = messages
        self._size = size
        self._known: dict[int, float] = {}

    def with_more(self, tokens: float) -> Callable[[int], float]:
        """Return a function for the size of the message at an index plus ``tokens``."""
        return lambda place: self._of(place) + tokens

    def _of(self, place: int) -> float:
        if place not in self._known:
            self._known[place] = self._size(self._messages[place])
        return self._known[place]


def _rendered(body: Generate, messages: Sequence[ChatMessage], template: ChatTemplate) -> Prompt:
    if body.raw and body.prompt is not None:
        return Prompt(body.prompt)  # its marks become tokens: the caller writes the model's own format
    functions, variables = offered(body), template_variables(body)
    if body.messages is None:
        return template.render([{"role": "user", "content": body.prompt or ""}], functions, variables)
    return template.render(list(_dialogue(messages, template.thinking_field)), functions, variables)


def _begun(prompt: Prompt, opened: str, opening: str) -> tuple[Prompt, str]:
    """Return the prompt with the beginning of a forced call after it, and the answer's opening text. A thought that the
    template opens is ended first."""
    end = closing(opened)
    text = opened + end + opening if opening else ""
    return Prompt(prompt.text + end + opening, prompt.quoted, prompt.lost), text


def _dialogue(messages: Sequence[ChatMessage], thinking_field: str | None) -> Iterator[dict[str, Any]]:
    """Yield the messages for a template: without empty ones, and answers without thinking marks."""
    names: dict[str, str] = {}
    for number, message in enumerate(messages, start=1):
        calls = call_fields(message, names)
        if message.role == "assistant":
            answer = answered(message.content, thinking_field)
            if answer or calls:
                yield {"role": "assistant", "content": "", **(answer or {}), **calls}
        elif message.content.strip() or message.role == "tool" or number == len(messages):
            yield {"role": message.role, "content": message.content, **calls}
