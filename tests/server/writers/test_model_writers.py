"""A server with several models: which one answers, in what order, and what a restart does."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Cancel,
    Done,
    DoneReason,
    Error,
    Generate,
    Status,
    StatusRequest,
)
from server.engine.base import EngineStats, ModelError
from server.writers.model_choice import check_unique
from server.writers.model_writers import total
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving


def named(*names: str) -> list[ScriptedModel]:
    models = [ScriptedModel() for _ in names]
    for model, name in zip(models, names, strict=True):
        model.facts = replace(model.facts, name=name)
    return models


def ask(id: str, model: str | None = None) -> Generate:
    return Generate(id=id, prompt="Hi", model=model, on_detach_ms=None)


async def finish(peer: Peer, id: str) -> Done:
    done = (await peer.until_done(id))[-1]
    assert isinstance(done, Done)
    return done


async def test_each_request_goes_to_the_model_that_it_names() -> None:
    one, two, three = named("One", "Two", "Three")
    async with serving(one, others=(two, three)) as server, server.peer() as peer:
        await peer.send(ask("g1"), ask("g2", "Two"))
        assert [(await peer.take(Accepted, id=id)).model for id in ("g1", "g2")] == ["One", "Two"]
        for id in ("g1", "g2"):
            assert (await finish(peer, id)).reason is DoneReason.STOP
        assert [model.rows_computed > 0 for model in (one, two, three)] == [True, True, False]


async def test_welcome_lists_the_models_and_describes_the_first() -> None:
    one, two = named("One", "Two")
    async with serving(one, others=(two,)) as server, server.peer() as peer:
        welcome = peer.session.welcome
        assert welcome is not None
        assert [(model.name, model.state, model.context) for model in welcome.models] == [
            ("One", "loaded", 2048),
            ("Two", "loaded", 2048),
        ]
        assert (welcome.model.name, welcome.limits.parallel) == ("One", 2)


async def test_one_model_is_taken_by_its_name_and_not_named_in_accepted() -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await peer.send(ask("g1", "Scripted"))
        assert (await peer.take(Accepted)).model is None
        await finish(peer, "g1")


@pytest.mark.parametrize("others", [(), ("Mistral 7B",)])
async def test_an_unknown_model_is_refused_with_the_known_ones(others: tuple[str, ...]) -> None:
    first, *more = named("Qwen 3", *others)
    async with serving(first, others=more) as server, server.peer() as peer:
        await peer.send(ask("g1", "mistral 7b instruct"))
        error = await peer.take(Error)
        assert (error.code, error.re, error.id, error.retryable) == ("unknown_model", "generate", "g1", False)
        known = ["'Mistral 7B'", "'Qwen 3'"] if others else ["'Qwen 3'"]
        assert error.message.endswith(f"it has {', '.join(known)}")
        answer = await server.ask("POST", "/generate", json.dumps({"prompt": "Hi", "model": "x"}))
        assert answer.status == 404


async def test_each_model_has_its_own_queue() -> None:
    one, two = named("One", "Two")
    async with serving(one, others=(two,)) as server, server.peer() as peer:
        for model in (one, two):
            model.gate.close()
        await peer.send(ask("g1"), ask("g2"), ask("g3", "Two"), ask("g4", "Two"))
        positions = {id: (await peer.take(Accepted, id=id)).position for id in ("g1", "g2", "g3", "g4")}
        assert positions == {"g1": 0, "g2": 1, "g3": 0, "g4": 1}
        two.gate.open()
        for id in ("g3", "g4"):
            await finish(peer, id)
        await peer.send(Cancel(id="g1"))
        assert (await finish(peer, "g1")).reason is DoneReason.CANCELLED
        one.gate.open()
        assert (await finish(peer, "g2")).reason is DoneReason.STOP


async def test_status_of_the_server_counts_all_models() -> None:
    one, two = named("One", "Two")
    async with serving(one, others=(two,)) as server, server.peer() as peer:
        for model in (one, two):
            model.gate.close()
        await peer.send(ask("g1"), ask("g2", "Two"))
        await server.until(lambda: server.registry.writer.stats().running == 2)
        await peer.send(StatusRequest())
        status = await peer.take(Status, id=None)
        assert (status.running, status.queued) == (2, 0)


async def test_a_message_of_a_conversation_names_its_model() -> None:
    one, two = named("One", "Two")
    async with serving(one, others=(two,)) as server:
        await post(server, "/api/conversations", {"id": "c1", "settings": {"model": "Two"}})
        await post(server, "/generate", {"id": "g1", "conversation": "c1", "content": "Hi", "message_id": "m1"})
        answer = await post(server, "/generate", {"id": "g2", "conversation": "c1", "parent": "m1", "model": "One"})
        assert answer["model"] == "One"
        found = json.loads((await server.ask("GET", "/api/conversations/c1")).body)
        assert [message.get("model") for message in found["messages"]] == [None, "Two", "One"]
        assert [message["parent"] for message in found["messages"]] == [None, "m1", "m1"]


async def post(server: RunningServer, path: str, body: dict[str, str | dict[str, str]]) -> dict[str, str]:
    answer = await server.ask("POST", path, json.dumps(body))
    assert answer.status in (200, 201), answer.body
    found: dict[str, str] = json.loads(answer.body)
    return found


async def left_in_the_middle(folder: Path) -> Peer:
    """Stop a server with two models while the second one writes; return what the client received."""
    one, two = named("One", "Two")
    async with serving(one, folder, others=(two,)) as server, server.peer() as peer:
        two.gate.close()
        await peer.send(ask("g1", "Two"))
        await peer.take(Accepted)
        two.gate.step(12)
        await server.until(lambda: bool(server.registry.active and server.registry.active[0].log.seq))
        await server.registry.close()
        await peer.settle()
    return peer


@pytest.mark.parametrize("names", [("One", "Two"), ("Two", "One"), ("Two",)])
async def test_a_restarted_answer_continues_with_its_model(tmp_path: Path, names: tuple[str, ...]) -> None:
    cursors = (await left_in_the_middle(tmp_path)).session.cursors
    first, *others = models = named(*names)
    async with serving(first, tmp_path, others=others) as server, server.peer(cursors=cursors) as peer:
        await peer.send(Attach(id="g1", epoch=cursors["g1"].epoch, after=cursors["g1"].seq))
        assert (await peer.take(Attached)).recovered
        assert (await finish(peer, "g1")).reason is DoneReason.STOP
        assert [model.facts.name for model in models if model.rows_computed] == ["Two"]
        assert server.registry.get("g1", re="status", principal="local").model == "Two"


@pytest.mark.parametrize("names", [("One",), ("One", "Three")])
async def test_a_restarted_answer_fails_without_its_model_and_keeps_its_text(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    cursors = (await left_in_the_middle(tmp_path)).session.cursors
    first, *others = named(*names)
    async with serving(first, tmp_path, others=others) as server, server.peer(cursors=cursors) as peer:
        await peer.send(Attach(id="g1", epoch=cursors["g1"].epoch, after=cursors["g1"].seq))
        done = await finish(peer, "g1")
        assert done.reason is DoneReason.FAILED
        assert done.error is not None
        assert "it was started with Two" in done.error.message
        assert peer.text("g1")


def test_stats_of_several_engines_are_added() -> None:
    one, two = EngineStats(slots=2, running=1), EngineStats(slots=4, running=2)
    assert total([one, one]) == EngineStats(slots=4, running=2)
    assert total([one, two]) == EngineStats(slots=6, running=3)


def test_two_chosen_models_of_one_name_are_refused() -> None:
    check_unique(["a", "b"])
    with pytest.raises(ModelError, match="two models have the name a"):
        check_unique(["a", "b", "a"])
