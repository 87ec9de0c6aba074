"""Whose request it is."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

LOCAL: Final = "local"
"""The one principal of a server without tokens."""

PRINCIPAL: Final = "streamui.principal"
"""Where the guard notes in a connection's ASGI scope who has been let in."""


def principal_of(scope: Scope) -> str:
    """The principal of a request or WebSocket, which owns all that is begun by it."""
    principal: str = scope.get(PRINCIPAL, LOCAL)
    return principal
