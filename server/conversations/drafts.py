"""Drafts of messages: each is read ahead as the prompt that it will have. Nothing of a draft is stored or logged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Draft, Generate
from server.conversations import turn_prompt, turns
from server.conversations.store import Store
from server.engine.base import EngineDeadError
from server.generations.registry import Registry


class Drafts:
    """Prepares drafts and hands them to the writer. Use it on the event loop."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store = store
        self._registry = registry
        self._turn = asyncio.Lock()
        """Held while a draft is prepared: one at a time, so that answers don't wait for several."""

    async def read(self, principal: str, key: str, message: Draft, is_current: Callable[[], bool]) -> None:
        """Let the writer read the draft in place of the one with the same key, if it still ``is_current`` then.

        Raises RemoteProtocolError: unsupported where drafts are not read, and else as for a `generate` with these
        fields. The earlier draft is then forgotten.
        """
        writer = self._registry.writer
        if not writer.reads_ahead:
            text = "draft: this server reads no messages ahead; send the message once it is complete"
            raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text, re="draft")
        try:
            async with self._turn:
                if not is_current():
                    return
                body = await self._asked(principal, message)
                draft = await asyncio.to_thread(writer.prepare_draft, key, body, principal=principal)
        except (RemoteProtocolError, EngineDeadError) as error:
            self.forget(key)
            raise _about_draft(error) from error
        if draft is None:
            self.forget(key)
        elif is_current():
            writer.read_ahead(draft)

    def forget(self, key: str) -> None:
        """Forget a draft. A generation that has been accepted still reuses it."""
        self._registry.writer.forget_draft(key)

    async def _asked(self, principal: str, message: Draft) -> Generate:
        body = Generate(
            messages=message.messages,
            conversation=message.conversation,
            content=message.content,
            parent=message.parent,
            model=message.model,
        )
        if message.conversation is None:
            return body
        turn = await self._store.submit(turns.turn, principal, body)
        body = replace(body, tools=turn.settings.told_tools)  # the page sends them with the message
        return replace(turn_prompt.asked(body, turn, self._registry.writer.models), conversation=body.conversation)


def is_blank(message: Draft) -> bool:
    """Tell whether the user has written nothing."""
    return message.messages is None and not (message.content and message.content.strip())


def _about_draft(error: RemoteProtocolError | EngineDeadError) -> RemoteProtocolError:
    if isinstance(error, EngineDeadError):
        return RemoteProtocolError(ErrorCode.ENGINE_FAILED, str(error), re="draft")
    error.re, error.id = "draft", None
    return error
