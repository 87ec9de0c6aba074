"""SQLite files: migrations, later versions, broken files."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.guard.token_store import TokenFileError, TokenStore
from server.sqlite_files import NewerFileError, connect, move_aside, prepare, transaction, version

STEPS = ("CREATE TABLE a (x);", "CREATE TABLE b (x);")


def test_prepare_makes_the_missing_steps_alone(tmp_path: Path) -> None:
    made: list[int] = []
    for steps in (STEPS[:1], STEPS):
        with closing(connect(tmp_path / "f.sqlite3")) as db:
            prepare(db, tmp_path / "f.sqlite3", steps, before_step=made.append)
            assert version(db) == len(steps)
    assert made == [0, 1]


def test_prepare_leaves_nothing_of_a_step_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite3"
    with closing(connect(path)) as db, pytest.raises(sqlite3.OperationalError):
        prepare(db, path, ("CREATE TABLE a (x); CREATE TABLE a (x);",))
    with closing(connect(path)) as db:
        assert version(db) == 0
        prepare(db, path, STEPS)


def test_prepare_refuses_a_file_of_a_later_version(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "f.sqlite3")) as db:
        prepare(db, tmp_path / "f.sqlite3", STEPS)
        with pytest.raises(NewerFileError, match=r"written by a newer StreamUI \(its version is 2, this one knows 1\)"):
            prepare(db, tmp_path / "f.sqlite3", STEPS[:1])


def test_tokens_of_a_later_version_are_refused(tmp_path: Path) -> None:
    TokenStore(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "tokens.sqlite3")) as db:
        db.execute("PRAGMA user_version = 9")
    with pytest.raises(TokenFileError, match="newer StreamUI"):
        TokenStore(tmp_path)


def test_move_aside_takes_what_sqlite_keeps_beside_a_file(tmp_path: Path) -> None:
    path = tmp_path / "f.sqlite3"
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).write_text("broken")
    move_aside(path, ValueError("broken"))
    assert sorted(name.name.partition(".sqlite3")[2] for name in tmp_path.iterdir()) == ["", "-shm", "-wal"]
    assert not path.exists() and all(name.name.startswith("f-broken-") for name in tmp_path.iterdir())


def test_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    with closing(connect(None)) as db:
        prepare(db, None, STEPS)
        with pytest.raises(ValueError, match="no"), transaction(db):
            db.execute("INSERT INTO a VALUES (1)")
            raise ValueError("no")
        assert db.execute("SELECT count(*) FROM a").fetchone() == (0,)
