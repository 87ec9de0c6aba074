"""Chats of the starter model that are kept on disk: their next turn after a restart of the engine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.engine.llama import LlamaModel
from server.engine.options import EngineOptions
from server.starter import MODEL_PATH
from tests.server.engine.recorder import DEADLINE
from tests.server.engine.starter import StarterBench


@contextmanager
def bench(folder: Path | None) -> Iterator[StarterBench]:
    bench = StarterBench(EngineOptions(disk=folder, disk_bytes=1 << 30), parallel=1)
    try:
        yield bench
    finally:
        bench.close()


def turns(folder: Path | None) -> tuple[list[int], int, int]:
    """Run a chat's first turn, restart, and run its second one. Returns the second answer's tokens, and how many of
    its prompt were cached, and all of its prompt."""
    with bench(folder) as first:
        prompt = first.prompt(10)
        tokens, _ = first.ask(prompt, temperature=0)
    with bench(folder) as second:
        prompt = [*prompt, *tokens, *second.engine.tokenize(" And what did it do in the evening?")]
        answer, finished = second.ask(prompt, temperature=0)
    return answer, finished.usage.cached_tokens, len(prompt)


def test_a_second_turn_after_a_restart_reads_only_what_is_new(tmp_path: Path) -> None:
    answer, cached, prompt = turns(tmp_path / "kv")
    assert prompt > 150
    assert prompt - 20 < cached < prompt
    assert (answer, 0) == turns(None)[:2]


def test_an_idle_engine_writes_what_it_keeps(tmp_path: Path) -> None:
    folder = tmp_path / "kv"
    with bench(folder) as running:
        running.ask(running.prompt(10))
        end = time.monotonic() + DEADLINE
        while not [*folder.glob("*.kv")]:
            assert time.monotonic() < end, "the idle engine has written nothing"
            time.sleep(0.02)


def test_a_damaged_file_changes_no_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "kv"
    expected = turns(folder)[0]
    for path in folder.iterdir():
        content = bytearray(path.read_bytes())
        content[-1000] ^= 1
        path.write_bytes(content)
    assert turns(folder)[0] == expected
    assert any("its checksum is wrong" in record.getMessage() for record in caplog.records)


def test_a_folder_that_cannot_be_made_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").touch()
    with bench(tmp_path / "file" / "kv") as running:
        running.ask(running.prompt(10))
    assert [record.getMessage() for record in caplog.records if "kept on disk" in record.getMessage()] == [
        f"{tmp_path / 'file' / 'kv'}: chats are not kept on disk: Not a directory"
    ]


def test_the_identity_follows_the_content_of_the_model_file_and_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.gguf"
    identities = []
    copy.write_bytes(MODEL_PATH.read_bytes())
    for change, version in ((b"", "0.3.1"), (b" ", "0.3.1"), (b"", "0.3.2")):
        if change:
            copy.write_bytes(copy.read_bytes() + change)
        monkeypatch.setattr("server.engine.llama.llama_model.ll.__version__", version)
        model = LlamaModel(copy, context=256)
        identities.append(model.kv_identity)
        model.close()
    assert len({*identities}) == 3
    assert all("\n" not in identity for identity in identities)
