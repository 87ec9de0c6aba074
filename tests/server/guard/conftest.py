"""Fixtures: a server with tokens, and two users with one each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from server.guard.guard import Guard
from server.guard.token_store import TokenStore, hash_of
from server.guard.tokens import Tokens, new_token
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving


@dataclass(frozen=True)
class Keys:
    """The tokens of two principals, and the folder of the token file."""

    alice: str
    bob: str
    folder: Path

    def revoke(self, name: str) -> None:
        """Revoke a token, as another process does."""
        store = TokenStore(self.folder)
        assert store.revoke(name)
        store.close()

    def add(self, name: str) -> str:
        """Add a token, as another process does."""
        store, token = TokenStore(self.folder), new_token()
        assert store.add(name, hash_of(token))
        store.close()
        return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    unmade = Keys("", "", tmp_path)
    return Keys(unmade.add("alice"), unmade.add("bob"), tmp_path)


@pytest.fixture
async def locked(model: ScriptedModel, keys: Keys, no_errors_logged: None) -> AsyncIterator[RunningServer]:
    async with serving(model, guard=Guard(tokens=Tokens(TokenStore(keys.folder)))) as server:
        yield server
