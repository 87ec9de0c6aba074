"""Answers of ``/v1/chat/completions``: the whole object, and the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from protocol.messages import ChosenLogprob, Done, Token
from server.openai.chat_request import ChatRequest
from server.openai.choice import FINISH_REASONS, ChoiceFold, Delta, chat_logprobs, usage_of
from server.openai.facts import AnswerFacts

CHUNK: Final = "chat.completion.chunk"
WHOLE: Final = "chat.completion"


class ChatAnswer:
    """Owned by one request. Feed it the events of each choice in order, from the first one."""

    def __init__(self, request: ChatRequest, facts: AnswerFacts) -> None:
        self._request = request
        self.facts = facts
        split = request.params.json_schema is None
        self._folds = [ChoiceFold(split=split) for _ in range(request.choices)]
        self._messages = [_Message() for _ in self._folds]

    def opening(self) -> Iterator[dict[str, Any]]:
        """Yield the first chunk of each choice, in order: the Python SDK expects choice 0 first."""
        for index in range(len(self._folds)):
            yield self._chunk(index, {"role": "assistant", "content": ""}, ())

    def feed(self, index: int, event: Token | Done) -> Iterator[dict[str, Any]]:
        """Yield the chunks of one event of the choice ``index``."""
        delta = self._folds[index].feed(event)
        self._messages[index].add(delta)
        if delta.fields:
            yield self._chunk(index, delta.fields, delta.logprobs)
        if isinstance(event, Done):
            yield self._chunk(index, {}, (), FINISH_REASONS.get(event.reason))

    def closing(self) -> Iterator[dict[str, Any]]:
        """Yield the last chunk, which has the usage and no choice, if the client asked for it."""
        if self._request.form.include_usage:
            yield self.facts.object(CHUNK, [], usage_of(self._folds))

    def whole(self) -> dict[str, Any]:
        """Return the whole answer, once all choices are done."""
        choices = [self._choice(index) for index in range(len(self._folds))]
        answer = self.facts.object(WHOLE, choices, usage_of(self._folds))
        return answer | ({"metadata": self._request.metadata} if self._request.metadata else {})

    def _choice(self, index: int) -> dict[str, Any]:
        message, done = self._messages[index], self._folds[index].done
        assert done is not None
        wanted = self._request.top_logprobs is not None
        return {
            "index": index,
            "message": message.fields,
            "finish_reason": FINISH_REASONS.get(done.reason),
            "logprobs": chat_logprobs(message.logprobs) if wanted else None,
        }

    def _chunk(
        self, index: int, delta: dict[str, str], logprobs: tuple[ChosenLogprob, ...], finish_reason: str | None = None
    ) -> dict[str, Any]:
        wanted = self._request.top_logprobs is not None and bool(delta.get("content"))
        choice = {
            "index": index,
            "delta": delta,
            "finish_reason": finish_reason,
            "logprobs": chat_logprobs(logprobs) if wanted else None,
        }
        chunk = self.facts.object(CHUNK, [choice])
        return chunk | ({"usage": None} if self._request.form.include_usage else {})


class _Message:
    """Collects the deltas of one choice."""

    def __init__(self) -> None:
        self.logprobs: list[ChosenLogprob] = []
        self._content: list[str] = []
        self._reasoning: list[str] = []

    def add(self, delta: Delta) -> None:
        self._content.append(delta.content)
        self._reasoning.append(delta.reasoning)
        self.logprobs.extend(delta.logprobs)

    @property
    def fields(self) -> dict[str, Any]:
        reasoning = "".join(self._reasoning)
        message = {"role": "assistant", "content": "".join(self._content), "refusal": None}
        return message | ({"reasoning_content": reasoning} if reasoning else {})
