"""Valid tokens, and browser sessions opened with them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from server.guard.token_store import LoginSession, TokenFileError, TokenStore, ValidToken, hash_of

PREFIX: Final = "sui_"
"""Prefix that makes a token recognisable wherever it appears."""

LOOK_SECONDS: Final = 0.25
"""Interval of checks for tokens revoked by `streamui token`, in seconds."""

SESSION_SECONDS: Final = 30 * 86_400.0

USED_SECONDS: Final = 60.0
"""Accuracy of `last used`, in seconds: a better one would need a write per request."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pass:
    """Proof of access: a token, or a session opened with it. Valid as long as both are."""

    principal: str
    token: int
    session: str | None = None


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


class Tokens:
    """Owns the set of valid tokens, on the event loop. ``watch`` keeps it in sync with the file.

    A secret is looked up by its hash, which an attacker can't choose, so the timing of the lookup reveals nothing.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._change = store.change
        self._by_hash: dict[str, ValidToken] = {}
        self._names: dict[int, str] = {}
        self._sessions: dict[str, LoginSession] = {}
        self._used: dict[int, float] = {}
        self._owner: str | None = None
        self._load()

    @property
    def count(self) -> int:
        """Number of valid tokens. No ``__len__``: an object without tokens would be false, as None is."""
        return len(self._by_hash)

    @property
    def owner(self) -> str | None:
        """Name of the first token, which stays the owner's when that token is revoked. None without tokens."""
        return self._owner

    def admit(self, token: str) -> Pass | None:
        """Return the pass for ``token``; None when it is wrong or revoked."""
        self._catch_up()
        valid = self._by_hash.get(hash_of(token))
        if valid is None:
            return None
        self._note_use(valid.key)
        return Pass(valid.name, valid.key)

    def resume(self, secret: str) -> Pass | None:
        """Return the pass for the session cookie ``secret``; None when the session is unknown or has ended."""
        self._catch_up()
        session = self._sessions.get(hash_of(secret))
        if session is None or session.expires <= time.time() or session.token not in self._names:
            return None
        self._note_use(session.token)
        return Pass(self._names[session.token], session.token, session.hash)

    def open_session(self, shown: Pass) -> str:
        """Open a session for a token's owner and return the cookie's value. Raises TokenFileError."""
        secret = secrets.token_urlsafe(32)
        session = LoginSession(hash_of(secret), shown.token, time.time() + SESSION_SECONDS)
        self._store.add_session(session)
        self._sessions[session.hash] = session
        return secret

    def end_session(self, shown: Pass) -> None:
        """Log out. Raises TokenFileError."""
        if shown.session is not None:
            self._sessions.pop(shown.session, None)
            self._store.end_session(shown.session)

    def is_valid(self, shown: Pass) -> bool:
        """Tell whether a pass is still valid."""
        if shown.token not in self._names:
            return False
        if shown.session is None:
            return True
        session = self._sessions.get(shown.session)
        return session is not None and session.expires > time.time()

    async def watch(self, changed: Callable[[], None]) -> None:
        """Check the file every LOOK_SECONDS until cancelled; ``changed`` is called when a pass may have ended."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self._look(changed)
            except TokenFileError as error:
                logger.error("%s", error)

    def _look(self, changed: Callable[[], None]) -> None:
        change = self._store.change
        if change == self._change and not any(one.expires <= time.time() for one in self._sessions.values()):
            return
        if change is None and self._change is not None:
            logger.error("%s is gone: no client is admitted; restart the server", self._store.path)
        self._load()
        self._change = change
        changed()

    def _catch_up(self) -> None:
        """Reload the file if it changed: new clients are checked against its current state, others by ``watch`` soon
        after."""
        try:
            if self._store.change != self._change:
                self._load()
        except TokenFileError as error:
            logger.error("%s", error)

    def close(self) -> None:
        self._store.close()

    def _load(self) -> None:
        if self._store.change is None:
            self._by_hash, self._names, self._sessions, self._owner = {}, {}, {}, None
            return
        valid, now = self._store.valid(), time.time()
        self._by_hash = {token.hash: token for token in valid}
        self._names = {token.key: token.name for token in valid}
        self._sessions = {session.hash: session for session in self._store.sessions() if session.expires > now}
        self._owner = self._store.first_name()

    def _note_use(self, token: int) -> None:
        now = time.monotonic()
        if now - self._used.get(token, -USED_SECONDS) < USED_SECONDS:
            return
        self._used[token] = now
        try:
            self._store.used(token)
        except TokenFileError as error:
            logger.error("%s", error)
