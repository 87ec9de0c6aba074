"""The token that a run of the kit shows to a server which asks for one (PROTOCOL 13.9)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

TOKEN: Final[ContextVar[str | None]] = ContextVar("streamui token", default=None)
"""Belongs to one run and all its tasks, however deep the wire lies that sends it."""


def authorization() -> dict[str, str]:
    """The header of a request or a handshake."""
    token = TOKEN.get()
    return {} if token is None else {"authorization": f"Bearer {token}"}
