"""An upstream writer in front of a scripted upstream, and what it delivers."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from protocol.messages import ChatMessage, Generate, Params
from server.engine.base import Delayed, Finished, GenerationRequest, Piece, Prefill, Queued, Update, UpstreamState
from server.writers.upstream.kinds import AUTO
from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.upstream import Address
from server.writers.upstream.writer import UpstreamWriter
from tests.server.writers.upstream.scripted import Scripted

DEADLINE: Final = 120.0
"""Time limit for one update, in seconds, also on a busy machine."""


class Deliveries:
    """The listener: keeps every update, and wakes the test."""

    def __init__(self) -> None:
        self.deliveries: list[Sequence[Update]] = []
        self._updates: defaultdict[str, list[Update]] = defaultdict(list)
        self._news = threading.Condition()

    def __call__(self, updates: Sequence[Update]) -> None:
        with self._news:
            self.deliveries.append(updates)
            for update in updates:
                self._updates[update.id].append(update)
            self._news.notify_all()

    def of(self, id: str) -> list[Update]:
        with self._news:
            return list(self._updates[id])

    def pieces(self, id: str, at_least: int = 0) -> list[Piece]:
        """Wait for ``at_least`` pieces, and return all."""
        self._wait(lambda: len(self._pieces(id)) >= at_least)
        return self._pieces(id)

    def prefills(self, id: str, at_least: int) -> None:
        """Wait for ``at_least`` reports about the prompt."""
        self._wait(lambda: sum(isinstance(each, Prefill) for each in self._updates[id]) >= at_least)

    def queued(self, id: str, position: int) -> None:
        """Wait until this position in the queue is reported."""
        self._wait(lambda: Queued(id, position) in self._updates[id])

    def delayed(self, id: str, upstream: UpstreamState) -> None:
        """Wait until this state of the upstream is reported."""
        self._wait(lambda: Delayed(id, upstream) in self._updates[id])

    def finished(self, id: str) -> Finished:
        self._wait(lambda: any(isinstance(each, Finished) for each in self._updates[id]))
        (finished,) = [each for each in self.of(id) if isinstance(each, Finished)]
        return finished

    def text(self, id: str) -> str:
        return "".join(piece.text for piece in self._pieces(id))

    def _pieces(self, id: str) -> list[Piece]:
        return [each for each in list(self._updates[id]) if isinstance(each, Piece)]

    def _wait(self, done: Any) -> None:
        with self._news:
            assert self._news.wait_for(done, DEADLINE)


class Writing:
    """A writer that has started, and its deliveries."""

    def __init__(self, writer: UpstreamWriter) -> None:
        self.writer = writer
        self.news = Deliveries()
        writer.start(self.news)

    def ask(self, id: str, *, written: str = "", text: Sequence[str] = (), **fields: Any) -> None:
        """Submit one request. ``text``: pieces that an earlier server wrote."""
        self.writer.submit(self.prepared(id, written=written, text=text, **fields))

    def prepared(self, id: str, *, written: str = "", text: Sequence[str] = (), **fields: Any) -> GenerationRequest:
        """Return one request."""
        params = Params(**fields.pop("params", {}))
        messages = fields.pop("messages", (ChatMessage(role="user", content="Hi"),))
        body = Generate(messages=messages, params=params, **fields)
        request = self.writer.prepare(id, body, written=written, received=time.monotonic(), principal="").request
        return replace(request, text=tuple(text))


@contextmanager
def writing(
    scripted: Scripted, kind: str = AUTO, *, slots: int | None = None, patience: float = 60, silence: float = 60
) -> Iterator[Writing]:
    """Start a writer in front of ``scripted``."""
    address = Address(url=scripted.url, key="sk-secret-key", patience=patience, silence=silence)
    known = KnownUpstream(address, kind=kind, slots=slots)
    known.ask()
    writer = UpstreamWriter(known)
    try:
        yield Writing(writer)
    finally:
        writer.close()
