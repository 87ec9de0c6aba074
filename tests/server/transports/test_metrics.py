"""``/metrics``, as Prometheus parses it, and ``/readyz``."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from protocol.messages import Accepted, Attach, Attached, Cancel, Generate, Status, StatusRequest
from server.generations.journal import Journal
from server.guard.principal import LOCAL
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scraped(server: RunningServer) -> Samples:
    answer = await server.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = text_string_to_metric_families(answer.body)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"streamui_{name}", frozenset(labels.items())]


async def test_an_answer_is_counted(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", raw=True))
        await peer.until_done("g1")
        found = await scraped(server)
    assert value(found, "generated_tokens_total") == 41  # the mark of the end is computed too
    assert value(found, "prompt_tokens_total") == 2
    assert (value(found, "generations_running"), value(found, "generations_queued")) == (0, 0)
    done = sum(value(found, "generations_done_total", reason=reason) for reason in ("stop", "length"))
    assert (done, value(found, "generations_done_total", reason="cancelled")) == (1, 0)
    assert value(found, "first_token_seconds_count") == 1
    assert (
        value(found, "token_gap_seconds_count")
        == server.registry.get("g1", re="status", principal=LOCAL).log.pieces - 1
    )
    assert value(found, "journal_lag_seconds_count") > 0
    assert value(found, "connections", transport="websocket") == 1
    assert value(found, "kv_cells") == 2048
    assert value(found, "engine_alive") == value(found, "journal_healthy") == 1


async def test_metrics_have_the_resources_of_the_process(server: RunningServer) -> None:
    found = await scraped(server)
    assert found["process_resident_memory_bytes", frozenset()] > 1 << 20
    assert found["process_open_fds", frozenset()] > 2


@pytest.mark.parametrize("phase", ["prefill", "queued"])
async def test_a_cancel_is_counted_by_its_phase(server: RunningServer, phase: str) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="runs", prompt="Hi"))
        await peer.send(Generate(id="waits", prompt="Hi"))
        await peer.take(Accepted, id="waits")
        await server.held()
        id = "waits" if phase == "queued" else "runs"
        await peer.send(Cancel(id=id))
        await server.until(lambda: server.registry.get(id, re="status", principal=LOCAL).cancel_received is not None)
        server.model.gate.open()
        await peer.until_done(id)
        found = await scraped(server)
    assert value(found, "cancels_total", phase=phase) == 1
    assert value(found, "stop_seconds_count") == 1


async def test_metrics_are_answered_while_the_model_computes(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer, server.listen("GET", "/channel"):
        await peer.send(Generate(id="runs", prompt="Hi"))
        await peer.send(Generate(id="waits", prompt="Hi"))
        await peer.take(Accepted, id="waits")
        await server.held()
        found = await scraped(server)
    assert (value(found, "generations_running"), value(found, "generations_queued")) == (1, 1)
    assert value(found, "connections", transport="sse") == 1


async def test_cursors_that_come_back_are_counted(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"))
        await peer.until_done("g1")
        for epoch in (None, "another"):
            await peer.send(Attach(id="g1", epoch=epoch))
            await peer.take(Attached)
        found = await scraped(server)
    assert value(found, "attaches_total", recovered="yes") == value(found, "attaches_total", recovered="no") == 1


async def test_two_servers_in_one_process_count_for_themselves(server: RunningServer) -> None:
    async with serving(ScriptedModel()) as other:
        async with other.peer() as peer:
            await peer.send(Generate(id="g1", prompt="Hi"))
            await peer.until_done("g1")
        assert value(await scraped(other), "first_token_seconds_count") == 1
        assert value(await scraped(server), "first_token_seconds_count") == 0


async def test_status_tells_speed_and_kv_use(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"))
        await peer.until_done("g1")
        await peer.send(StatusRequest())
        status = await peer.take(Status, id=None)
    assert (status.kv_used, status.kv_tokens) == (0, 2048)
    assert status.tokens_per_second is not None and status.tokens_per_second > 0


async def test_a_server_that_takes_work_is_ready(server: RunningServer) -> None:
    answer = await server.get("/readyz")
    assert (answer.status, json.loads(answer.body)) == (200, {"ready": True, "reason": None, "warnings": []})


async def test_server_going_down_is_not_ready(server: RunningServer) -> None:
    await server.registry.drain(0)
    answer = await server.get("/readyz")
    assert (answer.status, json.loads(answer.body)["reason"]) == (503, "the server is going down")
    assert json.loads((await server.get("/healthz")).body)["status"] == "going down"


async def test_server_with_a_dead_engine_is_not_ready(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    server.model.failures.append(RuntimeError("the chip is on fire"))
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"))
        await peer.until_done("g1")
    answer = await server.get("/readyz")
    assert answer.status == 503
    assert "the chip is on fire" in json.loads(answer.body)["reason"]
    assert value(await scraped(server), "engine_alive") == 0
    caplog.clear()


async def test_a_failed_journal_is_a_warning(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.registry._recorder._journal, "failure", "the disk is full")
    assert isinstance(server.registry._recorder._journal, Journal)
    answer = await server.get("/readyz")
    assert (answer.status, json.loads(answer.body)["warnings"]) == (200, ["journal: the disk is full"])
    assert value(await scraped(server), "journal_healthy") == 0
