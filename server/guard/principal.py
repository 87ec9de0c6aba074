"""Whose request it is."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

from server.generations.ownership import LOCAL

__all__ = ["ANONYMOUS", "LOCAL", "PRINCIPAL", "address_of", "principal_of"]

ANONYMOUS: Final = ""
"""Who has shown nothing yet. It owns nothing, and no token has this name."""

PRINCIPAL: Final = "streamui.principal"
"""Where the guard notes in a connection's ASGI scope who has been let in."""


def principal_of(scope: Scope) -> str:
    """The principal of a request or WebSocket, which owns all that is begun by it."""
    principal: str = scope.get(PRINCIPAL, LOCAL)
    return principal


def address_of(scope: Scope) -> str:
    """The peer's address, or that of the client which a trusted proxy names; "" where there is none."""
    client = scope.get("client")
    return str(client[0]) if client else ""
