"""Who has a right token, or a session of a browser that was opened with one."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from server.guard.store import Session, TokenFileError, TokenStore, ValidToken, hash_of

PREFIX: Final = "sui_"
"""So that a token is known for one wherever it turns up."""

LOOK_SECONDS: Final = 0.25
"""How often a running server looks whether a token that is in use has been revoked by `streamui token`."""

SESSION_SECONDS: Final = 30 * 86_400.0

USED_SECONDS: Final = 60.0
"""How exact `last used` is: more would be a write for each request."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pass:
    """What lets somebody in: a token, or a session that was opened with it. Valid as long as both are."""

    principal: str
    token: int
    session: str | None = None


def new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


class Tokens:
    """Owns what is valid now, on the event loop. ``watch`` keeps it like the file.

    A secret is looked up by its hash, which nobody can steer towards that of another: its timing tells nothing.
    """

    def __init__(self, store: TokenStore) -> None:
        self._store = store
        self._change = store.change
        self._by_hash: dict[str, ValidToken] = {}
        self._names: dict[int, str] = {}
        self._sessions: dict[str, Session] = {}
        self._used: dict[int, float] = {}
        self._load()

    def __len__(self) -> int:
        return len(self._by_hash)

    def admit(self, token: str) -> Pass | None:
        """The pass of who shows ``token``; None for a wrong or revoked one."""
        self._catch_up()
        valid = self._by_hash.get(hash_of(token))
        if valid is None:
            return None
        self._note_use(valid.key)
        return Pass(valid.name, valid.key)

    def resume(self, secret: str) -> Pass | None:
        """The pass of the session whose cookie is ``secret``; None when there is none, any more."""
        self._catch_up()
        session = self._sessions.get(hash_of(secret))
        if session is None or session.expires <= time.time() or session.token not in self._names:
            return None
        self._note_use(session.token)
        return Pass(self._names[session.token], session.token, session.hash)

    def open_session(self, shown: Pass) -> str:
        """A new session for who has shown a token; what it returns is the cookie's value. Raises TokenFileError."""
        secret = secrets.token_urlsafe(32)
        session = Session(hash_of(secret), shown.token, time.time() + SESSION_SECONDS)
        self._store.add_session(session)
        self._sessions[session.hash] = session
        return secret

    def end_session(self, shown: Pass) -> None:
        """Log out. Raises TokenFileError."""
        if shown.session is not None:
            self._sessions.pop(shown.session, None)
            self._store.end_session(shown.session)

    def is_valid(self, shown: Pass) -> bool:
        """Whether what was shown once still holds."""
        if shown.token not in self._names:
            return False
        if shown.session is None:
            return True
        session = self._sessions.get(shown.session)
        return session is not None and session.expires > time.time()

    async def watch(self, changed: Callable[[], None]) -> None:
        """Look at the file every LOOK_SECONDS, until cancelled; ``changed`` is called when something may have ended."""
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
            logger.error("%s is gone: nobody is let in any more; start the server again", self._store.path)
        self._load()
        self._change = change
        changed()

    def _catch_up(self) -> None:
        """Who comes in is judged by the file as it is now; ``watch`` tells the others a moment later."""
        try:
            if self._store.change != self._change:
                self._load()
        except TokenFileError as error:
            logger.error("%s", error)

    def close(self) -> None:
        self._store.close()

    def _load(self) -> None:
        if self._store.change is None:
            self._by_hash, self._names, self._sessions = {}, {}, {}
            return
        valid, now = self._store.valid(), time.time()
        self._by_hash = {token.hash: token for token in valid}
        self._names = {token.key: token.name for token in valid}
        self._sessions = {session.hash: session for session in self._store.sessions() if session.expires > now}

    def _note_use(self, token: int) -> None:
        now = time.monotonic()
        if now - self._used.get(token, -USED_SECONDS) < USED_SECONDS:
            return
        self._used[token] = now
        try:
            self._store.used(token)
        except TokenFileError as error:
            logger.error("%s", error)
