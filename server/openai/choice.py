"""Fold of one choice's log: each event adds text to the message, and `done` ends it.

A stream and a whole answer use the same fold, so they always agree. It depends on nothing but the log, so a reader can
start again from the first event at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from protocol.messages import ChosenLogprob, Done, DoneReason, Logprob, Token
from server.chat.thinking_stream import Parts, ThinkingSplitter

FINISH_REASONS: Final = {DoneReason.STOP: "stop", DoneReason.LENGTH: "length"}
"""``finish_reason`` of an answer that ended normally."""


class Delta(NamedTuple):
    """New parts of a message. ``logprobs`` belong to ``content``."""

    content: str = ""
    reasoning: str = ""
    logprobs: tuple[ChosenLogprob, ...] = ()

    @property
    def fields(self) -> dict[str, str]:
        """Fields of a ``delta`` object."""
        found = {"reasoning_content": self.reasoning, "content": self.content}
        return {name: text for name, text in found.items() if text}


class ChoiceFold:
    """Owned by the reader of one choice. ``split``: thinking is separated from the content."""

    def __init__(self, *, split: bool = True) -> None:
        self.done: Done | None = None
        self.reasoning_tokens = 0
        """Pieces of text in thoughts, which have a token each while the reader keeps up."""
        self._splitter = ThinkingSplitter() if split else None
        self._logprobs: list[ChosenLogprob] = []

    def feed(self, event: Token | Done) -> Delta:
        """Return what an event adds to the message."""
        if isinstance(event, Done):
            self.done = event
            return self._delta(self._splitter.end() if self._splitter else Parts())
        self._logprobs.extend(event.logprobs or ())
        if self._splitter is None:
            return self._delta(Parts(answer=event.text))
        parts = self._splitter.feed(event.text)
        self.reasoning_tokens += event.n if self._splitter.thinking else 0
        return self._delta(parts)

    def _delta(self, parts: Parts) -> Delta:
        if not parts.answer and self.done is None:
            if parts.thinking:
                self._logprobs.clear()
            return Delta(reasoning=parts.thinking)
        logprobs, self._logprobs = self._logprobs, []
        if self._splitter and self._splitter.has_thought:
            logprobs = last_of(logprobs, parts.answer)
        return Delta(parts.answer, parts.thinking, tuple(logprobs))


def last_of(logprobs: list[ChosenLogprob], text: str) -> list[ChosenLogprob]:
    """Return the last logprobs, whose tokens make up ``text``."""
    size, start = len(text.encode()), len(logprobs)
    while size > 0 and start > 0:
        start -= 1
        size -= len(token_bytes(logprobs[start]))
    return logprobs[start:]


def token_bytes(logprob: Logprob) -> bytes:
    return logprob.token.encode() if logprob.bytes is None else bytes(logprob.bytes)


def chat_logprobs(logprobs: Sequence[ChosenLogprob]) -> dict[str, Any]:
    """Return the ``logprobs`` object of a choice of a chat."""
    content = [{**_entry(each), "top_logprobs": [_entry(one) for one in each.top_logprobs]} for each in logprobs]
    return {"content": content, "refusal": None}


def _entry(logprob: Logprob) -> dict[str, Any]:
    return {"token": logprob.token, "logprob": logprob.logprob, "bytes": list(token_bytes(logprob))}


def usage_of(folds: Sequence[ChoiceFold]) -> dict[str, Any]:
    """Return the ``usage`` of an answer: the prompt once, and the tokens of all choices."""
    ends = [fold.done.usage for fold in folds if fold.done]
    prompt, completion = max(end.prompt_tokens for end in ends), sum(end.completion_tokens for end in ends)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": ends[0].cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": sum(fold.reasoning_tokens for fold in folds)},
    }
