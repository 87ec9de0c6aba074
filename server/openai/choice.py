"""Fold of one choice's log: each event adds text to the message, and `done` ends it.

A stream and a whole answer use the same fold, so they always agree. It depends on nothing but the log, so a reader can
start again from the first event at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from protocol.messages import ChosenLogprob, Done, DoneReason, Logprob, Token
from server.chat.tools.answer_splitter import AnswerDelta, AnswerSplitter
from server.chat.tools.call_splitter import CallDelta
from server.generations.call_log import call_id, merged
from server.openai.shown_logprobs import ShownLogprobs, token_bytes

FINISH_REASONS: Final = {DoneReason.STOP: "stop", DoneReason.LENGTH: "length"}
"""``finish_reason`` of an answer that ended normally."""


class Delta(NamedTuple):
    """New parts of a message. ``logprobs`` belong to ``content``."""

    content: str = ""
    reasoning: str = ""
    logprobs: tuple[ChosenLogprob, ...] = ()
    calls: tuple[CallDelta, ...] = ()

    @property
    def fields(self) -> dict[str, Any]:
        """Fields of a ``delta`` object."""
        if not self.reasoning and not self.calls:
            return {"content": self.content} if self.content else {}
        calls = [call_fields(call) for call in self.calls]
        found = {"reasoning_content": self.reasoning, "content": self.content, "tool_calls": calls}
        return {name: value for name, value in found.items() if value}


class ChoiceFold:
    """Owned by the reader of one choice. ``split``: thinking is separated from the content. ``id``: of its generation.
    ``names``: functions that it may call."""

    def __init__(self, *, split: bool = True, id: str = "", names: Collection[str] = ()) -> None:
        self.done: Done | None = None
        self.reasoning_tokens = 0
        """Pieces of text in thoughts, which have a token each while the reader keeps up."""
        self.has_calls = False
        self._splitter = AnswerSplitter(names, lambda index: call_id(id, index), thinking=split)
        self._plain = False
        """True once all further text is content."""
        self._logprobs = ShownLogprobs()
        self._aligned = False
        """True once the tokens that wait are those of the content, after a thought or a call."""

    @property
    def finish_reason(self) -> str | None:
        """``finish_reason`` of the choice, once it is done."""
        reason = FINISH_REASONS.get(self.done.reason) if self.done else None
        return "tool_calls" if reason == "stop" and self.has_calls else reason

    def feed(self, event: Token | Done) -> Delta:
        """Return what an event adds to the message."""
        if isinstance(event, Done):
            self.done = event
            return self._delta(self._splitter.end())
        if self._plain and not event.logprobs and not self._logprobs.waits:
            return Delta(event.text)  # most tokens of most answers: a third of the time of what follows
        self._logprobs.add(event.logprobs or ())
        found = self._splitter.feed(event.text)
        self._plain = self._splitter.is_plain
        self.reasoning_tokens += event.n if self._splitter.is_thinking else 0
        return self._delta(found)

    def _delta(self, found: AnswerDelta) -> Delta:
        calls = tuple(merged(found.calls))
        self.has_calls = self.has_calls or bool(calls)
        logprobs = self._shown_with(found.text)
        if found.thinking or calls:
            self._aligned = False
            if not found.text:
                self._logprobs.forget()
        return Delta(found.text, found.thinking, tuple(logprobs), calls)

    def _shown_with(self, text: str) -> Sequence[ChosenLogprob]:
        if text and not self._aligned and (self._splitter.has_thought or self.has_calls):
            self._logprobs.align(text)
            self._aligned = True
        return self._logprobs.shown(text, ended=self.done is not None)


def call_fields(call: CallDelta) -> dict[str, Any]:
    """Return an entry of ``tool_calls`` in a delta: id, type and name only in the first part of a call."""
    function = {"arguments": call.arguments}
    if call.id is None:
        return {"index": call.call, "function": function}
    return {"index": call.call, "id": call.id, "type": "function", "function": {"name": call.name, **function}}


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
