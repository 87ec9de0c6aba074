"""Rate limits: messages per time and concurrent connections. Pure: the time is passed in."""

from __future__ import annotations

import contextlib
import ipaddress
from collections import Counter
from collections.abc import Hashable, Iterator
from typing import Final

BURST_SECONDS: Final = 10.0
"""Burst allowance, in seconds of the normal rate."""

BUCKETS_KEPT: Final = 4096
"""Number of buckets above which full ones are dropped: they equal new ones."""


class Bucket:
    """A token bucket: ``rate`` per second, up to ``burst`` at once. Times are seconds on one clock."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = self._left = burst
        self._at = now

    def take(self, count: int, now: float) -> float:
        """Take ``count`` and return 0; or take nothing and return the seconds until one is available."""
        self._fill(now)
        if self._left >= 1:
            self._left -= count  # may go below 0: messages of one frame are not separated
            return 0.0
        return (1 - self._left) / self._rate

    def is_full(self, now: float) -> bool:
        self._fill(now)
        return self._left >= self._burst

    def _fill(self, now: float) -> None:
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now


class Rates:
    """One bucket per recent client. Owned by the guard."""

    def __init__(self, rate: float, burst: float | None = None) -> None:
        self._rate = rate
        self._burst = rate * BURST_SECONDS if burst is None else burst
        self._buckets: dict[Hashable, Bucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, who: Hashable, count: int, now: float) -> float:
        """Take from the bucket of ``who``, like ``Bucket.take``."""
        bucket = self._buckets.get(who)
        if bucket is None:
            self._drop_full(now)
            bucket = self._buckets[who] = Bucket(self._rate, self._burst, now)
        return bucket.take(count, now)

    def _drop_full(self, now: float) -> None:
        if len(self._buckets) >= BUCKETS_KEPT:
            self._buckets = {who: bucket for who, bucket in self._buckets.items() if not bucket.is_full(now)}


class TooManyError(Exception):
    """The connection limit is reached."""


class UseCounts:
    """Open connections per client, at most ``limit`` each. Owned by the guard."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._counts: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return self._counts.total()

    def acquire(self, who: Hashable) -> None:
        """Count a connection of ``who``. Raises TooManyError."""
        if self._counts[who] >= self.limit:
            raise TooManyError
        self._counts[who] += 1

    def release(self, who: Hashable) -> None:
        self._counts[who] -= 1
        if not self._counts[who]:
            del self._counts[who]

    @contextlib.contextmanager
    def in_use(self, who: Hashable) -> Iterator[None]:
        """Count a connection for the duration of the block. Raises TooManyError."""
        self.acquire(who)
        try:
            yield
        finally:
            self.release(who)


def network_of(address: str) -> str:
    """Return the unit that an address is counted as: itself, or for IPv6 the /64 network that one customer has."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
