"""Alternatives: the likeliest tokens at places of running and ended answers (PROTOCOL 4.12)."""

import asyncio
from pathlib import Path

import pytest

from protocol.errors import CloseCode, ErrorCode
from protocol.messages import (
    Accepted,
    Alternatives,
    AlternativesRequest,
    Error,
    Generate,
    Params,
    Steer,
    Steered,
    Token,
    Tune,
    Tuned,
)
from server.engine.options import EngineOptions
from server.transports import looking
from server.transports.connection import OUTBOX_LIMIT
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

G1 = Generate(id="g1", prompt="Hi", params=Params(seed=3))


async def written(peer: Peer, body: Generate = G1) -> None:
    await peer.send(body)
    await peer.until_done(body.id or "")


async def ask(peer: Peer, seq: int, count: int = 10, id: str = "g1") -> Alternatives:
    await peer.send(AlternativesRequest(id=id, seq=seq, count=count))
    return await peer.take(Alternatives, id=id)


def pieces(server: RunningServer, id: str = "g1") -> list[str]:
    log = server.registry.get(id, re="status", principal="local").log
    return [event.text for seq in range(1, log.pieces + 1) if isinstance(event := log.event(seq), Token)]


async def test_every_place_of_an_answer_has_alternatives(server: RunningServer) -> None:
    """The scripted model's likeliest token is the one before the place."""
    async with server.peer() as peer:
        await written(peer)
        texts = pieces(server)
        tokens = server.registry.get("g1", re="status", principal="local").tokens
        for seq in range(1, len(texts) + 2):
            found = await ask(peer, seq, count=3)
            before = tokens.before(seq)
            last = server.model.piece(before[-1]).decode("utf-8", "replace") if before else None
            assert found.seq == seq
            assert last is None or found.tokens[0].token == last
            chosen = [each for each in found.tokens if each.chosen]
            if seq > len(texts):
                assert not chosen and len(found.tokens) == 3
            else:
                (one,) = chosen
                data = bytes(one.bytes) if one.bytes else one.token.encode()
                assert texts[seq - 1].encode().startswith(data)
                assert len(found.tokens) == (3 if one in found.tokens[:3] else 4)
            logprobs = [each.logprob for each in found.tokens]
            assert logprobs == sorted(logprobs, reverse=True)


async def test_a_running_answer_has_alternatives_and_goes_on(server: RunningServer) -> None:
    async with serving(ScriptedModel(slots=2)) as two, two.peer() as peer, two.peer() as other:
        two.model.gate.close()
        await peer.send(G1)
        await peer.take(Accepted)
        two.model.gate.step(12)
        await two.held()
        await other.send(AlternativesRequest(id="g1", seq=5))
        await two.until(lambda: bool(two.engine._inbox))
        two.model.gate.step(2)
        found = await other.take(Alternatives)
        assert any(each.chosen for each in found.tokens)
        two.model.gate.open()
        await peer.until_done("g1")
        async with server.peer() as alone:
            await written(alone)
            assert alone.text("g1") == peer.text("g1")
        status = two.registry.writer.stats()
        assert (status.running, status.queued) == (0, 0)


async def test_a_prompt_that_waits_comes_before_a_question(server: RunningServer) -> None:
    """Both come while the only slot is in use, the question first."""
    async with server.peer() as peer:
        await written(peer)
        server.model.gate.close()
        await peer.send(Generate(id="g2", prompt="A", params=Params(max_tokens=3)))
        await peer.take(Accepted)
        await server.held()
        await peer.send(AlternativesRequest(id="g1", seq=2), Generate(id="g3", prompt="B", params=Params(max_tokens=3)))
        await peer.take(Accepted)
        server.model.gate.open()
        await peer.until_done("g3")
        await peer.take(Alternatives, id="g1")
        place = server.registry.get("g1", re="status", principal="local").tokens.before(2)
        assert server.model.batches[-1][-1].token == place[-1]  # the question was computed last


async def test_a_question_leaves_its_slot_to_a_prompt() -> None:
    """The question reads a long text anew when the prompt comes."""
    options = EngineOptions(saved_bytes=0)
    async with serving(ScriptedModel(), options=options) as server, server.peer() as peer:
        await written(peer, Generate(id="g1", prompt="x" * 900, raw=True, params=Params(seed=3)))
        await written(peer, Generate(id="g2", prompt="y" * 900, raw=True, params=Params(max_tokens=1)))
        server.model.gate.close()
        await peer.send(AlternativesRequest(id="g1", seq=3))
        await server.held()
        await peer.send(Generate(id="g3", prompt="B", params=Params(max_tokens=3)))
        await peer.take(Accepted)
        server.model.gate.open()
        await peer.until_done("g3")
        found = await peer.take(Alternatives)
        assert any(each.chosen for each in found.tokens)
        assert max(map(len, server.model.batches[-3:])) > 300  # read anew after the prompt's answer


@pytest.mark.parametrize(
    ("frame", "code", "field"),
    [
        ('{"type":"alternatives","id":"g1","seq":999}', ErrorCode.INVALID_FIELD, "seq"),
        ('{"type":"alternatives","id":"g1","seq":0}', ErrorCode.INVALID_FIELD, "seq"),
        ('{"type":"alternatives","id":"g1"}', ErrorCode.MISSING_FIELD, "seq"),
        ('{"type":"alternatives","id":"g1","seq":1,"count":0}', ErrorCode.INVALID_FIELD, "count"),
        ('{"type":"alternatives","id":"g1","seq":1,"count":21}', ErrorCode.INVALID_FIELD, "count"),
        ('{"type":"alternatives","id":"g1","seq":1,"tokens":[]}', ErrorCode.UNKNOWN_FIELD, "tokens"),
        ('{"type":"alternatives","id":"nobody","seq":1}', ErrorCode.UNKNOWN_ID, "id"),
    ],
)
async def test_bad_questions_are_refused_in_order(
    server: RunningServer, frame: str, code: ErrorCode, field: str
) -> None:
    good = '{"type":"alternatives","id":"g1","seq":%d,"count":2}'
    async with server.peer() as peer:
        await written(peer)
        await peer.send("\n".join((good % 1, frame, good % 2)))
        answers: list[Alternatives | Error] = []
        while len(answers) < 3:
            if isinstance(message := await peer.next(), Alternatives | Error):
                answers.append(message)
        first, error, last = answers
        assert isinstance(first, Alternatives) and isinstance(last, Alternatives) and isinstance(error, Error)
        assert (first.seq, last.seq, error.code, error.re) == (1, 2, code, "alternatives")
        assert field in error.message


async def test_too_many_questions_that_wait_are_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer)
        server.model.gate.close()
        many = looking.MOST + 3
        await peer.send(*(AlternativesRequest(id="g1", seq=1) for _ in range(many)))
        await peer.carried_out()
        server.model.gate.open()
        answers: list[Alternatives | Error] = []
        while len(answers) < many:
            if isinstance(message := await peer.next(), Alternatives | Error):
                answers.append(message)
        errors = [each for each in answers if isinstance(each, Error)]
        assert {each.code for each in errors} == {ErrorCode.RATE_LIMITED}
        assert 1 <= len(errors) <= 3
        assert all(each.retryable and each.retry_after_ms for each in errors)


async def test_a_client_that_does_not_wait_for_its_answers_is_disconnected(server: RunningServer) -> None:
    """Refusals come in the order of the questions too, so they would wait without a bound."""
    async with server.peer() as peer:
        await written(peer)
        server.model.gate.close()
        for _ in range(5):
            await peer.send(*(AlternativesRequest(id="g1", seq=1) for _ in range(OUTBOX_LIMIT // 4)))
        assert await peer.closed() == CloseCode.SLOW_READER


async def test_a_question_ends_with_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(ScriptedModel()) as one, one.peer() as peer:
        await written(peer)
        monkeypatch.setattr(one.model, "likeliest", None)
        one.model.gate.close()
        await peer.send(Generate(id="g2", prompt="B", params=Params(max_tokens=3)))
        await peer.take(Accepted)
        await one.held()
        async with one.peer() as other:
            await other.send(AlternativesRequest(id="g1", seq=2))
            await other.carried_out()
            await one.until(lambda: bool(one.engine._inbox))
        await one.until(lambda: len(one.connections) == 1)
        one.model.gate.open()
        await peer.until_done("g2")
        await one.until(lambda: one.engine._batcher.idle)
        assert one.engine.stats().failure is None  # it would have died of the question


async def test_a_dead_engine_answers_with_an_error() -> None:
    async with serving(ScriptedModel(slots=2)) as server, server.peer() as peer:
        await written(peer)
        server.model.failures.append(RuntimeError("the model is broken"))
        await peer.send(AlternativesRequest(id="g1", seq=2))
        error = await peer.take(Error)
        assert (error.code, error.re, error.id) == (ErrorCode.ENGINE_FAILED, "alternatives", "g1")


async def test_a_failed_batch_ends_the_question_only() -> None:
    async with serving(ScriptedModel(slots=2)) as server, server.peer() as peer:
        await written(peer)
        generation = server.registry.get("g1", re="status", principal="local")
        server.model.poison.add(generation.tokens.before(2)[-1])
        await peer.send(AlternativesRequest(id="g1", seq=2))
        error = await peer.take(Error)
        assert (error.code, error.retryable) == (ErrorCode.BUSY, True)
        server.model.poison.clear()
        assert (await ask(peer, 2)).tokens


async def test_marks_are_places(server: RunningServer) -> None:
    """Before an instruction nothing is chosen, unless that dropped an unfinished character. At a change of parameters
    it is the next token."""
    async with server.peer() as peer:
        server.model.gate.close()
        await peer.send(G1)
        await peer.take(Accepted)
        server.model.gate.step(6)
        await server.held()
        await peer.send(Steer(id="g1", content="shorter"))
        await peer.carried_out()
        server.model.gate.step(3)
        steered = await peer.take(Steered)
        await server.held()
        await peer.send(Tune(id="g1", params=Params(seed=9)))
        await peer.carried_out()
        server.model.gate.step(2)
        tuned = await peer.take(Tuned)
        server.model.gate.open()
        await peer.until_done("g1")
        dropped = server.registry.get("g1", re="status", principal="local").tokens.of(steered.seq)
        assert any(each.chosen for each in (await ask(peer, steered.seq)).tokens) is bool(dropped)
        at = [each for each in (await ask(peer, tuned.seq)).tokens if each.chosen]
        after = [each for each in (await ask(peer, tuned.seq + 1)).tokens if each.chosen]
        assert at == after and len(at) == 1


async def test_a_restarted_server_knows_the_places(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await written(peer)
        before = [await ask(peer, seq) for seq in range(1, len(pieces(server)) + 2)]
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        assert [await ask(peer, seq) for seq in range(1, len(pieces(server)) + 2)] == before


async def test_a_connection_that_closes_when_idle_waits_for_the_answer(server: RunningServer) -> None:
    async with server.peer() as peer:
        await written(peer)
    async with asyncio.timeout(60), server.peer("?close_when_idle=1") as peer:
        await peer.send(AlternativesRequest(id="g1", seq=1))
        await peer.take(Alternatives)
        assert await peer.closed() == 1000


async def test_questions_leave_the_kv_of_an_answer_whole() -> None:
    """Each computes one row, also at the end after an earlier place, and none keeps a copy."""
    async with serving(ScriptedModel(slots=2)) as server, server.peer() as peer:
        await written(peer)
        end, kept = len(pieces(server)) + 1, server.engine._batcher._kv.kept_tokens
        for seq in (end, end - 3, end, end - 8, end):
            computed = server.model.rows_computed
            await ask(peer, seq)
            assert server.model.rows_computed - computed == 1
        assert server.engine._batcher._kv.kept_tokens == kept
