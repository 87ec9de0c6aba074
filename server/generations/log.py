"""One generation's append-only log of numbered events (PROTOCOL 6).

Text pieces are numbered 1, 2, 3 and so on; ``done`` has the number after the last. A reader has a cursor and reads all
text after it in one message, so a slow reader gets fewer and larger messages.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from math import nan
from typing import Final

from protocol.messages import ChosenLogprob, Done, Token, ToolCall
from server.generations.call_log import CallLog

Wake = Callable[[], None]
"""Called on the event loop when there may be new events. Must return quickly."""

SLICE_BYTES: Final = 16_384
"""Maximum text per message, in bytes, except for a longer single piece: a client on a slow network must receive it
before the server treats it as stalled."""


class GenerationLog:
    """Owned by the registry, on the event loop; only the registry appends. ``epoch`` never changes."""

    def __init__(self, id: str, epoch: str, functions: Collection[str] = ()) -> None:
        """``functions``: names of those that the answer may call."""
        self.id = id
        self.epoch = epoch
        self.done: Done | None = None
        self.choices = 0
        """Number of tokens stored with a logprob, including alternatives."""
        self._pieces: list[str] = []
        self._logprobs: dict[int, tuple[ChosenLogprob, ...]] = {}
        """Logprobs of the tokens of each piece, by the piece's number."""
        self._calls = CallLog(id, functions) if functions else None
        self._ends = array("q", [0])
        """UTF-8 size of the first 0, 1, 2 ... pieces, in bytes."""
        self._arrivals = array("d")
        """Arrival time of each piece, in ``time.monotonic()`` seconds; NaN for the pieces of an earlier server."""

    @property
    def pieces(self) -> int:
        """Number of text pieces, which is also the number of the newest one."""
        return len(self._pieces)

    @property
    def seq(self) -> int:
        """Number of the newest event; 0 when there is none."""
        return self.done.seq if self.done else self.pieces

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._pieces)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...] | None:
        """All calls so far; None without any."""
        return self._calls.whole if self._calls else None

    @property
    def content(self) -> str | None:
        """Text outside of calls, once there is a call and such a text."""
        return self._calls.content if self._calls else None

    @property
    def size(self) -> int:
        """UTF-8 size of the text, in bytes."""
        return self._ends[-1]

    def size_at(self, seq: int) -> int:
        """Return the UTF-8 size of the text up to number ``seq``, in bytes."""
        return self._ends[min(seq, self.pieces)]

    def append(self, text: str, logprobs: tuple[ChosenLogprob, ...] = (), arrived: float = nan) -> None:
        """Append the next piece, with the logprobs of its tokens where they were asked for."""
        size = self.size + len(text.encode())  # first, so that an error leaves the log unchanged
        if logprobs:
            self._logprobs[self.pieces + 1] = logprobs
            self.choices += sum(1 + len(logprob.top_logprobs) for logprob in logprobs)
        self._pieces.append(text)
        if self._calls:
            self._calls.append(self.pieces, text)
        self._ends.append(size)
        self._arrivals.append(arrived)

    def end_text(self) -> None:
        """Record that no piece follows: text that might have become a call is none."""
        if self._calls:
            self._calls.end()

    def finish(self, done: Done) -> None:
        self.done = done

    def arrivals(self) -> Iterator[tuple[int, float]]:
        """Yield each piece's length in code points and its arrival time; see ``append``."""
        return zip(map(len, self._pieces), self._arrivals, strict=True)

    def written(self) -> Iterator[tuple[str, tuple[ChosenLogprob, ...]]]:
        """Yield each piece, with the logprobs of its tokens where requested."""
        for number, text in enumerate(self._pieces, start=1):
            yield text, self._logprobs.get(number, ())

    def read(self, after: int) -> Token | Done | None:
        """Return the next message for a cursor at ``after``: the text after it, else ``done``, else None for now."""
        if after < self.pieces:
            last = max(after + 1, bisect_right(self._ends, self.size_at(after) + SLICE_BYTES) - 1)
            text = "".join(self._pieces[after:last])
            calls = self._calls.between(after, last) if self._calls else None
            logprobs = self._logprobs_of(after, last)
            return Token(id=self.id, seq=last, n=last - after, text=text, logprobs=logprobs, tool_calls=calls)
        return self.done if self.done and after < self.done.seq else None

    def event(self, seq: int) -> Token | Done | None:
        """Return the event with number ``seq``, a piece by itself; None while it is not there."""
        if seq <= self.pieces:
            return Token(id=self.id, seq=seq, n=1, text=self._pieces[seq - 1], logprobs=self._logprobs_of(seq - 1, seq))
        return self.done if self.done and seq == self.done.seq else None

    def events(self, after: int) -> Iterator[Token | Done]:
        """Yield the messages after a cursor at ``after`` that can be read now."""
        while (event := self.read(after)) is not None:
            after = event.seq
            yield event

    def _logprobs_of(self, after: int, last: int) -> tuple[ChosenLogprob, ...] | None:
        if not self._logprobs:
            return None
        found = [self._logprobs.get(seq, ()) for seq in range(after + 1, last + 1)]
        return tuple(logprob for each in found for logprob in each)
