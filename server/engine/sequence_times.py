"""Times of one generation inside the engine."""

from __future__ import annotations

from server.engine.base import EngineTimings


class SequenceTimes:
    """Owned by its Sequence. All times are ``time.monotonic()`` seconds; None for what has not happened yet.

    ``received``: receipt of the request. ``admitted``: its first slot. ``first_token``: the choice of its first token.
    """

    def __init__(self, received: float) -> None:
        self.received = received
        self.admitted: float | None = None
        self.first_token: float | None = None

    def mark_first_token(self, now: float) -> None:
        self.first_token = now if self.first_token is None else self.first_token

    def seconds_in_slot(self, now: float) -> float:
        """Return the seconds since it was first admitted; 0 before that."""
        return 0.0 if self.admitted is None else now - self.admitted

    def seconds_writing(self, now: float) -> float:
        """Return the seconds since its first token was chosen; 0 before that."""
        return 0.0 if self.first_token is None else now - self.first_token

    def timings(self, now: float, cancel_received: float | None) -> EngineTimings:
        """Return the durations of all phases, as of ``now``."""

        def ms(start: float | None, end: float | None) -> float | None:
            return None if start is None or end is None else max(0.0, (end - start) * 1000)

        received, admitted, first = self.received, self.admitted, self.first_token
        return EngineTimings(
            queued=ms(received, admitted if admitted is not None else now) or 0.0,
            prefill=ms(admitted, first if first is not None else now),
            first_token=ms(received, first),
            decode=ms(first, now),
            total=ms(received, now) or 0.0,
            stop=ms(cancel_received, now),
        )
