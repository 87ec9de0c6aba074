"""Models that are loaded for a request: progress, Stop, failures, memory, and a restart in the middle."""

import json
from pathlib import Path

import pytest

from protocol.messages import (
    Accepted,
    Attach,
    Cancel,
    Done,
    DoneReason,
    Error,
    Generate,
    GenerationState,
    Model,
    Status,
    Watch,
)
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving
from tests.server.writers.model_disk import SIZE, ModelDisk


def ask(id: str, model: str | None = None, prompt: str = "Hi") -> Generate:
    return Generate(id=id, prompt=prompt, model=model, on_detach_ms=None)


async def finish(peer: Peer, id: str) -> Done:
    done = (await peer.until_done(id))[-1]
    assert isinstance(done, Done)
    return done


async def until_state(peer: Peer, name: str, state: str) -> Model:
    while True:
        if (model := await peer.take(Model, name=name)).state == state:
            return model


def states(server: RunningServer) -> dict[str, str]:
    return {model.name: model.state.value for model in server.registry.writer.models}


async def test_a_model_on_disk_is_loaded_for_the_request_that_names_it() -> None:
    disk = ModelDisk(big=1)
    disk.gate.clear()
    disk.part = 0.5
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        assert peer.session.welcome is not None
        entry = peer.session.welcome.models[1]
        assert (entry.name, entry.state, entry.size, entry.needs, entry.title) == ("big", "on_disk", SIZE, 1, "The Big")
        await peer.send(Watch(), ask("g1", "big"))
        assert (await peer.take(Accepted)).model == "big"
        while (status := await peer.take(Status, id="g1")).done != SIZE // 2:
            assert status.state in ("queued", "loading")
        assert (status.state, status.total) == ("loading", SIZE)
        while (loading := await until_state(peer, "big", "loading")).done != SIZE // 2:
            assert loading.total == SIZE
        disk.gate.set()
        assert (await finish(peer, "g1")).reason is DoneReason.STOP
        loaded = await until_state(peer, "big", "loaded")
        assert (loaded.template, loaded.done) == ("chatml", None)
        await peer.send(ask("g2", "big"))
        await finish(peer, "g2")
        assert disk.loads == ["big"]


async def test_other_models_answer_while_one_loads() -> None:
    disk = ModelDisk(big=1)
    disk.gate.clear()
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "big"), ask("g2"))
        assert (await finish(peer, "g2")).reason is DoneReason.STOP
        disk.gate.set()
        assert (await finish(peer, "g1")).reason is DoneReason.STOP


async def test_stop_ends_a_waiting_answer_at_once_and_the_load_with_it() -> None:
    disk = ModelDisk(big=1)
    disk.gate.clear()
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "big"))
        await peer.take(Accepted)
        await server.until(lambda: bool(disk.loads))
        await peer.send(Cancel(id="g1"))
        done = await finish(peer, "g1")  # the gate is still closed
        assert (done.reason, done.phase) == (DoneReason.CANCELLED, GenerationState.LOADING)
        assert done.timings.stop is not None
        await server.until(lambda: disk.abandoned == ["big"])
        await server.until(lambda: states(server)["big"] == "on_disk")
        disk.gate.set()
        await peer.send(ask("g2", "big"))
        assert (await finish(peer, "g2")).reason is DoneReason.STOP


async def test_a_load_continues_while_another_answer_waits_for_it() -> None:
    disk = ModelDisk(big=1)
    disk.gate.clear()
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "big"), ask("g2", "big"))
        for id in ("g1", "g2"):
            await peer.take(Accepted, id=id)
        await peer.send(Cancel(id="g1"))
        assert (await finish(peer, "g1")).reason is DoneReason.CANCELLED
        disk.gate.set()
        assert (await finish(peer, "g2")).reason is DoneReason.STOP
        assert (disk.loads, disk.abandoned) == (["big"], [])


async def test_a_failed_load_ends_only_its_own_answers_and_the_next_request_tries_again() -> None:
    disk = ModelDisk(bad=1, good=1)
    disk.errors["bad"] = "bad.gguf: llama.cpp can't load this file"
    disk.gate.clear()
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "bad"), ask("g2", "bad"), ask("g3", "good"))
        await server.until(lambda: server.registry.writer.stats().queued == 3)
        disk.gate.set()
        for id in ("g1", "g2"):
            done = await finish(peer, id)
            assert done.error is not None
            assert (done.reason, done.error.message) == (DoneReason.FAILED, disk.errors["bad"])
        assert (await finish(peer, "g3")).reason is DoneReason.STOP
        model = next(model for model in server.registry.writer.models if model.name == "bad")
        assert (model.state.value, model.error) == ("failed", disk.errors["bad"])
        disk.errors.clear()
        await peer.send(ask("g4", "bad"))
        assert (await finish(peer, "g4")).reason is DoneReason.STOP
        assert states(server)["bad"] == "loaded"


async def test_what_is_wrong_with_a_prompt_ends_its_answer_once_the_model_is_loaded() -> None:
    disk = ModelDisk(big=1)
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "big", prompt="x" * 3000), ask("g2", "big"))
        await peer.take(Accepted, id="g1")
        done = await finish(peer, "g1")
        assert done.error is not None
        assert (done.reason, done.error.code) == (DoneReason.FAILED, "context_overflow")
        assert (await finish(peer, "g2")).reason is DoneReason.STOP
        await peer.send(ask("g3", "big", prompt="x" * 3000))
        assert (await peer.take(Error)).code == "context_overflow"  # before it is accepted, as always


async def test_the_least_recently_used_model_makes_room() -> None:
    disk = ModelDisk(memory=2, a=1, b=1, c=1)
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        for id, model in (("g1", "a"), ("g2", "b"), ("g3", "a"), ("g4", "c")):
            await peer.send(ask(id, model))
            assert (await finish(peer, id)).reason is DoneReason.STOP
        assert states(server) == {"Scripted": "loaded", "a": "loaded", "b": "on_disk", "c": "loaded"}
        assert disk.loads == ["a", "b", "c"]
        stats = server.registry.writer.stats()
        assert (stats.slots, stats.completion_tokens) == (3, 4 * 41)  # with the end token of each


async def test_a_model_that_writes_is_never_unloaded() -> None:
    disk = ModelDisk(memory=1, a=1, b=1)
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "a"))
        await finish(peer, "g1")
        disk.model("a").gate.close()
        await peer.send(ask("g2", "a"), ask("g3", "b"), ask("g4"))
        assert (await finish(peer, "g4")).reason is DoneReason.STOP
        assert (disk.loads, states(server)["b"]) == (["a"], "loading")
        disk.model("a").gate.open()
        for id in ("g2", "g3"):
            assert (await finish(peer, id)).reason is DoneReason.STOP
        assert (states(server)["a"], states(server)["b"]) == ("on_disk", "loaded")


async def test_a_model_that_never_fits_is_refused_with_both_numbers() -> None:
    disk = ModelDisk(memory=2 << 20, huge=3 << 20)
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "huge"))
        error = await peer.take(Error)
        assert (error.code, error.retryable) == ("unsupported", False)
        assert "huge needs 3 MiB" in error.message
        assert "2 MiB" in error.message
        assert disk.loads == []


async def test_an_engine_that_dies_ends_only_its_own_answers_and_its_model_is_loaded_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = ModelDisk(a=1, b=1)
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "a"), ask("g2", "b"))
        for id in ("g1", "g2"):
            await finish(peer, id)
        for name in ("a", "b"):
            disk.model(name).gate.close()
        await peer.send(ask("g3", "a"), ask("g4", "b"))
        await server.until(lambda: server.registry.writer.stats().running == 2)
        disk.model("a").failures.append(RuntimeError("no memory"))
        disk.model("a").gate.open()
        done = await finish(peer, "g3")
        assert done.error is not None
        assert done.reason is DoneReason.FAILED
        assert "no memory" in done.error.message
        await server.until(lambda: states(server)["a"] == "failed")
        health = await server.get("/healthz")
        failed = next(model for model in json.loads(health.body)["models"] if model["name"] == "a")
        assert (health.status, failed["state"]) == (200, "failed")
        assert "no memory" in failed["error"]
        disk.model("b").gate.open()
        assert (await finish(peer, "g4")).reason is DoneReason.STOP
        await peer.send(ask("g5", "a"))
        assert (await finish(peer, "g5")).reason is DoneReason.STOP
        assert disk.loads == ["a", "b", "a"]


async def test_an_answer_that_waits_for_its_model_survives_a_restart(tmp_path: Path) -> None:
    disk = ModelDisk(big=1)
    disk.gate.clear()
    async with serving(ScriptedModel(), tmp_path, disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", "big"))
        await peer.take(Accepted)
        await server.until(lambda: bool(disk.loads))
        await server.registry.close()
        await peer.settle()
    again = ModelDisk(big=1)
    async with serving(ScriptedModel(), tmp_path, disk=again) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        assert (await finish(peer, "g1")).reason is DoneReason.STOP
        assert (again.loads, server.registry.get("g1", re="status", principal="local").model) == (["big"], "big")


async def left_in_the_middle(folder: Path) -> Peer:
    """Stop a server while a model that it has loaded writes; return what the client received."""
    disk = ModelDisk(big=1)
    async with serving(ScriptedModel(), folder, disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g0", "big"))
        await finish(peer, "g0")
        disk.model("big").gate.close()
        await peer.send(ask("g1", "big"))
        await peer.take(Accepted)
        disk.model("big").gate.step(12)
        await server.until(lambda: bool(server.registry.active and server.registry.active[0].log.seq))
        await server.registry.close()
        await peer.settle()
    return peer


async def test_an_answer_continues_after_a_restart_once_its_model_is_loaded(tmp_path: Path) -> None:
    before = await left_in_the_middle(tmp_path)
    cursor = before.session.cursors["g1"]
    disk = ModelDisk(big=1)
    async with serving(ScriptedModel(), tmp_path, disk=disk) as server:
        async with server.peer(cursors=before.session.cursors) as peer:
            await peer.send(Attach(id="g1", epoch=cursor.epoch, after=cursor.seq))
            done = await finish(peer, "g1")
    assert (done.reason, disk.loads) == (DoneReason.STOP, ["big"])
    assert done.usage.completion_tokens == 40


async def test_an_answer_whose_model_is_gone_fails_after_a_restart_and_keeps_its_text(tmp_path: Path) -> None:
    await left_in_the_middle(tmp_path)
    async with serving(ScriptedModel(), tmp_path, disk=ModelDisk(other=1)) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        done = await finish(peer, "g1")
        assert done.error is not None
        assert (done.reason, "The Big" in done.error.message) == (DoneReason.FAILED, True)
        assert peer.text("g1")


@pytest.mark.parametrize("name", ["small", "here/small", "The Small", "HERE/Small"])
async def test_a_model_is_taken_by_each_of_its_names(name: str) -> None:
    disk = ModelDisk(small=1, smaller=1)
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        await peer.send(ask("g1", name))
        assert (await peer.take(Accepted)).model == "small"
        await finish(peer, "g1")


async def test_new_and_deleted_files_are_announced_to_clients_that_watch() -> None:
    disk = ModelDisk(old=1)
    async with serving(ScriptedModel(), disk=disk) as server, server.peer() as peer:
        disk.needs = {"new": 1}
        server.registry.writer.refresh()  # before the client watches
        await peer.send(Watch())
        news = {model.name: model for model in (await peer.take(Model), await peer.take(Model))}
        assert (news["new"].state, news["new"].deleted, news["old"].deleted) == ("on_disk", False, True)
        disk.needs = {}
        server.registry.writer.refresh()
        assert (await peer.take(Model, name="new")).deleted
        await peer.send(ask("g1", "new"))
        assert (await peer.take(Error)).code == "unknown_model"


async def test_tokens_of_a_model_that_is_not_loaded_are_not_counted() -> None:
    async with serving(ScriptedModel(), disk=ModelDisk(big=1)) as server:
        reply = await server.ask("POST", "/tokenize", json.dumps({"content": "Hi", "model": "big"}))
        assert (reply.status, "not loaded" in reply.body) == (400, True)
