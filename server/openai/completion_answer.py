"""Answers of ``/v1/completions``: the whole object, and the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from protocol.messages import ChosenLogprob, Done, Token
from server.openai.choice import FINISH_REASONS, ChoiceFold, usage_of
from server.openai.completion_request import CompletionRequest
from server.openai.facts import AnswerFacts

KIND: Final = "text_completion"


class CompletionAnswer:
    """Owned by one request. Feed it the events of each choice in order, from the first one. ``prompts``: as text."""

    def __init__(self, request: CompletionRequest, prompts: Sequence[str], facts: AnswerFacts) -> None:
        self.facts = facts
        self._request = request
        self._folds = [ChoiceFold(split=False) for _ in range(request.count)]
        echoed = [prompts[index // request.choices] if request.echo else "" for index in range(request.count)]
        self._texts = [_Text(prompt) for prompt in echoed]

    def opening(self) -> Iterator[dict[str, Any]]:
        """Yield the prompts, if the client wants them echoed."""
        for index, text in enumerate(self._texts):
            if text.whole:
                yield self._chunk(index, text.whole, None)

    def feed(self, index: int, event: Token | Done) -> Iterator[dict[str, Any]]:
        """Yield the chunks of one event of the choice ``index``."""
        delta = self._folds[index].feed(event)
        logprobs = self._texts[index].add(delta.content, delta.logprobs)
        if delta.content:
            yield self._chunk(index, delta.content, logprobs)
        if isinstance(event, Done):
            last = None if delta.content or not delta.logprobs else logprobs
            yield self._chunk(index, "", last, FINISH_REASONS.get(event.reason))

    def closing(self) -> Iterator[dict[str, Any]]:
        """Yield the last chunk, which has the usage and no choice, if the client asked for it."""
        if self._request.form.include_usage:
            yield self.facts.object(KIND, [], self._usage())

    def whole(self) -> dict[str, Any]:
        """Return the whole answer, once all choices are done."""
        choices = [self._whole_choice(index) for index in range(len(self._folds))]
        return self.facts.object(KIND, choices, self._usage())

    def _whole_choice(self, index: int) -> dict[str, Any]:
        text, done = self._texts[index], self._folds[index].done
        assert done is not None
        return self._choice(index, text.whole, text.logprobs, FINISH_REASONS.get(done.reason))

    def _chunk(
        self, index: int, text: str, logprobs: dict[str, Any] | None, finish_reason: str | None = None
    ) -> dict[str, Any]:
        chunk = self.facts.object(KIND, [self._choice(index, text, logprobs, finish_reason)])
        return chunk | ({"usage": None} if self._request.form.include_usage else {})

    def _choice(
        self, index: int, text: str, logprobs: dict[str, Any] | None, finish_reason: str | None
    ) -> dict[str, Any]:
        shown = logprobs if self._request.top_logprobs is not None else None
        return {"index": index, "text": text, "finish_reason": finish_reason, "logprobs": shown}

    def _usage(self) -> dict[str, Any]:
        """Return the usage of all prompts: each is counted once."""
        each = self._request.choices
        usages = [usage_of(self._folds[start : start + each]) for start in range(0, len(self._folds), each)]
        names = ("prompt_tokens", "completion_tokens", "total_tokens")
        return usages[0] | {name: sum(usage[name] for usage in usages) for name in names}


class _Text:
    """Collects the text and the logprobs of one choice."""

    def __init__(self, prompt: str) -> None:
        self.logprobs: dict[str, list[Any]] = _columns([], 0, 0)
        self._parts = [prompt]
        self._offset = 0
        self._tokens_end = 0
        """End of the tokens that have come, in characters."""

    @property
    def whole(self) -> str:
        return "".join(self._parts)

    def add(self, text: str, logprobs: Sequence[ChosenLogprob]) -> dict[str, list[Any]]:
        """Add new text. Returns its logprobs as four lists of one length."""
        new = _columns(logprobs, self._tokens_end, self._offset + len(text))
        self._parts.append(text)
        self._offset += len(text)
        self._tokens_end = min(self._offset, self._tokens_end + sum(map(_size, logprobs)))
        for name, values in new.items():
            self.logprobs[name].extend(values)
        return new


def _columns(logprobs: Sequence[ChosenLogprob], start: int, end: int) -> dict[str, list[Any]]:
    """Return the logprobs of a text from ``start`` to ``end`` of the whole one, in characters."""
    offsets, at = [], start
    for each in logprobs:
        offsets.append(min(at, end))
        at += _size(each)
    return {
        "tokens": [each.token for each in logprobs],
        "token_logprobs": [each.logprob for each in logprobs],
        "top_logprobs": [{one.token: one.logprob for one in each.top_logprobs} for each in logprobs],
        "text_offset": offsets,
    }


def _size(logprob: ChosenLogprob) -> int:
    """Return the characters of a token; none for a part of one."""
    return len(logprob.token) if logprob.bytes is None else 0
