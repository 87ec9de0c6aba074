"""One connection's standing with the guard: whose it is, and what it may still do."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Final

from starlette.types import Scope

from server.guard.limits import Limits
from server.guard.principal import ANONYMOUS, address_of, principal_of
from server.guard.rates import Places, Rates, network_of
from server.guard.tokens import Pass, Tokens

PASS: Final = "streamui.pass"
"""Where the guard notes in a connection's ASGI scope what its client has shown."""


def pass_of(scope: Scope) -> Pass | None:
    """None where nothing was shown, and on a server without tokens."""
    shown: Pass | None = scope.get(PASS)
    return shown


def who(scope: Scope) -> Hashable:
    """Whom limits count: the principal that has shown a token, else the address."""
    return _named(pass_of(scope), network_of(address_of(scope)))


def _named(shown: Pass | None, network: str) -> Hashable:
    return ("principal", shown.principal) if shown else ("address", network)


class Visit:
    """Owned by one Connection, on the event loop.

    ``opener`` is who opened it, ANONYMOUS for one that has yet to show its token in a `hello`; ``principal`` is whose
    it is now.
    """

    def __init__(self, scope: Scope, tokens: Tokens | None, limits: Limits, places: Places, rates: Rates) -> None:
        self.limits = limits
        self.opener = self.principal = principal_of(scope)
        self.shown = pass_of(scope)
        self._tokens = tokens
        self._places = places
        self._rates = rates
        self._network = network_of(address_of(scope))
        self._place: Hashable | None = None

    @property
    def admitted(self) -> bool:
        return self.principal != ANONYMOUS

    @property
    def is_valid(self) -> bool:
        """False once what was shown has been revoked."""
        return self.shown is None or self._tokens is None or self._tokens.is_valid(self.shown)

    def enter(self) -> None:
        """Take a place among those of its principal, or of its address. Raises TooManyError."""
        self._enter_as(self.shown)

    def leave(self) -> None:
        """Give it back. A second time changes nothing."""
        if self._place is not None:
            self._places.give_back(self._place)
            self._place = None

    def admit(self, token: str | None) -> bool:
        """Judge the token of a `hello`; when it is right, the connection is its principal's, and takes a place of his.
        Raises TooManyError."""
        shown = self._tokens.admit(token) if self._tokens and token else None
        if shown is None:
            return False
        self._enter_as(shown)
        self.shown, self.principal = shown, shown.principal
        return True

    def charge(self, messages: int) -> float:
        """Count what was received: 0, or the seconds to wait, and then it is not to be carried out."""
        return self._rates.take(_named(self.shown, self._network), messages, time.monotonic())

    def _enter_as(self, shown: Pass | None) -> None:
        name = _named(shown, self._network)
        self._places.take(name)
        self.leave()
        self._place = name
