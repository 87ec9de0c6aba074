"""Ownership of generations. Ids belong to a principal: two principals may use the same id without noticing.

The engine and the journal use a key, which is unique across principals. A key of the local principal is just the id, as
in journals from before there were others.
"""

from __future__ import annotations

from typing import Final

LOCAL: Final = "local"
"""The only principal of a server without tokens. No token may have this name."""


def key_of(principal: str, id: str) -> str:
    """Return the key of a principal's generation. Neither names nor ids contain a slash."""
    return id if principal == LOCAL else f"{principal}/{id}"


def owner_of(key: str) -> tuple[str, str]:
    """Return the principal and the id of a key."""
    principal, slash, id = key.rpartition("/")
    return (principal, id) if slash else (LOCAL, id)
