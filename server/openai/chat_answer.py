"""Answers of ``/v1/chat/completions``: the whole object, and the chunks of a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from protocol.messages import ChosenLogprob, Done, Token
from server.chat.tools.call_splitter import CallDelta
from server.generations.call_log import merged
from server.openai.chat_request import ChatRequest
from server.openai.choice import ChoiceFold, Delta, call_fields, chat_logprobs, usage_of
from server.openai.facts import AnswerFacts

CHUNK: Final = "chat.completion.chunk"
WHOLE: Final = "chat.completion"


class ChatAnswer:
    """Owned by one request. Feed it the events of each choice in order, from the first one."""

    def __init__(self, request: ChatRequest, facts: AnswerFacts) -> None:
        self._request = request
        self.facts = facts
        self._tier = {"service_tier": "default"} if request.tiered else {}
        split, names = request.params.json_schema is None, request.tools.names
        ids = map(facts.choice_id, range(request.choices))
        self._folds = [ChoiceFold(split=split, id=id, names=names) for id in ids]
        self._messages = [_Message() for _ in self._folds]

    def opening(self) -> Iterator[dict[str, Any]]:
        """Yield the first chunk of each choice, in order: the Python SDK expects choice 0 first."""
        for index in range(len(self._folds)):
            yield self._chunk(index, {"role": "assistant", "content": None if self._request.tools.forced else ""}, ())

    def feed(self, index: int, event: Token | Done) -> Iterator[dict[str, Any]]:
        """Yield the chunks of one event of the choice ``index``."""
        delta = self._folds[index].feed(event)
        self._messages[index].add(delta)
        if fields := self._named(delta.fields):
            yield self._chunk(index, fields, delta.logprobs)
        if isinstance(event, Done):
            yield self._chunk(index, {}, () if fields else delta.logprobs, self._finish_reason(index))

    def closing(self) -> Iterator[dict[str, Any]]:
        """Yield the last chunk, which has the usage and no choice, if the client asked for it."""
        if self._request.form.include_usage:
            yield self.facts.object(CHUNK, [], usage_of(self._folds)) | self._tier

    def whole(self) -> dict[str, Any]:
        """Return the whole answer, once all choices are done."""
        choices = [self._choice(index) for index in range(len(self._folds))]
        answer = self.facts.object(WHOLE, choices, usage_of(self._folds)) | self._tier
        return answer | ({"metadata": self._request.metadata} if self._request.metadata else {})

    def _choice(self, index: int) -> dict[str, Any]:
        message = self._messages[index]
        wanted = self._request.top_logprobs is not None
        return {
            "index": index,
            "message": self._named(message.fields),
            "finish_reason": self._finish_reason(index),
            "logprobs": chat_logprobs(message.logprobs) if wanted else None,
        }

    def _finish_reason(self, index: int) -> str | None:
        reason = self._folds[index].finish_reason
        return "function_call" if reason == "tool_calls" and self._request.tools.older else reason

    def _named(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a message or delta; with a ``function_call`` if the request has ``functions``."""
        if "tool_calls" not in fields or not self._request.tools.older:
            return fields
        calls = fields.pop("tool_calls")
        first = next((call["function"] for call in calls if not call.get("index")), None)
        return fields | ({"function_call": first} if first else {})

    def _chunk(
        self, index: int, delta: dict[str, Any], logprobs: tuple[ChosenLogprob, ...], finish_reason: str | None = None
    ) -> dict[str, Any]:
        wanted = self._request.top_logprobs is not None and bool(delta.get("content") or logprobs)
        choice = {
            "index": index,
            "delta": delta,
            "finish_reason": finish_reason,
            "logprobs": chat_logprobs(logprobs) if wanted else None,
        }
        chunk = self.facts.object(CHUNK, [choice]) | self._tier
        return chunk | ({"usage": None} if self._request.form.include_usage else {})


class _Message:
    """Collects the deltas of one choice."""

    def __init__(self) -> None:
        self.logprobs: list[ChosenLogprob] = []
        self._calls: list[CallDelta] = []
        self._content: list[str] = []
        self._reasoning: list[str] = []

    def add(self, delta: Delta) -> None:
        self._content.append(delta.content)
        self._reasoning.append(delta.reasoning)
        self.logprobs.extend(delta.logprobs)
        self._calls.extend(delta.calls)

    @property
    def fields(self) -> dict[str, Any]:
        reasoning, content = "".join(self._reasoning), "".join(self._content)
        calls = [call_fields(call) for call in merged(self._calls)]
        for call in calls:
            del call["index"]
        message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": None}
        if calls:
            message |= {"content": content or None, "tool_calls": calls}
        return message | ({"reasoning_content": reasoning} if reasoning else {})
