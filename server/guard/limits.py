"""How much each principal, and each address that has shown no token, may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``sockets``: connections that may be open, and requests that may wait; ``messages``: in a second.

    After a pause ten times as many messages may come at once.
    """

    sockets: int = 2048
    messages: int = 1000
