"""Measurement of the processor cores that other programs use."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from server.resources import busy_core_seconds, usable_cores

SHORTEST: Final = 0.75
"""Minimum time between two measurements, in seconds. The system counts in steps of a hundredth of a second."""

LONGEST: Final = 10.0
"""Time after which an earlier measurement is not used any more, in seconds."""


class _Measurement(NamedTuple):
    """``other``: seconds, since the start of the machine, in which other programs have kept a core busy."""

    at: float
    other: float


class OtherPrograms:
    """Measures how many cores other programs keep busy. One owner, on the event loop.

    ``clock`` and ``own``: seconds, and processor seconds of this process; ``busy``: as busy_core_seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        own: Callable[[], float] = time.process_time,
        busy: Callable[[], float | None] = busy_core_seconds,
        cores: Callable[[], int] = usable_cores,
    ) -> None:
        self._clock, self._own, self._busy, self._cores = clock, own, busy, cores
        self._before: _Measurement | None = None
        self._busy_cores: float | None = None

    @property
    def cores(self) -> int:
        """Number of cores that this process may use."""
        return self._cores()

    def busy_cores(self) -> float | None:
        """Return how many of these cores other programs keep busy, 0 to ``cores``: the mean of the time between the
        last two measurements. Measures again when the last one is old enough.

        None before there are two, and where the system doesn't report it.
        """
        now, before = self._clock(), self._before
        if before is not None and now - before.at < SHORTEST:
            return self._busy_cores
        busy = self._busy()
        self._before = None if busy is None else _Measurement(now, busy - self._own())
        if before is None or self._before is None or now - before.at > LONGEST:
            self._busy_cores = None
        else:
            mean = (self._before.other - before.other) / (now - before.at)
            self._busy_cores = min(max(mean, 0.0), float(self.cores))
        return self._busy_cores
