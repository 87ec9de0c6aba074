"""Expected log of a generation of the scripted model, computed without the server's code.

A log shows pieces of text, not tokens. A change between two tokens of one character may have come after any of them, so
there may be several states of a generation. What follows in the log decides between them.
"""

from __future__ import annotations

import codecs
import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from protocol.messages import Alternatives, Done, DoneReason, Generate, Params, Steered, Tuned
from tests.server.engine.scripted_model import END, WORDS, scripted_tokens

TOKENS: Final = 40
"""Length of an answer, and of its rest after each instruction, in tokens, unless ``max_tokens`` ends it earlier."""

AT_LENGTH: Final = "Tell me everything"
LONG_PIECES: Final = [f"{number} ".ljust(16_384, ".") for number in range(TOKENS)]
"""The answer to AT_LENGTH. It fills every buffer of a client that doesn't read; then the server disconnects it."""

FIRST_LONG: Final = END + 1 + len(WORDS)
"""Token of the first of LONG_PIECES."""

Mark = Steered | Tuned


@functools.lru_cache(maxsize=4096)
def answer_tokens(given: tuple[int, ...], seed: int) -> list[int]:
    """Return the tokens that the scripted model chooses after ``given``."""
    if given == tuple(AT_LENGTH.encode()):
        return list(range(FIRST_LONG, FIRST_LONG + TOKENS))
    return scripted_tokens(given, seed, TOKENS)


def piece(token: int) -> bytes:
    if token >= FIRST_LONG:
        return LONG_PIECES[token - FIRST_LONG].encode()
    return bytes([token]) if token < END else b"" if token == END else WORDS[token - END - 1].encode()


def rendered(content: str, *, follows: bool = False) -> tuple[int, ...]:
    """Return the tokens of a message of the user in ChatML; ``follows``: it comes after an unfinished answer."""
    text = f"<|im_start|>user\n{content}<|im_end|>\n<|im_start|>assistant\n"
    return tuple(f"<|im_end|>\n{text}".encode() if follows else text.encode())


def fork_tokens(text: str) -> tuple[int, ...]:
    """Return the tokens of text that a fork begins with: one for a word, otherwise bytes."""
    return (END + 1 + WORDS.index(text),) if text in WORDS and text.isascii() else tuple(text.encode())


@dataclass(frozen=True)
class Settings:
    """Parameters that the scripted model's answer depends on."""

    seed: int = 0
    most: int | None = None

    def tuned(self, values: Mapping[str, Any]) -> Settings:
        return Settings(values.get("seed", self.seed), values.get("max_tokens", self.most))

    def with_params(self, params: Params) -> Settings:
        return Settings(
            self.seed if params.seed is None else params.seed,
            self.most if params.max_tokens is None else params.max_tokens,
        )


@dataclass(frozen=True)
class Cut:
    """Beginning of a fork's own part: event ``seq`` is ``text``, or else what the model writes with ``settings``."""

    seq: int
    text: str | None
    settings: Settings


@dataclass(frozen=True)
class Plan:
    """All that an answer follows from, besides what is done while it is written. ``settings``: its first parameters."""

    prompt: tuple[int, ...]
    settings: Settings
    raw: bool = False
    cuts: tuple[Cut, ...] = ()

    @classmethod
    def of(cls, body: Generate) -> Plan:
        text = str(body.prompt)
        prompt = tuple(text.encode()) if body.raw else rendered(text)
        return cls(prompt, Settings().with_params(body.params), body.raw)

    def fork(self, body: Generate, marks: Mapping[int, Mark]) -> Plan:
        """Return the plan of a fork of this answer, which has these ``marks``."""
        point = body.from_
        assert point is not None
        start, settings = 0, self.settings
        for earlier in self.cuts:
            if earlier.seq <= point.seq:
                start, settings = earlier.seq, earlier.settings
        for seq, mark in sorted(marks.items()):
            if isinstance(mark, Tuned) and start <= seq < point.seq:
                settings = settings.tuned(mark.params)
        cut = Cut(point.seq, point.text, settings.with_params(body.params))
        return replace(self, cuts=(*(each for each in self.cuts if each.seq < point.seq), cut))

    @property
    def own_start(self) -> int:
        """Number of the first event that is not taken over from another answer."""
        return self.cuts[-1].seq if self.cuts else 1


@dataclass(frozen=True)
class State:
    """A generation after some events. ``given``: tokens up to the end of the newest instruction; ``since``: those
    chosen after it; ``fresh``: those of ``since`` that no event has yet; ``held``: bytes of an unfinished character."""

    given: tuple[int, ...]
    settings: Settings
    since: tuple[int, ...] = ()
    fresh: tuple[int, ...] = ()
    held: bytes = b""
    completion_tokens: int = 0
    prompt_tokens: int = 0
    texts: tuple[str, ...] = ()
    tokens: tuple[tuple[int, ...], ...] = ()
    instructions: tuple[tuple[int, tuple[int, ...]], ...] = ()
    """Tokens of instructions, by the numbers of their events."""

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def reason(self) -> DoneReason | None:
        """The reason why it has ended; None while there is another token."""
        if self.settings.most is not None and self.completion_tokens >= self.settings.most:
            return DoneReason.LENGTH
        return DoneReason.STOP if len(self.since) >= TOKENS else None

    def extended(self, tokens: tuple[int, ...]) -> tuple[State, str]:
        """Return the state after more tokens, and the text that is complete then."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(self.held + b"".join(map(piece, tokens)))
        held = decoder.getstate()[0]
        count = self.completion_tokens + len(tokens)
        since, fresh = (*self.since, *tokens), (*self.fresh, *tokens)
        return replace(self, since=since, fresh=fresh, held=held, completion_tokens=count), text

    def steps(self) -> Iterator[tuple[State, str]]:
        """Yield the states up to the next piece, which the last one has, or up to the end."""
        state, text = self, ""
        yield state, text
        while not text and state.reason is None:
            token = answer_tokens(state.given, state.settings.seed)[len(state.since)]
            state, text = state.extended((token,))
            yield state, text

    def with_event(self, text: str = "") -> State:
        return replace(self, texts=(*self.texts, text), tokens=(*self.tokens, self.fresh), fresh=())

    def marked(self, mark: Mark) -> State:
        after = self.with_event()
        if isinstance(mark, Tuned):
            return replace(after, settings=self.settings.tuned(mark.params))
        read = rendered(mark.content, follows=True)
        return replace(
            after,
            given=(*self.given, *self.since, *read),
            since=(),
            held=b"",
            prompt_tokens=self.prompt_tokens + len(read),
            instructions=(*self.instructions, (mark.seq, read)),
        )

    def after_event(self, mark: Mark | None) -> Iterator[State]:
        """Yield the possible states after the next event, which is ``mark``, or else a piece."""
        for state, text in self.steps():
            if mark is None and text:
                yield state.with_event(text)
            elif mark is not None and not text and state.reason is not DoneReason.LENGTH:
                yield state.marked(mark)

    def ends(self, done: Done) -> bool:
        """Tell whether ``done`` may follow."""
        cancelled = done.reason is DoneReason.CANCELLED
        reasons = (None, DoneReason.STOP) if cancelled else (done.reason,)
        return any(
            not text
            and state.reason in reasons
            and done.usage.completion_tokens == state.completion_tokens
            and done.usage.prompt_tokens == state.prompt_tokens
            for state, text in self.steps()
        )

    def read_before(self, seq: int) -> tuple[int, ...]:
        """Return the tokens of the answer before the place ``seq``, as the model has read them."""
        known = dict(self.instructions)
        return tuple(token for number in range(1, seq) for token in (*self.tokens[number - 1], *known.get(number, ())))

    def chosen_at(self, seq: int) -> int | None:
        """Return the first token of the events from ``seq`` on, unless an instruction comes before it."""
        known = dict(self.instructions)
        for number in range(seq, len(self.tokens) + 1):
            if self.tokens[number - 1]:
                return self.tokens[number - 1][0]
            if number in known:
                return None
        return None


def states(plan: Plan, marks: Mapping[int, Mark], chars: Mapping[int, int], text: str, last: int) -> set[State]:
    """Return the possible states after event ``last`` of a log with this ``text``. ``chars``: code points before some
    of its events' ends."""
    possible = {State(plan.prompt, plan.settings, prompt_tokens=len(plan.prompt))}
    cuts = {cut.seq: cut for cut in plan.cuts}
    for seq in range(1, last + 2):
        if cut := cuts.get(seq):
            possible = {replace(state, settings=cut.settings) for state in possible}
        if seq == last + 1:
            break
        if cut and cut.text is not None:
            possible = {_given(state, cut.text) for state in possible}
        else:
            possible = {after for state in possible for after in state.after_event(marks.get(seq))}
        possible = {state for state in possible if _fits(state.text, text, chars.get(seq))}
    return possible


def _given(state: State, text: str) -> State:
    after, shown = state.extended(fork_tokens(text))
    return after.with_event(shown)


def _fits(text: str, whole: str, chars: int | None) -> bool:
    return whole.startswith(text) and chars in (None, len(text))


def answers(plan: Plan, state: State, answer: Alternatives, count: int, known: int) -> bool:
    """Tell whether ``answer`` fits the place. ``known``: newest event that the client knew when it asked."""
    last = (*plan.prompt, *state.read_before(answer.seq))[-1]
    shown = [(each.token.encode() if each.bytes is None else bytes(each.bytes), each.chosen) for each in answer.tokens]
    chosen = state.chosen_at(answer.seq)
    allowed = {chosen} if any(state.tokens[answer.seq - 1 : known]) else {chosen, None}
    return any(shown == _likeliest(last, choice, count) for choice in allowed)


def _likeliest(last: int, chosen: int | None, count: int) -> list[tuple[bytes, bool]]:
    """Return the tokens that ScriptedModel.likeliest orders: the last one, then the others by number."""
    order = [last, *(token for token in range(FIRST_LONG) if token != last)]
    listed = order[:count] + [token for token in [chosen] if token is not None and token not in order[:count]]
    return [(piece(token), token == chosen) for token in listed]
