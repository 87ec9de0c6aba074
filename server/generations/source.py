"""The expanded form of a `generate` that names a conversation instead of a prompt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protocol.messages import Generate


@dataclass(frozen=True, slots=True)
class Source:
    """``body`` has the whole dialogue as its messages, and all parameters; ``written`` is the answer's text to
    continue.

    ``before`` is called right before the generation begins, after all checks have passed, with the number of messages
    left out; it may raise RemoteProtocolError.
    """

    body: Generate
    written: str
    before: Callable[[int], Awaitable[None]]
