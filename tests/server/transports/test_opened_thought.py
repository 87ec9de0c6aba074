"""Answers to prompts that end with the mark that begins a thought (PROTOCOL 6.10)."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.messages import Accepted, Attach, Cancel, Done, DoneReason, Generate, Params, Steer
from tests.server.engine.scripted_model import ScriptedModel, scripted_tokens
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

TEMPLATE = (
    "{% for message in messages %}[{{ message.role }}:{{ message.content }}]{% endfor %}"
    "{% if add_generation_prompt %}<think>\n{% endif %}"
)
MARK = "<think>\n"
G1 = Generate(id="g1", prompt="Hi", params=Params(seed=3))


def thinking_model() -> ScriptedModel:
    model = ScriptedModel()
    model.facts = replace(model.facts, chat_template=TEMPLATE)
    return model


def said(prompt: str, seed: int = 3) -> str:
    """Return the scripted model's answer to a prompt."""
    return text_of(scripted_tokens(prompt.encode(), seed, 40))


def text_of(tokens: Sequence[int]) -> str:
    model = ScriptedModel()
    return b"".join(model.piece(token) for token in tokens).decode(errors="ignore")


async def answered(peer: Peer, body: Generate) -> Done:
    await peer.send(body)
    done = (await peer.until_done(str(body.id)))[-1]
    assert isinstance(done, Done)
    return done


async def test_the_text_begins_with_the_mark_that_the_prompt_ends_with() -> None:
    async with serving(thinking_model()) as server, server.peer() as peer:
        done = await answered(peer, G1)
        assert peer.text("g1") == MARK + said(f"[user:Hi]{MARK}")
        assert done.usage.completion_tokens == 40


async def test_a_raw_prompt_is_the_callers_own(server: RunningServer) -> None:
    async with server.peer() as peer:
        await answered(peer, Generate(id="g1", prompt=MARK, raw=True, params=Params(seed=3)))
        assert peer.text("g1") == said(MARK)


async def test_an_answer_that_is_stopped_before_its_first_token_has_no_text() -> None:
    async with serving(thinking_model()) as server, server.peer() as peer:
        server.model.gate.close()
        await peer.send(G1)
        await peer.take(Accepted)
        await peer.send(Cancel(id="g1"))
        done = await peer.take(Done)
        assert (done.reason, peer.text("g1")) == (DoneReason.CANCELLED, "")


async def test_an_answer_without_text_does_not_keep_the_next_turn_from_being_answered() -> None:
    strict = "{% if m.content == '' or (loop.previtem and loop.previtem.role == m.role) %}{{ raise_exception('no') }}"
    model = ScriptedModel()
    form = f"{{% for m in messages %}}{strict}{{% endif %}}[{{{{ m.role }}}}:{{{{ m.content }}}}]{{% endfor %}}"
    model.facts = replace(model.facts, chat_template=form)
    async with serving(model) as server, server.peer() as peer:
        assert (await server.ask("POST", "/api/conversations", '{"id":"c"}')).status == 201
        server.model.gate.close()
        await peer.send(Generate(id="a", conversation="c", content="Hi", params=Params(seed=3)))
        await peer.take(Accepted)
        await peer.send(Cancel(id="a"))
        assert (await peer.take(Done)).reason is DoneReason.CANCELLED
        server.model.gate.open()
        await answered(peer, Generate(id="b", conversation="c", content="Ho", params=Params(seed=3)))
        assert peer.text("b") == said("[user:Hi\n\nHo]")


async def test_after_a_restart_the_mark_is_there_once(tmp_path: Path) -> None:
    for steps in (0, 12):
        folder = tmp_path / str(steps)
        folder.mkdir()
        async with serving(thinking_model(), folder) as server, server.peer() as peer:
            server.model.gate.close()
            await peer.send(G1)
            await peer.take(Accepted)
            if steps:
                server.model.gate.step(steps)
            await server.held()
            await peer.settle()
            assert peer.text("g1").startswith(MARK) == bool(steps)
            await server.registry.close()
        async with serving(thinking_model(), folder) as server, server.peer() as peer:
            await peer.send(Attach(id="g1"))
            await peer.until_done("g1")
            assert peer.text("g1") == MARK + said(f"[user:Hi]{MARK}")


async def test_an_answer_that_is_continued_has_the_mark_once() -> None:
    async with serving(thinking_model()) as server, server.peer() as peer:
        assert (await server.ask("POST", "/api/conversations", '{"id":"c"}')).status == 201
        first = Generate(id="a", conversation="c", content="Hi", params=Params(seed=3, max_tokens=5))
        await answered(peer, first)
        before = peer.text("a")
        assert before.startswith(MARK)
        await answered(peer, Generate(id="b", conversation="c", parent="a", params=Params(seed=3, max_tokens=5)))
        assert peer.text("b") == said(f"[user:Hi]{before}")[: len(peer.text("b"))] != ""
        assert (await server.ask("GET", "/api/conversations/c")).body.count("<think>") == 1


@pytest.mark.parametrize("condition", ["true", "messages | length == 1"])
async def test_a_thought_that_is_steered_stays_open_and_the_next_turn_has_what_was_said(condition: str) -> None:
    """The answer after the instruction begins with a thought, which doesn't end either, or with what it says."""
    model = ScriptedModel()
    template = TEMPLATE.replace("add_generation_prompt", f"add_generation_prompt and {condition}")
    model.facts = replace(model.facts, chat_template=template)
    mark = MARK if condition == "true" else ""
    async with serving(model) as server, server.peer() as peer:
        assert (await server.ask("POST", "/api/conversations", '{"id":"c"}')).status == 201
        server.model.gate.close()
        await peer.send(Generate(id="a", conversation="c", content="Hi", params=Params(seed=3)))
        await peer.take(Accepted)
        server.model.gate.step(8)
        await server.held()
        await peer.send(Steer(id="a", content="shorter"))
        await peer.carried_out()
        server.model.gate.open()
        await peer.until_done("a")
        (instruction,) = peer.session.cursors["a"].instructions
        thought, rest = peer.text("a")[: instruction.chars], peer.text("a")[instruction.chars :]
        before = f"[user:Hi]{MARK}".encode()
        tokens = scripted_tokens(before, 3, 40)
        counts = [count for count in range(1, 40) if MARK + text_of(tokens[:count]) == thought]
        after = f"][user:shorter]{mark}".encode()
        rests = [scripted_tokens([*before, *tokens[:count], *after], 3, 40) for count in counts]
        assert rest in [mark + text_of(each) for each in rests]
        found = json.loads((await server.ask("GET", "/api/conversations/c")).body)["messages"]
        assert [each["content"] for each in found] == ["Hi", thought, "shorter", rest]
        await answered(peer, Generate(id="b", conversation="c", content="Ho", params=Params(seed=3)))
        said_before = "" if mark else f"[assistant:{rest}]"
        assert peer.text("b") == mark + said(f"[user:Hi][user:shorter]{said_before}[user:Ho]{mark}")
