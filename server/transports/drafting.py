"""The draft of one connection: what its user is writing, read ahead by the server (PROTOCOL 4.10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from protocol.errors import RemoteProtocolError
from protocol.messages import Draft
from server.conversations.drafts import Drafts, is_blank


class Drafting:
    """Owned by one Connection. A draft that arrives while an earlier one is being prepared replaces all that wait.

    ``key`` must be unique among connections; ``refuse`` sends an error about a draft.
    """

    def __init__(self, drafts: Drafts, key: str, refuse: Callable[[RemoteProtocolError], None]) -> None:
        self._drafts = drafts
        self._key = key
        self._refuse = refuse
        self._waiting: tuple[str, Draft] | None = None
        self._wake = asyncio.Event()
        self._changes = 0
        """Number of drafts and of their ends so far."""
        self._used = False

    def put(self, principal: str, message: Draft) -> None:
        """Read this draft in place of the earlier one; forget that one if nothing is written any more."""
        if is_blank(message):
            self.forget()
            return
        self._changes += 1
        self._waiting = (principal, message)
        self._used = True
        self._wake.set()

    def forget(self) -> None:
        """Forget the draft. A generation that has been accepted still reuses it."""
        self._changes += 1
        self._waiting = None
        if self._used:
            self._used = False
            self._drafts.forget(self._key)

    async def run(self) -> None:
        """Prepare drafts, one at a time and only the newest, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._waiting is None:
                continue
            (principal, message), self._waiting = self._waiting, None
            number = self._changes
            try:
                await self._drafts.read(principal, self._key, message, lambda: self._changes == number)  # noqa: B023
            except RemoteProtocolError as error:
                if self._changes == number:
                    self._refuse(error)
