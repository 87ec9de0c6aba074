"""The principal of a request: its owner."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from server.generations.ownership import LOCAL

__all__ = ["ANONYMOUS", "LOCAL", "PRINCIPAL", "address_of", "principal_of"]

ANONYMOUS: Final = ""
"""Principal before authentication. It owns nothing, and no token may have this name."""

PRINCIPAL: Final = "streamui.principal"
"""Key of the principal in a connection's ASGI scope, set by the guard."""


def principal_of(scope: Scope) -> str:
    """Return the principal of a request or WebSocket, which owns everything it starts."""
    principal: str = scope.get(PRINCIPAL, LOCAL)
    return principal


def address_of(scope: Scope) -> str:
    """Return the client's address, as seen directly or named by a trusted proxy; "" when unknown."""
    client = scope.get("client")
    return str(client[0]) if client else ""
