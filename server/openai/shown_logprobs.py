"""Logprobs of the tokens whose text a client has got."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

import msgspec

from protocol.messages import ChosenLogprob, Logprob


class ShownLogprobs:
    """Holds back the logprob of each token until all of its text is shown, so the tokens always make up the content.

    The engine keeps back text that may begin a stop string, and drops what follows one. So a token can be known before
    its text, and a stop string can end it inside. Owned by one fold.
    """

    def __init__(self) -> None:
        self._waiting: deque[ChosenLogprob] = deque()
        self._ahead = 0
        """Bytes of the first waiting token that are shown."""

    @property
    def waits(self) -> bool:
        return bool(self._waiting)

    def add(self, logprobs: Iterable[ChosenLogprob]) -> None:
        self._waiting.extend(logprobs)

    def forget(self) -> None:
        """Drop the waiting tokens: they belong to a thought or a call."""
        self._waiting.clear()
        self._ahead = 0

    def align(self, text: str) -> None:
        """Drop the tokens before ``text``, which is the first one after a thought or a call."""
        size, start = len(text.encode()), len(self._waiting)
        while size > 0 and start > 0:
            start -= 1
            size -= len(token_bytes(self._waiting[start]))
        self._waiting = deque(islice(self._waiting, start, None))
        self._ahead = max(0, -size)

    def shown(self, text: str, *, ended: bool = False) -> list[ChosenLogprob]:
        """Return the tokens that are complete with ``text``. ``ended``: nothing follows, so a token that is shown in
        part is cut to that part."""
        self._ahead += len(text.encode())
        complete = []
        while self._waiting and (size := len(token_bytes(self._waiting[0]))) <= self._ahead:
            complete.append(self._waiting.popleft())
            self._ahead -= size
        if ended:
            if self._waiting and self._ahead:
                complete.append(_cut(self._waiting.popleft(), self._ahead))
            self.forget()
        return complete


def token_bytes(logprob: Logprob | ChosenLogprob) -> bytes:
    """Return the bytes of a token."""
    return logprob.token.encode() if logprob.bytes is None else bytes(logprob.bytes)


def _cut(logprob: ChosenLogprob, size: int) -> ChosenLogprob:
    """Return a token with only its first bytes."""
    kept = token_bytes(logprob)[:size]
    text = kept.decode("utf-8", "replace")
    return msgspec.structs.replace(logprob, token=text, bytes=None if text.encode() == kept else tuple(kept))
