"""The journal alone: what it returns, and its behaviour when the disk is full or the file broken."""

import contextlib
import logging
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.messages import ChatMessage, Generate, Params
from server.engine.base import (
    Choice,
    EngineTimings,
    EngineUsage,
    Finished,
    FinishReason,
    GenerationRequest,
    Phase,
    Piece,
    Prefill,
    Queued,
    SamplingParams,
    TokenLogprob,
)
from server.generations.entries import Begun, CancelAsked, Forgotten, Noted
from server.generations.journal import FILE, Journal, JournalError
from server.generations.journal_tables import MIGRATIONS
from server.generations.stored import Stored

SAMPLING = SamplingParams(temperature=0.5, seed=7, stop=("\n",), logit_bias={5: -1.5}, max_tokens=9)
BODY = Generate(
    id="g1", messages=(ChatMessage(role="user", content="Grüße\0 🙂"),), params=Params(seed=7), on_detach_ms=None
)


def begun(id: str, body: Generate = BODY) -> Begun:
    request = GenerationRequest(id=id, prompt=(1, 2, 70_000), sampling=SAMPLING, received=5, principal="me", model="M")
    return Begun(request=request, epoch=f"e-{id}", body=body, model="m", created=1.5)


def finished(id: str, reason: FinishReason = FinishReason.STOP, error: str | None = None) -> Finished:
    usage = EngineUsage(prompt_tokens=3, cached_tokens=1, completion_tokens=2)
    timings = EngineTimings(queued=1.25, prefill=None, first_token=4, decode=5, total=6.5, stop=None)
    return Finished(id, reason, Phase.DECODE, usage, timings, error)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def reopened(journal: Journal) -> Journal:
    """Open the journal as the next server does."""
    journal.close()
    return Journal(journal._path.parent)


def texts(stored: Stored) -> tuple[str, ...]:
    return tuple(written.text for written in stored.pieces)


def steps(journal: Journal) -> int:
    return int(journal._db.execute("SELECT count(*) FROM steps").fetchone()[0])


def test_the_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
        row = ("g1", "e", "me", '{"type":"generate","prompt":"Hi"}', "{}", b"\0" * 4, "m", 1.0)
        db.execute(
            "INSERT INTO generations (id, epoch, principal, body, sampling, prompt, model, created) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )
        db.commit()
    journal = Journal(tmp_path)
    (stored,) = journal.stored
    journal.close()
    request = stored.begun.request
    assert (request.prompt, request.opened, request.model) == ((0,), "", "")


def test_the_mark_that_a_prompt_ends_with_is_kept(journal: Journal) -> None:
    entry = begun("g1")
    journal.write([replace(entry, request=replace(entry.request, opened="<think>\n"))])
    journal = reopened(journal)
    assert journal.stored[0].begun.request.opened == "<think>\n"
    journal.close()


def test_a_note_is_kept(journal: Journal) -> None:
    journal.write([replace(begun("g1"), note='{"a":"Grüße"}'), begun("g2")])
    journal = reopened(journal)
    assert [stored.begun.note for stored in journal.stored] == ['{"a":"Grüße"}', ""]
    journal.write([Noted("g2", "new")])
    journal = reopened(journal)
    assert [stored.begun.note for stored in journal.stored] == ['{"a":"Grüße"}', "new"]
    journal.close()


def test_begun_generations_are_read_back_unchanged(journal: Journal) -> None:
    journal.write([begun("g1")])
    (stored,) = reopened(journal).stored
    request = stored.begun.request
    assert (request.prompt, request.sampling, request.principal) == ((1, 2, 70_000), SAMPLING, "me")
    assert (stored.begun.body, stored.begun.epoch, stored.begun.model) == (BODY, "e-g1", "m")
    assert (texts(stored), stored.ending, stored.cancelled, request.written) == ((), None, False, ())


def test_the_steps_of_several_are_told_apart(journal: Journal) -> None:
    journal.write([begun("g1"), Queued("g1", 1), Prefill("g1", 0, 3)])
    journal.write([Piece("g1", "a", 1, (10,)), begun("g2"), Piece("g2", "é", 2, (195, 169))])
    journal.write([Piece("g1", "\0🙂", 3, (11, 12)), Piece("g2", "z", 3, (13,))])
    one, two = reopened(journal).stored
    assert (texts(one), one.begun.request.written) == (("a", "\0🙂"), (10, 11, 12))
    assert (texts(two), two.begun.request.written) == (("é", "z"), (195, 169, 13))


def test_an_end_is_kept_with_all_its_text(journal: Journal) -> None:
    end = finished("g1", FinishReason.FAILED, "no luck")
    journal.write([begun("g1"), Piece("g1", "a", 1, (10,))])
    journal.write([Piece("g1", "b", 2, (11,)), end])
    (stored,) = reopened(journal).stored
    assert (texts(stored), stored.ending, stored.begun.request.written) == (("a", "b"), end, ())
    assert stored.finished is not None


def test_logprobs_are_kept_with_their_piece(journal: Journal) -> None:
    likeliest = TokenLogprob(b"\xf0\x9f", -0.25)
    choices = (Choice(likeliest, (likeliest, TokenLogprob(b"b", -1.5))),)
    journal.write([begun("g1"), begun("g2"), Piece("g1", "a", 1, (10,), choices), Piece("g2", "b", 1, (11,), choices)])
    journal.write([finished("g2")])
    assert [stored.pieces[0].choices for stored in reopened(journal).stored] == [choices, choices]


def test_journal_continues_across_several_restarts(journal: Journal) -> None:
    journal.write([begun("g1"), begun("g2"), Piece("g1", "a", 1, (1,))])
    journal = reopened(journal)
    journal.write([Piece("g1", "b", 2, (2,)), begun("g3")])
    journal = reopened(journal)
    journal.write([Piece("g1", "c", 3, (3,)), finished("g1"), Piece("g3", "x", 1, (9,))])
    one, two, three = reopened(journal).stored
    assert texts(one) == ("a", "b", "c")
    assert (texts(two), texts(three), three.begun.request.written) == ((), ("x",), (9,))


def test_steps_that_nobody_needs_any_more_are_deleted(journal: Journal) -> None:
    journal.write([begun("g1"), begun("g2")])
    for n in range(5):
        journal.write([Piece("g1", "a", n, (n,))])
    journal.write([finished("g1")])
    assert steps(journal) == 5  # g2 is older than they are
    journal.write([finished("g2")])
    assert steps(journal) == 0
    assert texts(reopened(journal).stored[0]) == ("a",) * 5


def test_a_cancel_is_kept(journal: Journal) -> None:
    journal.write([begun("g1"), begun("g2"), CancelAsked("g1")])
    assert [stored.cancelled for stored in reopened(journal).stored] == [True, False]


def test_expired_generation_is_deleted_and_its_id_free(journal: Journal) -> None:
    journal.write([begun("g1"), finished("g1"), begun("g2"), finished("g2")])
    journal.write([Forgotten(("g1", "g2"))])
    journal.write([begun("g1")])
    assert [stored.ending for stored in reopened(journal).stored] == [None]


def test_its_disk_space_is_given_back(journal: Journal) -> None:
    for n in range(50):
        journal.write([begun(f"g{n}"), Piece(f"g{n}", "x" * 10_000, 1, (1,)), finished(f"g{n}")])
    before = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal.write([Forgotten(tuple(f"g{n}" for n in range(50)))])
    assert journal._db.execute("PRAGMA page_count").fetchone()[0] < before / 2


def test_committed_rows_survive_a_kill(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tests.server.generations.test_journal import Journal, Piece, begun\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "journal.write([begun('g1'), Piece('g1', 'a', 1, (1,))]); journal.write([Piece('g1', 'b', 2, (2,))])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)]).returncode == -9
    assert texts(Journal(tmp_path).stored[0]) == ("a", "b")


# What goes wrong


def test_a_second_server_on_the_folder_is_refused(journal: Journal) -> None:
    with pytest.raises(JournalError, match=r"--data .*another server uses this folder"):
        Journal(journal._path.parent)
    reopened(journal)


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"--data .*nothing can be written there"):
        Journal(tmp_path / "nothing")
    (tmp_path / FILE).mkdir()
    with pytest.raises(JournalError, match=FILE):
        Journal(tmp_path)


def test_the_file_of_a_newer_version_is_left_alone(journal: Journal) -> None:
    journal.write([begun("g1")])
    journal._db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(JournalError, match=rf"{FILE}.*newer StreamUI.*is {len(MIGRATIONS) + 1}.*another --data"):
        reopened(journal)
    journal._db = sqlite3.connect(journal._path, isolation_level=None)
    journal._db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
    assert len(reopened(journal).stored) == 1


@pytest.mark.parametrize("garbage", ["a text", "a broken page", "a broken row"])
def test_a_broken_file_is_moved_aside_and_a_new_one_begun(
    journal: Journal, garbage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = journal._path
    journal.write([begun(f"g{n}") for n in range(200)])
    if garbage == "a broken row":
        journal._db.execute("UPDATE generations SET sampling = '{' WHERE key = 100")
    journal.close()
    whole = path.read_bytes()
    if garbage != "a broken row":
        start = 0 if garbage == "a text" else len(whole) // 2
        path.write_bytes(whole[:start] + b"garbage " * 1024 + whole[start + 8192 :])
    size = path.stat().st_size
    journal = Journal(path.parent)
    assert (journal.stored, journal.failure) == ([], None)
    (aside,) = path.parent.glob("journal-broken-*.sqlite3")
    assert aside.stat().st_size == size
    (record,) = caplog.records
    assert str(path) in record.getMessage() and aside.name in record.getMessage()
    journal.write([begun("new")])
    assert [stored.begun.id for stored in reopened(journal).stored] == ["new"]


def fill(journal: Journal) -> None:
    """Write until SQLite reports a full disk."""
    journal._db.execute("PRAGMA max_page_count = 40")
    for n in range(100):
        journal.write([Piece("g1", "x" * 4096, n, (n,))])


def test_a_full_disk_is_reported_once_and_what_came_before_is_whole(
    journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    journal.write([begun("g1"), Piece("g1", "a", 1, (1,))])
    fill(journal)
    assert journal.failure is not None
    assert FILE in journal.failure and "full" in journal.failure and "kept in memory only" in journal.failure
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    (stored,) = reopened(journal).stored
    assert 1 < len(texts(stored)) < 101
    assert texts(stored)[0] == "a"


def test_after_a_failure_unfinished_ones_get_another_epoch_once(journal: Journal) -> None:
    journal.write([begun("g1"), begun("g2"), finished("g2")])
    fill(journal)
    journal = reopened(journal)
    one, two = journal.stored
    assert one.begun.epoch != "e-g1"
    assert two.begun.epoch == "e-g2"
    assert reopened(journal).stored[0].begun.epoch == one.begun.epoch


def test_a_full_disk_at_the_start_is_no_reason_not_to_start(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from tests.server.generations.test_journal import Journal, begun\n"
        "(Path(sys.argv[1]) / 'journal.lock').write_text('in use\\n')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        "journal = Journal(Path(sys.argv[1])); journal.write([begun('g1')]); journal.close()\n"
        "print(journal.failure)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert (ended.returncode, FILE in ended.stdout) == (0, True), ended.stderr
    assert "kept in memory only" in ended.stderr
