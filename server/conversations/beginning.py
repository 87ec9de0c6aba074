"""The start of one turn: written to the store, and undone when its generation does not start."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time

from protocol.messages import Generate
from server.conversations import turns
from server.conversations.store import Store
from server.conversations.values import Summary


class Beginning:
    """One turn that is being started. Owned by the service, on the event loop; ``_begun`` belongs to the store's
    thread."""

    def __init__(self, store: Store, principal: str, body: Generate, turn: turns.Turn) -> None:
        self._store = store
        self._principal = principal
        self._body = body
        self._turn = turn
        self._submitted = False
        self._begun: turns.TurnStart | None = None

    @property
    def message(self) -> str | None:
        """Id of the message that receives the answer."""
        return self._turn.continued.id if self._turn.continued else self._body.id

    async def write(self, dropped: int) -> Summary:
        """Write the user's message and the empty answer. Raises RemoteProtocolError."""
        self._submitted = True
        question = self._body.message_id or secrets.token_hex(8)
        return await self._store.submit(self._write, question, time.time_ns() // 1_000_000, dropped)

    def undo(self) -> asyncio.Future[Summary | None] | None:
        """Undo ``write``, even when it is still running. Returns None when there is nothing to undo."""
        return self._store.submit(self._undo) if self._submitted else None

    # On the store's thread

    def _write(self, db: sqlite3.Connection, question: str, now: int, dropped: int) -> Summary:
        self._begun = turns.begin(db, self._principal, self._body, self._turn, question, now, dropped)
        return self._begun.summary

    def _undo(self, db: sqlite3.Connection) -> Summary | None:
        if self._begun is None:
            return None
        return turns.undo(db, self._principal, self._body.conversation or "", self._begun)
