"""Progress of a download on a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO, Final

from server.models.memory import size_text

CELLS: Final = 30
INTERVAL: Final = 0.1
"""Shortest time between two states, in seconds."""


Progress = Callable[[int, int | None], None]
"""Called with the number of bytes that have arrived and that of the whole file, if it is known."""


def no_progress(arrived: int, whole: int | None) -> None:
    """Show nothing."""


class ProgressBar:
    """Progress bar on one line of a terminal, which it rewrites. Writes nothing to any other stream."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._last = 0.0

    def __call__(self, arrived: int, whole: int | None) -> None:
        """Show the state, but not more often than ``INTERVAL`` allows."""
        now, done = time.monotonic(), arrived == whole
        if not self._shown or (now - self._last < INTERVAL and not done):
            return
        self._last = now
        self._stream.write(f"\r{line(arrived, whole)}" + ("\n" if done else ""))
        self._stream.flush()


def line(arrived: int, whole: int | None) -> str:
    """Return the state in one line."""
    if not whole:
        return f"  {size_text(arrived)}"
    bar = "#" * (CELLS * arrived // whole)
    return f"  [{bar.ljust(CELLS, '.')}] {100 * arrived // whole:3} %  {size_text(arrived)} of {size_text(whole)}"
