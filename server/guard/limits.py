"""Limits per principal, and per address without a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ModelGetters = Literal["owner", "all", "nobody"]
"""Users who may download and delete models over the API. The owner: the first token's, or everyone without tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLimits:
    """``sockets``: open connections, and also pending requests; ``messages``: per second.

    After a pause up to ten times as many messages may come at once.
    """

    sockets: int = 2048
    messages: int = 1000
