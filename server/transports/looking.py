"""Questions of one connection about places in answers, which are answered in order (PROTOCOL 4.12)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Alternatives, AlternativesRequest
from server.generations.registry import Registry

MOST: Final = 16
"""Questions that wait. Further ones are refused."""

RETRY_MS: Final = 250
"""Retry delay when more wait, in milliseconds."""


class Looking:
    """Owned by one Connection. One question at a time is carried out.

    ``send`` sends an answer, ``refuse`` an error about a question.
    """

    def __init__(
        self,
        registry: Registry,
        send: Callable[[Alternatives], None],
        refuse: Callable[[RemoteProtocolError], None],
    ) -> None:
        self._registry = registry
        self._send = send
        self._refuse = refuse
        self._waiting: deque[tuple[str, AlternativesRequest | RemoteProtocolError]] = deque()
        self._wake = asyncio.Event()
        self._answering = False

    @property
    def idle(self) -> bool:
        """True when every question was answered."""
        return not self._waiting and not self._answering

    @property
    def waiting(self) -> int:
        """Number of questions and of refusals that wait for their turn."""
        return len(self._waiting)

    def put(self, principal: str, question: AlternativesRequest | RemoteProtocolError) -> None:
        """Answer a question of ``principal`` after the earlier ones, or send the error about it then."""
        if isinstance(question, AlternativesRequest) and len(self._waiting) >= MOST:
            text = f"more than {MOST} questions of this connection about alternatives wait; ask again later"
            question = RemoteProtocolError(
                ErrorCode.RATE_LIMITED, text, re="alternatives", id=question.id, retry_after_ms=RETRY_MS
            )
        self._waiting.append((principal, question))
        self._wake.set()

    async def run(self) -> None:
        """Answer the questions until cancelled. A question that is being answered is then given up."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                principal, question = self._waiting.popleft()
                self._answering = True
                try:
                    if isinstance(question, RemoteProtocolError):
                        raise question
                    answer = await self._registry.alternatives(question, principal=principal)
                except RemoteProtocolError as error:
                    self._answering = False
                    self._refuse(error)
                else:
                    self._answering = False
                    self._send(answer)
