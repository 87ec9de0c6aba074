"""Temporary generations, which stay in memory (PROTOCOL 6.11)."""

import asyncio
import json
import signal
import sqlite3
from array import array
from pathlib import Path

import pytest

from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Cancel,
    ChatMessage,
    Done,
    DoneReason,
    Error,
    Generate,
    Params,
    Steer,
    Steered,
    Token,
)
from server.engine.llama import LlamaModel
from server.starter import MODEL_PATH
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.generations.test_restart import peer_of, process, write
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving

SECRET = "Zanzibar quokka marmalade"
"""Words that no file has by itself."""

DIALOGUE = (
    ChatMessage(role="system", content=f"You are a sailor from {SECRET}."),
    ChatMessage(role="user", content="Tell me a long story"),
)


def temporary(id: str, is_temporary: bool = True, **fields: int) -> Generate:
    params = Params(seed=5, max_tokens=fields.get("max_tokens", 120))
    return Generate(id=id, messages=DIALOGUE, params=params, temporary=is_temporary)


def found(data: Path, *texts: bytes) -> set[str]:
    """Return the names of the files below ``data`` that have any of these bytes."""
    files = [path for path in data.rglob("*") if path.is_file()]
    assert any(path.name == "journal.sqlite3" for path in files)
    return {path.name for path in files if any(text in path.read_bytes() for text in texts)}


def token_bytes(text: str) -> bytes:
    """Return the tokens of ``text`` as files of the KV cache have them."""
    model = LlamaModel(MODEL_PATH, context=256)
    try:
        return array("i", model.tokenize(text)[2:]).tobytes()
    finally:
        model.close()


@pytest.mark.parametrize("is_temporary", [True, False])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_no_file_has_anything_of_a_temporary_generation(
    tmp_path: Path, is_temporary: bool, end: signal.Signals
) -> None:
    """Without `temporary` this search finds the generation in the journal, and in a file of the KV cache."""
    async with process(tmp_path) as (server, address), peer_of(address) as peer:
        await peer.send(temporary("whole", is_temporary))
        await peer.until_done("whole")
        await peer.send(temporary("open", is_temporary))
        await peer.take(Token, id="open")
        await peer.send(Steer(id="open", content=f"More of the {SECRET}", key="k"))
        await peer.take(Steered, id="open")
        await peer.settle()
        texts = (SECRET.encode(), peer.text("whole")[:40].encode(), token_bytes(f" {SECRET}"))
        while_open = found(tmp_path, *texts)
        server.send_signal(end)
        async with asyncio.timeout(DEADLINE):
            await server.wait()
        assert bool(while_open) != is_temporary
        after = found(tmp_path, *texts)
        assert bool(after) != is_temporary
        if not is_temporary and end is signal.SIGTERM:
            assert any(name.endswith(".kv") for name in after)
    with sqlite3.connect(tmp_path / "journal.sqlite3") as journal:
        assert journal.execute("SELECT count(*) FROM generations").fetchone()[0] == (0 if is_temporary else 2)


async def test_a_server_that_stops_ends_temporary_generations_and_keeps_the_others(tmp_path: Path) -> None:
    usual = Generate(id="g1", prompt="Hi", params=Params(seed=3))
    hidden = Generate(id="t1", prompt="Hi", params=Params(seed=3), temporary=True)
    async with serving(ScriptedModel(slots=2), tmp_path) as server, server.peer() as peer:
        await write(server, peer, usual, hidden)
        await server.registry.close()
        done = (await peer.until_done("t1"))[-1]
        assert isinstance(done, Done) and done.reason is DoneReason.INTERRUPTED
        assert peer.text("t1") and peer.session.cursors["g1"].done is None
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await peer.send(Attach(id="t1"))
        error = await peer.take(Error)
        assert (error.code, error.id) == ("unknown_id", "t1")
        await peer.send(Attach(id="g1"))
        assert (await peer.take(Attached)).recovered
        await peer.until_done("g1")


async def test_a_temporary_generation_is_attached_to_cancelled_and_repeated_like_any_other(
    server: RunningServer,
) -> None:
    body = temporary("t1")
    server.model.gate.close()
    async with server.peer() as peer, server.peer() as other:
        await peer.send(body)
        await peer.take(Accepted)
        server.model.gate.step(12)
        await server.held()
        await other.send(Attach(id="t1"))
        assert (await other.take(Attached)).recovered
        await other.send(Cancel(id="t1"))
        await other.carried_out()
        server.model.gate.open()
        for reader in (peer, other):
            done = (await reader.until_done("t1"))[-1]
            assert isinstance(done, Done) and done.reason is DoneReason.CANCELLED
        assert peer.text("t1") == other.text("t1") != ""
        await peer.send(body)
        assert (await peer.take(Attached)).id == "t1"
        await peer.send(temporary("t1", is_temporary=False))
        assert (await peer.take(Error)).code == "id_conflict"


async def test_a_new_connection_is_not_told_of_a_temporary_generation(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(temporary("t1"), Generate(id="g1", prompt="Hi"))
        await peer.take(Accepted, id="g1")
        async with server.peer() as other:
            assert other.session.welcome is not None
            assert "temporary" in other.session.welcome.features
            assert [each.id for each in other.session.welcome.active] == ["g1"]


async def test_a_temporary_generation_is_refused_in_a_conversation(server: RunningServer) -> None:
    await server.ask("POST", "/api/conversations", json.dumps({"id": "c"}))
    body = {"conversation": "c", "content": SECRET, "temporary": True}
    answer = await server.ask("POST", "/generate", json.dumps(body))
    assert answer.status == 400
    error = json.loads(answer.body)
    assert error["code"] == "invalid_field"
    assert error["message"].startswith("temporary can't go with `conversation`, which the server stores; send the")


async def test_the_next_turn_of_a_temporary_chat_reads_only_what_is_new(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(temporary("t1", max_tokens=10))
        await peer.until_done("t1")
        said = ChatMessage(role="assistant", content=peer.text("t1"))
        more = (*DIALOGUE, said, ChatMessage(role="user", content="And then?"))
        await peer.send(Generate(id="t2", messages=more, temporary=True))
        done = (await peer.until_done("t2"))[-1]
        assert isinstance(done, Done)
        assert done.usage.cached_tokens > 100
