"""Answers of ``/v1/messages``: the whole message, and the events of a stream.

The blocks of an answer come one after another, and only the last one is open: its thinking, then its text, then calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec

from protocol.messages import Done, DoneReason, Token
from server.anthropic.message_request import MessageRequest
from server.chat.tools.call_splitter import CallDelta
from server.openai.choice import ChoiceFold, usage_of
from server.openai.facts import AnswerFacts

Event = dict[str, Any]

PING: Final = {"type": "ping"}


class MessageAnswer:
    """Owned by one request. Feed it the events of its generation in order, from the first one."""

    def __init__(self, request: MessageRequest, facts: AnswerFacts) -> None:
        self._request = request
        self._facts = facts
        split = request.params.json_schema is None
        self._fold = ChoiceFold(split=split, id=facts.id, names=request.tools.names)
        self._blocks: list[_Block] = []

    def opening(self, prompt_tokens: int) -> Iterator[Event]:
        """Yield the first events. The part of the prompt that was in the cache is not known yet."""
        usage = {"input_tokens": prompt_tokens, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
        yield {"type": "message_start", "message": self._message({**usage, "output_tokens": 0})}
        yield dict(PING)

    def feed(self, event: Token | Done) -> Iterator[Event]:
        """Yield the events for one event of the log."""
        delta = self._fold.feed(event)
        if delta.reasoning and self._request.thinking:
            yield from self._add(_Thinking, delta.reasoning)
        if delta.content:
            yield from self._add(_Text, delta.content)
        for call in delta.calls:
            yield from self._add_call(call)
        if isinstance(event, Done) and event.reason in (DoneReason.STOP, DoneReason.LENGTH):
            yield from self._close()
            yield {"type": "message_delta", "delta": self._ended(event), "usage": self._usage()}
            yield {"type": "message_stop"}

    def whole(self) -> dict[str, Any]:
        """Return the whole message, once it is done."""
        done = self._fold.done
        assert done is not None
        content = [block.as_object() for block in self._blocks]
        return self._message(self._usage()) | {"content": content, **self._ended(done)}

    def _add(self, kind: type[_Block], text: str) -> Iterator[Event]:
        """Yield the events of new text. A block of another kind that is open ends before it."""
        if not self._blocks or not isinstance(self._blocks[-1], kind):
            yield from self._open(kind(self._facts.id))
        text = "" if kind is _Thinking and self._request.omitted else text
        self._blocks[-1].text += text
        if text:
            yield self._event("delta", delta=self._blocks[-1].delta(text))

    def _add_call(self, call: CallDelta) -> Iterator[Event]:
        """Yield the events of a new part of a call."""
        if call.id is not None:
            yield from self._open(_ToolUse(self._facts.id, id=call.id, name=call.name or ""))
        self._blocks[-1].text += call.arguments
        if call.arguments:
            yield self._event("delta", delta=self._blocks[-1].delta(call.arguments))

    def _open(self, block: _Block) -> Iterator[Event]:
        yield from self._close()
        self._blocks.append(block)
        yield self._event("start", content_block=block.empty())

    def _close(self) -> Iterator[Event]:
        """Yield the events that end the open block."""
        if self._blocks:
            if last := self._blocks[-1].last_delta():
                yield self._event("delta", delta=last)
            yield self._event("stop")

    def _event(self, name: str, **fields: Any) -> Event:
        return {"type": f"content_block_{name}", "index": len(self._blocks) - 1, **fields}

    def _message(self, usage: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": self._facts.id,
            "type": "message",
            "role": "assistant",
            "model": self._facts.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
        }

    def _ended(self, done: Done) -> dict[str, Any]:
        """Return why the answer ended."""
        if done.reason is DoneReason.LENGTH:
            full = done.limit == "context"
            return {"stop_reason": "model_context_window_exceeded" if full else "max_tokens", "stop_sequence": None}
        if done.stop_string is not None and done.stop_string in (self._request.params.stop or ()):
            return {"stop_reason": "stop_sequence", "stop_sequence": done.stop_string}
        return {"stop_reason": "tool_use" if self._fold.has_calls else "end_turn", "stop_sequence": None}

    def _usage(self) -> dict[str, Any]:
        """Return the tokens. Those of the prompt that were in the cache are not among its ``input_tokens``."""
        usage = usage_of([self._fold])
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        return {
            "input_tokens": usage["prompt_tokens"] - cached,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": cached,
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"thinking_tokens": usage["completion_tokens_details"]["reasoning_tokens"]},
        }


@dataclass
class _Block:
    """One content block of the answer. ``message``: the message's id."""

    message: str
    text: str = ""
    kind: ClassVar = ""

    def as_object(self) -> dict[str, Any]:
        return {"type": self.kind, self.kind: self.text}

    def empty(self) -> dict[str, Any]:
        """Return the block as it begins."""
        return {"type": self.kind, self.kind: ""}

    def delta(self, text: str) -> dict[str, Any]:
        return {"type": f"{self.kind}_delta", self.kind: text}

    def last_delta(self) -> dict[str, Any] | None:
        """Return the delta that ends the block, if there is one."""
        return None


class _Text(_Block):
    kind = "text"


class _Thinking(_Block):
    """A thought. Its signature is the message's id: clients send back only thoughts that have one."""

    kind = "thinking"

    def as_object(self) -> dict[str, Any]:
        return {**super().as_object(), "signature": self.message}

    def empty(self) -> dict[str, Any]:
        return {**super().empty(), "signature": ""}

    def last_delta(self) -> dict[str, Any] | None:
        return {"type": "signature_delta", "signature": self.message}


@dataclass
class _ToolUse(_Block):
    """A call. ``text`` is its arguments, as JSON."""

    id: str = ""
    name: str = ""
    kind = "tool_use"

    def as_object(self) -> dict[str, Any]:
        return {**self.empty(), "input": _an_object(self.text)}

    def empty(self) -> dict[str, Any]:
        return {"type": self.kind, "id": self.id, "name": self.name, "input": {}}

    def delta(self, text: str) -> dict[str, Any]:
        return {"type": "input_json_delta", "partial_json": text}


def _an_object(text: str) -> dict[str, Any]:
    """Return the arguments of a call; none if the answer ended within them, or if they are no object."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        return {}
