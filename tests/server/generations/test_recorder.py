"""The thread between the engine and the loop: it journals first, then delivers, in order; also with a failing
journal."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from protocol.messages import Accepted, Generate, Params, Token
from server.engine.base import Piece
from server.generations.entries import Entry
from server.generations.journal import Journal
from server.generations.ownership import LOCAL
from server.generations.recorder import JournalStatus, Recorder
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.generations.test_journal import begun
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving

LONG = Generate(id="g1", prompt="Hi", params=Params(seed=3))


class Deliveries:
    """The recorder's deliveries, one batch each, and how much of each was on the disk at that time."""

    def __init__(self, journal: Journal) -> None:
        self.batches: list[Sequence[Entry]] = []
        self.on_disk: list[int] = []
        self.may_go_on = threading.Event()
        self._journal = journal

    def take(self, entries: Sequence[Entry]) -> None:
        self.batches.append(entries)
        self.on_disk.append(self._journal._db.execute("SELECT count(*) FROM steps").fetchone()[0])
        assert self.may_go_on.wait(DEADLINE)


def test_each_batch_is_on_disk_before_it_is_seen_and_what_waits_is_one_batch(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    recorder, deliveries = Recorder(journal), Deliveries(journal)
    pieces = [Piece("g1", str(n), n, (n,)) for n in range(5)]
    recorder.put([begun("g1"), pieces[0]])
    for piece in pieces[1:3]:
        recorder.put([piece])
    recorder.start(deliveries.take)
    deliveries.may_go_on.set()
    for piece in pieces[3:]:
        recorder.put([piece])
    recorder.close()
    assert [entry for batch in deliveries.batches for entry in batch if isinstance(entry, Piece)] == pieces
    assert len(deliveries.batches[0]) == 4
    assert deliveries.on_disk == list(range(1, len(deliveries.batches) + 1))
    assert "".join(written.text for written in Journal(tmp_path).stored[0].pieces) == "01234"


def test_without_a_journal_all_passes() -> None:
    recorder, delivered = Recorder(None), list[Entry]()
    recorder.start(delivered.extend)
    recorder.put([begun("g1")])
    recorder.close()
    recorder.close()
    assert (len(delivered), recorder.status) == (1, JournalStatus("off"))


@pytest.fixture
async def filling(tmp_path: Path) -> AsyncIterator[RunningServer]:
    """A server whose disk becomes full in the middle of an answer."""
    model = ScriptedModel(context=9_000, answer_tokens=8_000)
    async with serving(model, tmp_path) as server, server.peer() as peer:
        model.gate.close()
        await peer.send(LONG)
        await peer.take(Accepted)
        model.gate.step(100)
        await server.held()
        journal = server.registry._recorder._journal
        assert journal is not None
        journal._db.execute("PRAGMA max_page_count = 16")
        model.gate.open()
        await peer.until_done("g1")  # all of it, whatever became of the journal
        yield server


async def test_full_disk_is_reported_and_answers_continue(
    filling: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await filling.get("/healthz")
    body = json.loads(answer.body)
    assert (answer.status, body["status"], body["journal"]["status"]) == (200, "ok", "failed")
    assert "full" in body["journal"]["error"]
    assert len([record for record in caplog.get_records("setup") if "journal" in record.name]) == 1
    async with filling.peer() as peer:
        assert peer.session.welcome is not None
        (warning,) = peer.session.welcome.warnings
        assert warning == f"journal: {body['journal']['error']}"
        await peer.send(Generate(id="g2", prompt="Hi", params=Params(max_tokens=5)))
        await peer.take(Token)
        await peer.until_done("g2")


async def test_unjournaled_answers_end_with_the_server(filling: RunningServer, tmp_path: Path) -> None:
    async with filling.peer() as peer:
        filling.model.gate.close()
        await peer.send(Generate(id="g2", prompt="Hi"))
        await peer.take(Accepted)
        await filling.registry.close()
        assert (await peer.until_done("g2"))[-1].reason == "interrupted"  # type: ignore[union-attr]
    await filling.conversations.close()
    old = filling.registry.get("g1", re="attach", principal=LOCAL).log
    model = ScriptedModel(context=9_000)
    model.gate.close()  # else the answer may have ended before the server is ready
    async with serving(model, tmp_path) as server:
        generation = server.registry.get("g1", re="attach", principal=LOCAL)
        assert generation.log.epoch != old.epoch  # so nobody takes what comes now for what was shown
        assert old.text.startswith(generation.log.text)
        assert [generation.id for generation in server.registry.active] == ["g1"]


async def test_a_healthy_journal_is_told_of_in_health_alone(server: RunningServer) -> None:
    assert json.loads((await server.get("/healthz")).body)["journal"] == {"status": "ok", "error": None}
    async with server.socket() as socket:
        async with asyncio.timeout(DEADLINE):
            assert "warnings" not in json.loads(await socket.recv())
