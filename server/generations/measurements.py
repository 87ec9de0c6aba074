"""Measurements for the operator, as plain numbers; other modules format them."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict
from typing import Final

from protocol.messages import DoneReason
from server.engine.base import Finished, FinishReason
from server.generations.generation import Generation
from server.generations.histogram import Histogram
from server.generations.speed import Speed
from server.logs import event
from server.other_programs import OtherPrograms

logger = logging.getLogger(__name__)

WAITS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Histogram bounds in seconds, from the built-in model's times to a long queue on a large model."""

GAPS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
STOPS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Measurements:
    """Owned by the registry, on the event loop; other threads may read it."""

    def __init__(self) -> None:
        self.first_tokens = Histogram(WAITS)
        """Time from the receipt of a request to its first token; counted when it ends."""
        self.gaps = Histogram(GAPS)
        """Time between two pieces of one answer, on arrival in its log."""
        self.stops = Histogram(STOPS)
        """Time from the receipt of a cancel until computing has stopped."""
        self.finished: Counter[DoneReason] = Counter()
        self.cancelled: Counter[str] = Counter()
        """Cancelled generations by phase."""
        self.attaches: Counter[bool] = Counter()
        """Attach requests, by whether they resumed at the client's cursor."""
        self.slow_closes = 0
        """Number of connections closed with 4508."""
        self.speed = Speed()
        self.others = OtherPrograms()

    def piece(self, generation: Generation, tokens: int, now: float) -> None:
        """Record a piece of ``tokens`` new tokens that enters a log; ``now`` is in ``time.monotonic()`` seconds."""
        if generation.last_piece is not None:
            self.gaps.count(now - generation.last_piece)
        generation.last_piece = now
        self.speed.add(tokens, now)

    def end(self, finished: Finished) -> None:
        timings = finished.timings
        self.finished[DoneReason(finished.reason)] += 1
        if timings.first_token is not None:
            self.first_tokens.count(timings.first_token / 1000)
        if finished.reason is FinishReason.CANCELLED:
            self.cancelled[finished.phase.value] += 1
            if timings.stop is not None:
                self.stops.count(timings.stop / 1000)


def log_end(generation: Generation, finished: Finished) -> None:
    """Log how a generation ended and how long each phase took."""
    usage, timings = finished.usage, finished.timings
    fields = {
        **generation.origin,
        "generation": generation.id,
        "reason": finished.reason,
        "phase": finished.phase,
        "error": finished.error,
        **asdict(usage),
        **{f"{name}_ms": value and round(value, 1) for name, value in asdict(timings).items()},
    }
    event(logger, logging.WARNING if finished.error else logging.INFO, "generation done", **fields)
