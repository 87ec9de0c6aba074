"""The guard's view of one connection: its principal and its limits."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Final

from starlette.types import Scope

from server.guard.limits import UsageLimits
from server.guard.principal import ANONYMOUS, address_of, principal_of
from server.guard.rates import Rates, UseCounts, network_of
from server.guard.tokens import Pass, Tokens

PASS: Final = "streamui.pass"
"""Key of the client's pass in a connection's ASGI scope, set by the guard."""


def pass_of(scope: Scope) -> Pass | None:
    """Return the client's pass; None without one, and on a server without tokens."""
    shown: Pass | None = scope.get(PASS)
    return shown


def limit_key(scope: Scope) -> Hashable:
    """Return the key that limits count by: the principal with a token, else the address."""
    return _named(pass_of(scope), network_of(address_of(scope)))


def _named(shown: Pass | None, network: str) -> Hashable:
    return ("principal", shown.principal) if shown else ("address", network)


class ConnectionAccess:
    """Owned by one Connection, on the event loop.

    ``opener``: the principal at the start, ANONYMOUS for a client that must still send its token in a `hello`;
    ``principal``: the current one.
    """

    def __init__(
        self, scope: Scope, tokens: Tokens | None, limits: UsageLimits, counts: UseCounts, rates: Rates
    ) -> None:
        self.limits = limits
        self.opener = self.principal = principal_of(scope)
        self.shown = pass_of(scope)
        self._tokens = tokens
        self._counts = counts
        self._rates = rates
        self._network = network_of(address_of(scope))
        self._counted_as: Hashable | None = None

    @property
    def admitted(self) -> bool:
        return self.principal != ANONYMOUS

    @property
    def is_valid(self) -> bool:
        """False once the pass has been revoked."""
        return self.shown is None or self._tokens is None or self._tokens.is_valid(self.shown)

    def enter(self) -> None:
        """Count this connection for its principal or address. Raises TooManyError."""
        self._enter_as(self.shown)

    def leave(self) -> None:
        """Stop counting this connection. A second call does nothing."""
        if self._counted_as is not None:
            self._counts.release(self._counted_as)
            self._counted_as = None

    def admit(self, token: str | None) -> bool:
        """Check the token of a `hello`. If it is valid, the connection belongs to its principal and counts for it.

        Raises TooManyError.
        """
        shown = self._tokens.admit(token) if self._tokens is not None and token else None
        if shown is None:
            return False
        self._enter_as(shown)
        self.shown, self.principal = shown, shown.principal
        return True

    def charge(self, messages: int) -> float:
        """Count received messages. Returns 0, or the seconds to wait; the messages must then be rejected."""
        return self._rates.take(_named(self.shown, self._network), messages, time.monotonic())

    def _enter_as(self, shown: Pass | None) -> None:
        name = _named(shown, self._network)
        self._counts.acquire(name)
        self.leave()
        self._counted_as = name
