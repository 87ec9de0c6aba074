"""Answers of ``/v1/responses``: the whole object, and the events of a stream.

The items of an answer come one after another, and only the last one is open: its thinking, its message, its calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from protocol.messages import ChosenLogprob, Done, DoneReason, Token
from server.openai.choice import ChoiceFold, Delta, chat_logprobs, usage_of
from server.openai.ended import failure_of
from server.openai.errors import ErrorReply
from server.openai.response_note import ResponseNote

IN_PROGRESS: Final = "in_progress"
COMPLETED: Final = "completed"
INCOMPLETE: Final = "incomplete"
QUEUED: Final = "queued"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"

STATUSES: Final = {
    DoneReason.STOP: COMPLETED,
    DoneReason.LENGTH: INCOMPLETE,
    DoneReason.CANCELLED: CANCELLED,
    DoneReason.FAILED: FAILED,
    DoneReason.INTERRUPTED: FAILED,
}
"""Status of a response that has ended."""

LAST_EVENTS: Final = {
    COMPLETED: "response.completed",
    INCOMPLETE: "response.incomplete",
    FAILED: "response.failed",
    CANCELLED: "response.failed",  # OpenAI has no event for a cancelled response
}
"""Last event of the stream, by the status."""

KEEP_ALIVE: Final = "keepalive"
"""Type of OpenAI's event without content. Some clients, such as Codex CLI, give up a stream without events, whatever
comments it has."""

Event = dict[str, Any]


class ResponseAnswer:
    """Owned by one reader of the response ``id``. Feed it the events of its generation in order, from the first one,
    and each piece of text by itself: then every reader gets the same events with the same numbers.
    """

    def __init__(self, id: str, note: ResponseNote) -> None:
        self._id = id
        self._note = note
        self._fold = ChoiceFold(split=note.split, id=id, names=note.functions)
        self._items: list[_Item] = []
        self._sequence = -1
        self._began = False
        self.steered = note.steered
        """True if it is stopped for new input. Set it before the last event of the log is fed."""

    @property
    def sequence(self) -> int:
        """Number of the newest event; -1 before the first one."""
        return self._sequence

    @property
    def ended(self) -> bool:
        """True once the last event of the log was fed."""
        return self._fold.done is not None

    def opening(self) -> Iterator[Event]:
        """Yield the first events, which have the response without any output."""
        if not self._note.told["background"]:
            yield self._event("response.created", response=self._response(IN_PROGRESS))
            if not self._note.warm:
                yield from self.began()
            return
        for name in ("response.created", "response.queued"):
            yield self._event(name, response=self._response(QUEUED))

    def began(self) -> Iterator[Event]:
        """Yield the event of a response that no longer waits in the queue, once."""
        if not self._began and not self._note.warm:
            self._began = True
            yield self._event("response.in_progress", response=self._response(IN_PROGRESS))

    def feed(self, event: Token | Done) -> Iterator[Event]:
        """Yield the events for one event of the log."""
        yield from self.began()
        delta = self._fold.feed(event)
        if self._note.warm:
            delta = Delta()  # a warm-up computes one token, and the response leaves it out
        # Text in one piece with the end of a call comes after that call, and before the next one.
        for call in (call for call in delta.calls if call.id is None):
            yield from self._add_arguments(call.arguments)
        if delta.reasoning:
            yield from self._add(_Thinking, delta.reasoning, ())
        if delta.content:
            yield from self._add(_Message, delta.content, delta.logprobs)
        elif delta.logprobs and self._items:
            self._items[-1].add("", delta.logprobs)  # of a token that a stop string ended inside
        for call in (call for call in delta.calls if call.id is not None):
            yield from self._open(_Call(self._id, len(self._items), call_id=call.id or "", name=call.name or ""))
            yield from self._add_arguments(call.arguments)
        if isinstance(event, Done):
            yield from self._end(event)

    def whole(self, *, waiting: bool = False) -> dict[str, Any]:
        """Return the response as of the last event. ``waiting``: it is in the queue."""
        return self._response(QUEUED if waiting else self._status)

    def keep_alive(self) -> Event:
        """Return the event that only keeps the client waiting. It has the number of the event before it, so that the
        numbers of the others are the same in every stream."""
        return {"type": KEEP_ALIVE, "sequence_number": self._sequence}

    def failed(self, reply: ErrorReply) -> Event:
        """Return the last event for a client that can't read the answer to its end."""
        return self._event("response.failed", response=self._response(FAILED) | _error(reply.body["error"]["message"]))

    def _add(self, kind: type[_Item], text: str, logprobs: tuple[ChosenLogprob, ...]) -> Iterator[Event]:
        """Yield the events of new text. An item of another kind that is open ends before it."""
        if not self._items or not isinstance(self._items[-1], kind):
            item = kind(self._id, len(self._items))
            yield from self._open(item)
            yield self._event("response.content_part.added", **item.place, part=item.part)
        item = self._items[-1]
        item.add(text, logprobs)
        yield self._event(f"{item.event}.delta", **item.place, delta=text, **item.logprobs_of(logprobs))

    def _open(self, item: _Item) -> Iterator[Event]:
        """Yield the events that begin an item. The item that is open ends before it."""
        yield from self._close(COMPLETED)
        self._items.append(item)
        added = item.as_object(IN_PROGRESS) | ({} if isinstance(item, _Call) else {"content": []})
        yield self._event("response.output_item.added", output_index=item.index, item=added)

    def _add_arguments(self, text: str) -> Iterator[Event]:
        """Yield the event of new arguments of the call that is open."""
        item = self._items[-1]
        item.add(text, ())
        if text:
            yield self._event(f"{item.event}.delta", **item.place, delta=text)

    def _close(self, status: str) -> Iterator[Event]:
        """Yield the events that end the open item."""
        if not self._items:
            return
        item = self._items[-1]
        item.status = status
        if isinstance(item, _Call):
            yield self._event(f"{item.event}.done", **item.place, name=item.name, arguments=item.text)
        else:
            yield self._event(f"{item.event}.done", **item.place, text=item.text, **item.logprobs_of(item.logprobs))
            yield self._event("response.content_part.done", **item.place, part=item.part)
        yield self._event("response.output_item.done", output_index=item.index, item=item.as_object(status))

    def _end(self, done: Done) -> Iterator[Event]:
        if not self._items and done.reason is DoneReason.STOP and not self._note.warm:
            yield from self._add(_Message, "", ())
        if self._status in (COMPLETED, INCOMPLETE):
            yield from self._close(self._status)
        elif self._items:
            self._items[-1].status = INCOMPLETE
        yield self._event(LAST_EVENTS[self._status], response=self.whole())

    @property
    def _status(self) -> str:
        done = self._fold.done
        if done is None:
            return IN_PROGRESS
        if done.reason is DoneReason.CANCELLED and self.steered:
            return INCOMPLETE
        return COMPLETED if self._note.warm and done.reason is DoneReason.LENGTH else STATUSES[done.reason]

    @property
    def _cut(self) -> str:
        """Reason why an answer is incomplete."""
        done = self._fold.done
        return "steered" if done and done.reason is DoneReason.CANCELLED else "max_output_tokens"

    def _event(self, kind: str, /, **fields: Any) -> Event:
        self._sequence += 1
        return {"type": kind, "sequence_number": self._sequence, **fields}

    def _response(self, status: str) -> dict[str, Any]:
        done, created = self._fold.done, self._note.created
        failure = failure_of(done) if done and status == FAILED else None
        return {
            "id": self._id,
            "object": "response",
            "created_at": created,
            "completed_at": created + round(done.timings.total / 1000) if done and status == COMPLETED else None,
            "model": self._note.model,
            "status": status,
            "error": None,
            "incomplete_details": {"reason": self._cut} if status == INCOMPLETE else None,
            "output": [item.as_object(item.status) for item in self._items] if done or status == FAILED else [],
            "usage": _usage(self._fold, written=not self._note.warm) if done else None,
            **self._note.told,
            **(_error(failure.body["error"]["message"]) if failure else {}),
        }


def _error(message: str) -> dict[str, Any]:
    return {"error": {"code": "server_error", "message": message}}


@dataclass
class _Item:
    """One item of the output."""

    response: str
    index: int
    text: str = ""
    status: str = IN_PROGRESS
    logprobs: list[ChosenLogprob] = field(default_factory=list)
    prefix = ""
    event = ""

    @property
    def id(self) -> str:
        return f"{self.prefix}{self.response.partition('_')[2]}{self.index}"

    @property
    def place(self) -> dict[str, Any]:
        return {"output_index": self.index, "item_id": self.id, "content_index": 0}

    @property
    def part(self) -> dict[str, Any]:
        raise NotImplementedError

    def add(self, text: str, logprobs: Sequence[ChosenLogprob]) -> None:
        self.text += text
        self.logprobs.extend(logprobs)

    def logprobs_of(self, logprobs: Sequence[ChosenLogprob]) -> dict[str, Any]:
        """Return the ``logprobs`` of an event, for events that have them."""
        return {}

    def as_object(self, status: str) -> dict[str, Any]:
        raise NotImplementedError


class _Message(_Item):
    prefix = "msg_"
    event = "response.output_text"

    @property
    def part(self) -> dict[str, Any]:
        return {"type": "output_text", "text": self.text, "annotations": [], **self.logprobs_of(self.logprobs)}

    def logprobs_of(self, logprobs: Sequence[ChosenLogprob]) -> dict[str, Any]:
        return {"logprobs": chat_logprobs(logprobs)["content"]}

    def as_object(self, status: str) -> dict[str, Any]:
        return {"id": self.id, "type": "message", "role": "assistant", "status": status, "content": [self.part]}


class _Thinking(_Item):
    prefix = "rs_"
    event = "response.reasoning_text"

    @property
    def part(self) -> dict[str, Any]:
        return {"type": "reasoning_text", "text": self.text}

    def as_object(self, status: str) -> dict[str, Any]:
        content = {"summary": [], "content": [self.part], "encrypted_content": None}
        return {"id": self.id, "type": "reasoning", "status": status, **content}


@dataclass
class _Call(_Item):
    """A call of a function. ``text``: its arguments."""

    call_id: str = ""
    name: str = ""
    prefix = "fc_"
    event = "response.function_call_arguments"

    @property
    def place(self) -> dict[str, Any]:
        return {"output_index": self.index, "item_id": self.id}

    def as_object(self, status: str) -> dict[str, Any]:
        fields = {"call_id": self.call_id, "name": self.name, "arguments": self.text}
        return {"id": self.id, "type": "function_call", "status": status, **fields}


def _usage(fold: ChoiceFold, *, written: bool) -> dict[str, Any]:
    """Return the usage. ``written`` False: the tokens that were computed are no part of the response."""
    usage = usage_of([fold])
    output = usage["completion_tokens"] if written else 0
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": output,
        "output_tokens_details": usage["completion_tokens_details"],
        "total_tokens": usage["prompt_tokens"] + output,
    }
