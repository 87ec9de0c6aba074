"""Sizes of conversations: the part of the model's context that a branch takes as the next prompt, in tokens."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from typing import Final, NamedTuple

from msgspec import UNSET, UnsetType, structs

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.conversations import reading, turn_prompt, turns
from server.conversations.store import Store
from server.conversations.values import Context, ContextQuery
from server.generations.registry import Registry
from server.writers import truncation

KEPT: Final = 256
"""Maximum number of branches whose size is cached. Beyond it the oldest measurement is dropped."""


class _Key(NamedTuple):
    """A branch of a conversation at one version. ``created_at`` distinguishes two conversations with the same id."""

    principal: str
    conversation: str
    created_at: int
    version: int
    parent: str | UnsetType | None


class Sizes:
    """Owns the cached sizes, on the event loop. Prompts with a new message are measured each time."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._known: dict[_Key, Context] = {}
        self._turn = asyncio.Lock()
        """Held while a prompt is measured: one at a time, so that answers don't wait for several."""

    async def measure(self, principal: str, conversation: str, query: ContextQuery) -> Context:
        """Measure the prompt of a `generate` with the fields of ``query``. Raises RemoteProtocolError."""
        key = await self._store.submit(_key, principal, conversation, query.parent)
        if query.content is None and (known := self._known.get(key)):
            return known
        body = Generate(conversation=conversation, parent=query.parent, content=query.content)
        turn = await self._store.submit(turns.present_turn, principal, body)
        if turn and turn.continued and turn.continued.summary:  # the model is given the summary once more is said
            turn = replace(turn, content="", continued=None)
        found = await self._measured(body, turn) if turn else self._nothing(body)
        if query.content is None:
            self._remember(key, found)
        return found

    async def _measured(self, body: Generate, turn: turns.Turn) -> Context:
        async with self._turn:
            asked = turn_prompt.asked(_with_tools(body, turn), turn, self._registry.writer.models)
            size = await self._registry.measure(asked, turn_prompt.written(turn))
        return Context(**size._asdict())

    def _nothing(self, body: Generate) -> Context:
        context = self._registry.writer.facts.context
        if context is None:
            text = "the context of this model isn't known here"
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text)
        return Context(tokens=0, context=context, room=truncation.room_for_prompt(body, context))

    def _remember(self, key: _Key, found: Context) -> None:
        self._known[key] = found
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]


def _with_tools(body: Generate, turn: turns.Turn) -> Generate:
    """Return ``body`` with the conversation's tools, which the page sends with each message."""
    return structs.replace(body, tools=turn.settings.told_tools)


def _key(db: sqlite3.Connection, principal: str, conversation: str, parent: str | UnsetType | None) -> _Key:
    found = reading.row(db, principal, conversation)
    return _Key(principal, conversation, found.created_at, found.version, found.leaf if parent is UNSET else parent)
