"""The token that a run of the kit sends to a server which requires one (PROTOCOL 13.9)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

TOKEN: Final[ContextVar[str | None]] = ContextVar("streamui token", default=None)
"""Token of the current run, visible in all tasks of that run."""


def authorization() -> dict[str, str]:
    """Return the authorization header for a request or handshake; empty without a token."""
    token = TOKEN.get()
    return {} if token is None else {"authorization": f"Bearer {token}"}
