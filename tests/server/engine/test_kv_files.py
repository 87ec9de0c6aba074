"""KV states on disk: what is found again, and that nothing wrong ever is."""

import logging
import os
import resource
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.engine.kv_files import MAX_AGE, KvFiles, delete_kept
from server.engine.prefix_tree import Tokens

STATE = memoryview(bytes(range(256)) * 4)


def tokens(*parts: int) -> Tokens:
    """Return ten tokens for each part."""
    return np.array([part for part in parts for _ in range(10)], np.int32)


def opened(folder: Path, *, budget: int = 1 << 20, identity: str = "model") -> KvFiles:
    return KvFiles(folder, budget=budget, identity=identity)


def write(files: KvFiles, *all_tokens: Tokens, state: memoryview = STATE) -> None:
    for each in all_tokens:
        files.write(each, state)
        files.wait(60)
        assert files.idle


def found(files: KvFiles, wanted: Tokens) -> tuple[int, bytes | None]:
    """Return the length of the longest beginning, and the state."""
    length, file = files.longest(wanted)
    state = files.read(file) if file is not None else None
    return length, None if state is None else bytes(state)


def test_a_state_is_found_after_a_restart(tmp_path: Path) -> None:
    write(opened(tmp_path), tokens(1, 2), tokens(3))
    files = opened(tmp_path)
    assert found(files, tokens(1, 2, 5)) == (20, bytes(STATE))
    assert found(files, tokens(1, 4)) == (10, bytes(STATE))
    assert files.longest(tokens(7))[0] == 0


def test_a_longer_chat_replaces_its_own_beginning(tmp_path: Path) -> None:
    files = opened(tmp_path)
    write(files, tokens(1), tokens(1, 2), tokens(1))
    assert len([*tmp_path.iterdir()]) == 1
    assert found(files, tokens(1, 2)) == (20, bytes(STATE))


def test_another_model_or_version_finds_nothing(tmp_path: Path) -> None:
    write(opened(tmp_path), tokens(1))
    assert opened(tmp_path, identity="other").longest(tokens(1)) == (0, None)
    assert found(opened(tmp_path), tokens(1)) == (10, bytes(STATE))


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    write(opened(tmp_path / "kv"), tokens(1))
    (path,) = (tmp_path / "kv").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "kv").stat().st_mode) == 0o700


def test_the_budget_is_kept_by_deleting_what_was_used_longest_ago(tmp_path: Path) -> None:
    files, other = opened(tmp_path, budget=4000), opened(tmp_path, budget=4000, identity="other")
    write(other, tokens(2))
    (oldest,) = tmp_path.iterdir()
    os.utime(oldest, (time.time() - 100,) * 2)
    write(files, tokens(1), tokens(3), tokens(4))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 4000
    assert found(other, tokens(2)) == (10, None)
    assert found(files, tokens(4)) == (10, bytes(STATE))


def test_a_state_above_the_whole_budget_is_not_written(tmp_path: Path) -> None:
    files = opened(tmp_path, budget=100)
    write(files, tokens(1))
    assert [*tmp_path.iterdir()] == []


def test_old_and_unfinished_files_are_deleted_at_the_start(tmp_path: Path) -> None:
    write(opened(tmp_path), tokens(1))
    (path,) = tmp_path.iterdir()
    os.utime(path, (time.time() - MAX_AGE - 1,) * 2)
    path.with_suffix(".part").write_bytes(b"x")
    opened(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_a_failed_write_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "kv"
    files = opened(folder)
    shutil.rmtree(folder)
    with caplog.at_level(logging.WARNING):
        write(files, tokens(1), tokens(2), tokens(3))
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}: chats are not kept on disk now: No such file or directory"
    ]
    assert files.longest(tokens(1)) == (0, None)


def test_a_disk_that_fills_up_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "kv"
    files = opened(folder)
    write(files, tokens(1))
    with monkeypatch.context() as full, file_limit(700):
        full.setattr("server.engine.kv_files.RETRY_SECONDS", 0.0)
        write(files, tokens(1, 2), tokens(1, 2, 3))
        assert len([*folder.iterdir()]) == 1
        assert found(files, tokens(1, 2)) == (10, bytes(STATE))
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}: chats are not kept on disk now: File too large"
    ] * 2
    write(files, tokens(1, 2))
    assert found(opened(folder), tokens(1, 2)) == (20, bytes(STATE))


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """End each write in the middle once its file has ``size`` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def damaged(folder: Path, content: bytes) -> tuple[int, bytes | None]:
    """Put ``content`` in the place of the only file; return what is found then."""
    (path,) = folder.glob("*.kv")
    path.write_bytes(content)
    return found(opened(folder), tokens(1, 2))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.data())
def test_a_flipped_bit_is_never_restored(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("kv")
    write(opened(folder), tokens(1, 2))
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) * 8 - 1))
    content[place // 8] ^= 1 << place % 8
    assert damaged(folder, bytes(content))[1] is None


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_file_that_was_cut_or_grew_is_never_restored(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("kv")
    write(opened(folder), tokens(1, 2))
    (path,) = folder.iterdir()
    content = path.read_bytes()
    changed = data.draw(st.integers(0, len(content) - 1).map(lambda end: content[:end]) | st.just(content + b"x"))
    assert damaged(folder, changed)[1] is None


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.binary(max_size=2000), st.booleans())
def test_a_foreign_file_is_never_restored(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, has_head: bool
) -> None:
    folder = tmp_path_factory.mktemp("kv")
    files = opened(folder)
    write(files, tokens(1, 2))
    head = files._head(tokens(1, 2), len(content)) if has_head else b""
    assert damaged(folder, head + content)[1] is None


def test_a_file_of_another_model_is_not_restored_under_any_name(tmp_path: Path) -> None:
    write(opened(tmp_path), tokens(1, 2))
    write(opened(tmp_path, identity="other"), tokens(1, 2))
    names = {path.name.partition("-")[0] for path in tmp_path.iterdir()}
    assert len(names) == 2
    ours, theirs = sorted(tmp_path.iterdir(), key=lambda path: b"other" in path.read_bytes())
    ours.write_bytes(theirs.read_bytes())
    assert found(opened(tmp_path), tokens(1, 2)) == (0, None)


def test_a_folder_with_the_name_of_a_file_disturbs_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(opened(tmp_path), tokens(1))
    (path,) = tmp_path.iterdir()
    (tmp_path / f"{path.stem[:-1]}.kv").mkdir()
    files = opened(tmp_path, budget=3000)
    write(files, tokens(2), tokens(3))
    assert found(files, tokens(3)) == (10, bytes(STATE))
    delete_kept(tmp_path)
    assert [each.is_dir() for each in tmp_path.iterdir()] == [True]
    assert caplog.records == []


def test_a_file_that_changes_after_the_start_is_not_restored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = opened(tmp_path)
    write(files, tokens(1), tokens(2))
    first, second = sorted(tmp_path.iterdir())
    first.write_bytes(second.read_bytes())
    second.unlink()
    states = [found(files, tokens(1))[1], found(files, tokens(2))[1]]
    assert states == [None, None]
    assert [record.getMessage() for record in caplog.records] == [
        f"{first}: this kept chat is not used: it was cut or replaced"
    ]
    assert files.longest(tokens(1)) == (0, None)


def test_deleted_chats_are_found_by_no_engine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = opened(tmp_path)
    write(files, tokens(1))
    delete_kept(tmp_path)
    assert [*tmp_path.iterdir()] == []
    assert found(files, tokens(1)) == (10, None)
    assert caplog.records == []
    delete_kept(tmp_path / "never made")
