"""Access control state of the server, in one place for all endpoints."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Final

from starlette.types import Scope

from server.guard.connection_access import ConnectionAccess, limit_key
from server.guard.limits import ModelGetters, UsageLimits
from server.guard.origins import Hosts, Origins
from server.guard.principal import principal_of
from server.guard.rates import Rates, UseCounts
from server.guard.tokens import Pass, Tokens

LOGINS_PER_SECOND: Final = 0.2
LOGINS_AT_ONCE: Final = 10


class Guard:
    """Owns the counters, on the event loop. ``tokens`` None: every client is the local principal."""

    def __init__(
        self,
        *,
        tokens: Tokens | None = None,
        limits: UsageLimits | None = None,
        hosts: tuple[str, ...] = (),
        origins: tuple[str, ...] = (),
        model_getters: ModelGetters = "owner",
    ) -> None:
        self.tokens = tokens
        self.limits = limits or UsageLimits()
        self.hosts = Hosts(hosts)
        self.origins = Origins(origins)
        self.model_getters: ModelGetters = model_getters
        self.requests = UseCounts(self.limits.sockets)
        self._counts = UseCounts(self.limits.sockets)
        self._rates = Rates(self.limits.messages)
        self._logins = Rates(LOGINS_PER_SECOND, LOGINS_AT_ONCE)
        self._waiting: dict[Callable[[], None], Pass] = {}

    def open_access(self, scope: Scope) -> ConnectionAccess:
        """Create the guard's view of a new connection."""
        return ConnectionAccess(scope, self.tokens, self.limits, self._counts, self._rates)

    def may_get_models(self, scope: Scope) -> bool:
        """Tell whether the principal of a request may search the hub, download models and delete them."""
        if self.model_getters == "owner":
            return self.tokens is None or principal_of(scope) == self.tokens.owner
        return self.model_getters == "all"

    def charge(self, scope: Scope) -> float:
        """Count an HTTP request as a message. Returns 0, or the seconds to wait; the request must then be rejected."""
        return self._rates.take(limit_key(scope), 1, time.monotonic())

    def charge_login(self, scope: Scope) -> float:
        """Count a login attempt, like ``charge``."""
        return self._logins.take(limit_key(scope), 1, time.monotonic())

    @contextlib.contextmanager
    def waiting(self, shown: Pass, end: Callable[[], None]) -> Iterator[None]:
        """Call ``end`` if the pass ``shown`` is revoked within the block."""
        self._waiting[end] = shown
        try:
            yield
        finally:
            del self._waiting[end]

    async def watch(self, dismiss: Callable[[], None]) -> None:
        """Handle revoked tokens: end pending requests, and call ``dismiss`` for connections.

        Returns only when the server has no tokens.
        """
        if self.tokens is not None:
            await self.tokens.watch(lambda: self.end_invalid(dismiss))

    def end_invalid(self, dismiss: Callable[[], None]) -> None:
        assert self.tokens is not None
        for end, shown in tuple(self._waiting.items()):
            if not self.tokens.is_valid(shown):
                end()
        dismiss()

    def close(self) -> None:
        if self.tokens is not None:
            self.tokens.close()
