"""What a `generate` stands for that names a conversation in place of a prompt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from protocol.messages import Generate


@dataclass(frozen=True, slots=True)
class Source:
    """``body`` has the whole dialogue as its messages, and all parameters; ``written`` is the text of the answer that
    the model goes on with. ``before`` is called once nothing speaks against the generation any more, right before it
    begins, with the number of messages that were left out; it may raise RemoteProtocolError.
    """

    body: Generate
    written: str
    before: Callable[[int], Awaitable[None]]
