"""A listener that stores an engine's updates, and lets a test wait for them."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from server.engine.base import Engine, Finished, GenerationRequest, Piece, Prefill, SamplingParams, Update

DEADLINE = 60.0


class Recorder:
    """Listener of an engine: pass ``listen`` to it. The engine's thread adds updates, and the test's thread waits for
    them."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._updates: list[Update] = []
        self.steps = 0

    def listen(self, updates: Sequence[Update]) -> None:
        with self._condition:
            self._updates.extend(updates)
            self.steps += 1
            self._condition.notify_all()

    def of(self, id: str) -> list[Update]:
        with self._condition:
            return [update for update in self._updates if update.id == id]

    def text(self, id: str) -> str:
        return "".join(update.text for update in self.of(id) if isinstance(update, Piece))

    def tokens(self, id: str) -> list[int]:
        """Return all tokens of ``id`` so far."""
        return [token for update in self.of(id) if isinstance(update, Piece) for token in update.tokens]

    def ended(self, id: str) -> int:
        """Return the index of the last update of ``id`` among all updates."""
        with self._condition:
            return next(n for n, update in enumerate(self._updates) if update.id == id and isinstance(update, Finished))

    def wait(self, id: str, condition: Callable[[list[Update]], bool]) -> list[Update]:
        """Return the updates of ``id`` once they satisfy ``condition``."""
        with self._condition:
            found = self._condition.wait_for(
                lambda: condition([update for update in self._updates if update.id == id]), DEADLINE
            )
        assert found, f"{id}: not within {DEADLINE} s; there is {self.of(id)[-3:]}"
        return self.of(id)

    def finished(self, id: str) -> Finished:
        last = self.wait(id, lambda updates: any(isinstance(update, Finished) for update in updates))[-1]
        assert isinstance(last, Finished)
        return last

    def wait_for_pieces(self, id: str, count: int = 1) -> None:
        self.wait(id, lambda updates: sum(isinstance(update, Piece) for update in updates) >= count)

    def wait_for_tokens(self, id: str, count: int) -> None:
        self.wait(id, lambda updates: any(isinstance(u, Piece) and u.completion_tokens >= count for u in updates))

    def wait_for_prefill(self, id: str, done: int = 0) -> None:
        self.wait(id, lambda updates: any(isinstance(u, Prefill) and u.done >= done for u in updates))


def submit(engine: Engine, id: str, prompt: Sequence[int], *, written: Any = (), **sampling: Any) -> None:
    """Submit a request to ``engine``."""
    params = SamplingParams(**sampling)
    engine.submit(
        GenerationRequest(id=id, prompt=tuple(prompt), sampling=params, received=time.monotonic(), written=written)
    )
