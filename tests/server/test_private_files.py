"""The data folder: only its owner can read it, with any umask and after any earlier version."""

import asyncio
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.conversations import editing
from server.conversations.store import FILE as CONVERSATIONS
from server.conversations.store import Store
from server.conversations.values import NewConversation
from server.doctor import place
from server.doctor.finding import State
from server.generations.journal import FILE as JOURNAL
from server.generations.journal import Journal
from server.guard.token_store import FILE as TOKENS
from server.guard.token_store import TokenStore
from server.private_files import make_private_folder, open_to_others
from tests.server.test_main import started

ENDINGS = ("", "-wal", "-shm")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: mode(path) for path in folder.iterdir()}


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[None]:
    with umask(request.param):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder of an earlier version, with the modes that SQLite and mkdir use under the usual umask."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    names = [f"{name}.sqlite3{end}" for name in ("journal", "conversations", "tokens") for end in ENDINGS]
    names += [f"{name}-broken-20260101-101010.sqlite3{end}" for name in ("journal", "conversations") for end in ENDINGS]
    for name in (*names, "journal.lock", "conversations.sqlite3-journal"):
        (folder / name).touch()
        (folder / name).chmod(0o644)
    return folder


async def written(folder: Path) -> dict[str, int]:
    """Return the modes of all files while journal, conversations and tokens are open and being written."""
    journal, store, tokens = Journal(folder), Store(folder), TokenStore(folder)
    try:
        await store.submit(editing.create, "me", NewConversation(id="c1"), 1)
        return modes(folder)
    finally:
        await asyncio.to_thread(store.close)
        journal.close()
        tokens.close()


@pytest.mark.usefixtures("any_umask")
async def test_new_files_are_private_with_every_umask(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    folder.parent.mkdir(mode=0o700)
    folder.parent.chmod(0o700)
    assert make_private_folder(folder) == []
    found = await written(folder)
    expected = [f"{name}{end}" for name in (JOURNAL, CONVERSATIONS) for end in ENDINGS]
    assert set(found) >= {*expected, TOKENS, "journal.lock", "conversations.lock"}
    assert set(found.values()) == {0o600}, found
    assert mode(folder) == 0o700


async def test_a_file_that_an_earlier_version_wrote_is_private_once_it_is_opened(tmp_path: Path) -> None:
    for name in (JOURNAL, CONVERSATIONS, TOKENS):
        sqlite3.connect(tmp_path / name).close()
        (tmp_path / name).chmod(0o666)
    assert set((await written(tmp_path)).values()) == {0o600}


async def test_a_broken_file_is_private_when_it_was_moved_aside(tmp_path: Path) -> None:
    for name in (JOURNAL, CONVERSATIONS):
        (tmp_path / name).write_text("no database " * 1000)
        (tmp_path / name).chmod(0o644)
    found = await written(tmp_path)
    assert len([name for name in found if "-broken-" in name]) == 2
    assert set(found.values()) == {0o600}


def test_files_of_earlier_versions_are_made_private(folder: Path) -> None:
    assert make_private_folder(folder) == []
    assert set(modes(folder).values()) == {0o600}
    assert mode(folder) == 0o700
    assert open_to_others(folder) == []


def test_other_files_in_the_folder_are_left_alone(folder: Path) -> None:
    (folder / "model.gguf").touch()
    (folder / "model.gguf").chmod(0o644)
    (folder / "journal.sqlite3.d").mkdir(mode=0o755)
    make_private_folder(folder)
    assert (mode(folder / "model.gguf"), mode(folder / "journal.sqlite3.d") & 0o700) == (0o644, 0o700)


@pytest.mark.parametrize("shared", [0o2775, 0o1777], ids=oct)
def test_a_folder_that_is_shared_on_purpose_stays_so_and_that_is_said(folder: Path, shared: int) -> None:
    folder.chmod(shared)
    (line,) = make_private_folder(folder)
    assert str(folder) in line
    assert "shared" in line
    assert "\n" not in line
    assert mode(folder) == shared
    assert set(modes(folder).values()) == {0o600}


def test_a_folder_of_another_user_stays_as_it_is_and_that_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    (line,) = make_private_folder(folder)
    assert "belongs to another user" in line
    assert mode(folder) == 0o755


def test_a_mode_that_cannot_be_changed_is_said_and_costs_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chmod", refuse)
    lines = make_private_folder(folder)
    assert len(lines) == 1 + len(modes(folder))
    assert all("Operation not permitted" in line for line in lines)


def test_a_home_folder_is_never_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    for folder in (home, tmp_path):
        (line,) = make_private_folder(folder)
        assert "home folder" in line
        assert mode(folder) == 0o755


async def test_the_server_closes_what_an_earlier_one_left_open(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    sqlite3.connect(folder / CONVERSATIONS).close()
    (folder / CONVERSATIONS).chmod(0o644)
    with umask(0o022):
        async with started(str(folder)):
            found = modes(folder)
    assert set(found) >= {JOURNAL, JOURNAL + "-wal", CONVERSATIONS, CONVERSATIONS + "-wal", "journal.lock"}
    assert found.pop("kv") == 0o700
    assert set(found.values()) == {0o600}, found
    assert mode(folder) == 0o700


def test_doctor_says_what_is_open_to_others(folder: Path) -> None:
    told = [one for one in place.data_folder(folder, 100 << 30) if one.check == "privacy"]
    assert [one.state for one in told] == [State.WARNING]
    assert "the folder" in told[0].text
    assert "conversations.sqlite3-wal" in told[0].text
    assert "chmod" in told[0].remedy
    make_private_folder(folder)
    assert [one for one in place.data_folder(folder, 100 << 30) if one.check == "privacy"] == []
