"""``/healthz``."""

import json

import pytest

from protocol.messages import Generate
from tests.server.transports.running import RunningServer


async def test_a_living_engine_is_ok_and_counts(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", raw=True))
        await peer.until_done("g1")
    answer = await server.get("/healthz")
    body = json.loads(answer.body)
    assert (answer.status, body["status"], body["model"]) == (200, "ok", "Scripted")
    engine = body["engine"]
    assert (engine["alive"], engine["failure"], engine["running"], engine["kv_tokens"]) == (True, None, 0, 0)
    assert (engine["prompt_tokens"], engine["completion_tokens"]) == (2, 41)  # the mark of the end is computed too


async def test_health_is_answered_while_a_prompt_is_read(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(prompt="Hi"))
        await server.held()
        answer = await server.get("/healthz")
    assert json.loads(answer.body)["engine"]["running"] == 1


async def test_a_dead_engine_is_reported_with_its_reason(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.model.failures.append(RuntimeError("the chip is on fire"))
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"))
        await peer.until_done("g1")
    answer = await server.get("/healthz")
    body = json.loads(answer.body)
    assert (answer.status, body["status"]) == (503, "failed")
    assert body["engine"]["alive"] is False
    assert "the chip is on fire" in body["engine"]["failure"]
    caplog.clear()
