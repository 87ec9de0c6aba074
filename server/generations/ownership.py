"""Whose a generation is. Ids are a principal's own: two principals may use the same one and never notice.

The engine and the journal know a generation by its key, which no two have in common. A key of the local principal is
the id alone, as in the journals of servers that knew no other.
"""

from __future__ import annotations

from typing import Final

LOCAL: Final = "local"
"""The one principal of a server without tokens. No token has this name."""


def key_of(principal: str, id: str) -> str:
    """The key of a principal's generation. Neither names nor ids have a slash."""
    return id if principal == LOCAL else f"{principal}/{id}"


def owner_of(key: str) -> tuple[str, str]:
    """The principal and the id of a key."""
    principal, slash, id = key.rpartition("/")
    return (principal, id) if slash else (LOCAL, id)
