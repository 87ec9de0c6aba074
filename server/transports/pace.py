"""Send rate of a connection, and the rule for a client that is too slow (PROTOCOL 7). Pure: the time is passed in.

The sender reports when a message begins to be sent and when the socket has taken it, normally at once. If sends take
time, the client or the network is slower than the answer. Then the sender rests between two rounds, so that the text
written in between is sent as one larger message.
"""

from __future__ import annotations

from typing import Final

LONGEST_TICK: Final = 0.040
FIRST_TICK: Final = 0.005

SLOW_SECONDS: Final = 0.005
"""Duration of a send from which on the socket counts as full."""

BEHIND_SECONDS: Final = 10.0
BEHIND_BYTES: Final = 262_144


class Pace:
    """Owned by one connection's sender. Times are ``time.monotonic()`` seconds."""

    def __init__(self) -> None:
        self.tick = 0.0
        """Rest before the next round, in seconds."""
        self._sending_since: float | None = None

    @property
    def sending(self) -> bool:
        """True while a message waits for the socket."""
        return self._sending_since is not None

    def begin(self, now: float) -> None:
        """Note that a message is passed to the socket."""
        self._sending_since = now

    def end(self, now: float) -> None:
        """Note that the socket has taken it."""
        slow = self._sending_since is not None and now - self._sending_since > SLOW_SECONDS
        self._sending_since = None
        if slow:
            self.tick = min(LONGEST_TICK, max(FIRST_TICK, 2 * self.tick))
        else:
            self.tick = self.tick / 2 if self.tick > FIRST_TICK else 0.0

    def too_slow(self, now: float, behind: int) -> bool:
        """Check if the socket has taken nothing for too long, or the reader is too many bytes ``behind``."""
        if self._sending_since is None:
            return False
        return behind > BEHIND_BYTES or now - self._sending_since >= BEHIND_SECONDS

    def look_again(self, now: float) -> float:
        """Return the seconds after which ``too_slow`` can become true by time alone."""
        return BEHIND_SECONDS if self._sending_since is None else self._sending_since + BEHIND_SECONDS - now
