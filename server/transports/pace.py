"""How fast a client is sent to, and when it is too slow (PROTOCOL 7). Pure: the time is passed in.

The sender tells when a frame begins to go out and when the socket has taken it. One that is taken at once is the
normal case. When sends take time, the client or the line is slower than the answer, and the sender rests between two
rounds, so that what is written meanwhile goes out in one larger message.
"""

from __future__ import annotations

from typing import Final

LONGEST_TICK: Final = 0.040
FIRST_TICK: Final = 0.005

SLOW_SECONDS: Final = 0.005
"""A send that takes longer shows that the socket was full."""

BEHIND_SECONDS: Final = 10.0
BEHIND_BYTES: Final = 262_144


class Pace:
    """Owned by one connection's sender. Times are ``time.monotonic()`` seconds."""

    def __init__(self) -> None:
        self.tick = 0.0
        """How long to rest before the next round, in seconds."""
        self._sending_since: float | None = None

    @property
    def sending(self) -> bool:
        """Whether a frame waits for the socket."""
        return self._sending_since is not None

    def begin(self, now: float) -> None:
        """A frame goes to the socket."""
        self._sending_since = now

    def end(self, now: float) -> None:
        """The socket has taken it."""
        slow = self._sending_since is not None and now - self._sending_since > SLOW_SECONDS
        self._sending_since = None
        if slow:
            self.tick = min(LONGEST_TICK, max(FIRST_TICK, 2 * self.tick))
        else:
            self.tick = self.tick / 2 if self.tick > FIRST_TICK else 0.0

    def too_slow(self, now: float, behind: int) -> bool:
        """Whether the socket takes nothing for too long, or ``behind`` bytes were written meanwhile."""
        if self._sending_since is None:
            return False
        return behind > BEHIND_BYTES or now - self._sending_since >= BEHIND_SECONDS

    def look_again(self, now: float) -> float:
        """In how many seconds, at the latest, ``too_slow`` may have become true by time alone."""
        return BEHIND_SECONDS if self._sending_since is None else self._sending_since + BEHIND_SECONDS - now
