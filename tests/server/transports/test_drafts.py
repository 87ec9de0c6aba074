"""Drafts on a connection: read ahead, replaced, forgotten, and never stored."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.errors import ErrorCode
from protocol.messages import Accepted, ChatMessage, Done, Draft, Error, Generate, Params
from server.engine.base import Draft as EngineDraft
from server.engine.base import EngineDeadError
from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from server.writers.local import LocalWriter
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE, Peer
from tests.server.transports.running import RunningServer, serving
from tests.server.writers.test_model_writers import named

SAID = "Tell me all about the frogs of the northern woods"
SHORT = Params(max_tokens=3)


def user(text: str) -> tuple[ChatMessage, ...]:
    return (ChatMessage(role="user", content=text),)


async def read(server: RunningServer, tokens: int) -> None:
    """Return once the engine has read ``tokens`` of drafts and has nothing to do."""
    await server.until(lambda: server.engine.stats().draft_tokens >= tokens and server.engine._batcher.drafts_idle)


def prefix(text: str) -> int:
    """Return the length of the prompt up to the end of ``text``, in tokens of the scripted model."""
    return len(f"<|im_start|>user\n{text}")


async def usage(peer: Peer, text: str) -> int:
    """Send a message and return how many tokens of its prompt were cached."""
    await peer.send(Generate(id="g1", messages=user(text), params=SHORT))
    *_, done = await peer.until_done("g1")
    assert isinstance(done, Done)
    return done.usage.cached_tokens


async def test_a_message_is_read_before_it_is_sent(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Draft(messages=user(SAID)))
        await read(server, prefix(SAID) - len(" woods"))
        assert await peer.settle() == []
        assert await usage(peer, SAID) == prefix(SAID) - len(" woods")


async def test_a_draft_that_grows_is_read_once(server: RunningServer) -> None:
    async with server.peer() as peer:
        for end in (20, 30, len(SAID)):
            await peer.send(Draft(messages=user(SAID[:end])))
            await peer.carried_out()
            await server.until(lambda: server.engine._batcher.drafts_idle)
        await read(server, prefix(SAID) - len(" woods"))
        assert server.model.rows_computed == server.engine.stats().draft_tokens == prefix(SAID) - len(" woods")


@pytest.mark.parametrize("message", [Draft(), Draft(conversation="c1", content=" \n")])
async def test_an_emptied_draft_is_forgotten(server: RunningServer, message: Draft) -> None:
    async with server.peer() as peer:
        await peer.send(Draft(messages=user(SAID)))
        await read(server, 1)
        await peer.send(message)
        await server.until(lambda: server.model.held_tokens == 0)
        assert await peer.settle() == []


async def test_a_closed_connection_forgets_its_draft(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Draft(messages=user(SAID)))
        await read(server, 1)
    await server.until(lambda: server.model.held_tokens == 0)


async def test_a_sent_draft_is_forgotten(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Draft(messages=user(SAID)))
        await read(server, 1)
        await peer.send(Generate(id="g1", messages=user("Hi"), params=SHORT))
        *_, done = await peer.until_done("g1")
        assert isinstance(done, Done)
        kept = done.usage.prompt_tokens + done.usage.completion_tokens
        await server.until(
            lambda: server.model.held_tokens <= kept and len(server.engine._batcher._drafts._drafts) == 0
        )


async def test_a_message_of_a_conversation_is_read_with_its_dialogue(server: RunningServer) -> None:
    await server.ask("POST", "/api/conversations", '{"id":"c1","settings":{"system":"Be brief."}}')
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", conversation="c1", content="Hi", params=SHORT))
        await peer.until_done("g1")
        await peer.send(Draft(conversation="c1", content=SAID))
        await server.until(lambda: server.engine.stats().draft_tokens > 0)
        await server.until(lambda: server.engine._batcher.drafts_idle)
        await peer.send(Generate(id="g2", conversation="c1", content=SAID, params=SHORT))
        *_, done = await peer.until_done("g2")
    assert isinstance(done, Done)
    assert done.usage.prompt_tokens - done.usage.cached_tokens == len(" woods<|im_end|>\n<|im_start|>assistant\n")


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> "Held":
    held = Held()
    monkeypatch.setattr(LocalWriter, "prepare_draft", held.wrapped(LocalWriter.prepare_draft))
    return held


class Held:
    """Preparations of drafts that wait until the test lets them go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.texts: list[str] = []

    def wrapped(self, prepare: Callable[..., EngineDraft]) -> Callable[..., EngineDraft]:
        def prepare_held(writer: LocalWriter, key: str, body: Generate, *, principal: str) -> EngineDraft:
            assert body.messages
            self.texts.append(body.messages[-1].content)
            assert self.go.wait(DEADLINE)
            return prepare(writer, key, body, principal=principal)

        return prepare_held


async def test_only_the_newest_of_many_drafts_is_prepared(server: RunningServer, held: Held) -> None:
    async with server.peer() as peer:
        await peer.send(Draft(messages=user("first")))
        await server.until(lambda: held.texts == ["first"])
        for start in range(0, 1000, 250):
            await peer.send(*(Draft(messages=user(f"number {start + n} of many")) for n in range(250)))
        await peer.carried_out()
        held.go.set()
        await read(server, prefix("number 999 of"))
        assert await peer.settle() == []
    assert held.texts == ["first", "number 999 of many"]
    assert server.engine.stats().draft_tokens == prefix("number 999 of")


async def test_a_draft_of_a_closed_connection_is_not_read(server: RunningServer, held: Held) -> None:
    async with server.peer() as peer:
        await peer.send(Draft(messages=user(SAID)))
        await server.until(lambda: len(held.texts) == 1)
    await server.until(lambda: len(server.connections) == 0)
    held.go.set()
    async with server.peer() as peer:
        await peer.send(Draft(messages=user("Something else that is written")))
        await read(server, prefix("Something else that is"))
    assert server.engine.stats().draft_tokens == prefix("Something else that is")


async def test_a_draft_that_is_emptied_while_it_is_prepared_is_not_read(server: RunningServer, held: Held) -> None:
    async with server.peer() as peer:
        await peer.send(Draft(messages=user(SAID)))
        await server.until(lambda: len(held.texts) == 1)
        await peer.send(Draft())
        await peer.carried_out()
        held.go.set()
        await peer.send(Draft(messages=user("Something else that is written")))
        await read(server, prefix("Something else that is"))
    assert server.engine.stats().draft_tokens == prefix("Something else that is")


async def test_too_many_drafts_are_limited(held: Held) -> None:
    held.go.set()
    guard = Guard(limits=UsageLimits(messages=10))
    async with serving(ScriptedModel(), guard=guard) as server, server.peer() as peer:
        await peer.send(*(Draft(messages=user("Hi")) for _ in range(200)))
        await peer.send(Draft(messages=user("Hi")))
        error = await peer.take(Error)
    assert (error.code, error.re, error.retryable) == (ErrorCode.RATE_LIMITED, "draft", True)


async def refusal(peer: Peer, message: Draft) -> Error:
    await peer.send(message)
    return await peer.take(Error)


async def test_a_wrong_draft_is_refused(server: RunningServer) -> None:
    async with server.peer() as peer:
        unknown = await refusal(peer, Draft(conversation="nobody", content="Hi"))
        long = await refusal(peer, Draft(messages=user("x" * 3000)))
        model = await refusal(peer, Draft(messages=user("Hi"), model="another"))
    assert [(error.re, error.code) for error in (unknown, long, model)] == [
        ("draft", ErrorCode.UNKNOWN_ID),
        ("draft", ErrorCode.CONTEXT_OVERFLOW),
        ("draft", ErrorCode.UNKNOWN_MODEL),
    ]
    assert "messages" in long.message
    assert server.engine.stats().draft_tokens == 0


async def test_a_refused_draft_replaces_the_one_before(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Draft(messages=user(SAID)))
        await read(server, 1)
        await refusal(peer, Draft(messages=user("x" * 3000)))
        await server.until(lambda: server.model.held_tokens == 0)


async def test_a_draft_after_an_unfinished_answer_is_refused(server: RunningServer) -> None:
    await server.ask("POST", "/api/conversations", '{"id":"c1"}')
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", conversation="c1", content="Hi"))
        await peer.take(Accepted)
        error = await refusal(peer, Draft(conversation="c1", content="And then?"))
        server.model.gate.open()
    assert (error.re, error.code) == ("draft", ErrorCode.UNEXPECTED_MESSAGE)


async def test_a_dead_engine_refuses_drafts(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def prepare(*asked: object, principal: str) -> None:
        raise EngineDeadError("the engine has stopped")

    monkeypatch.setattr(LocalWriter, "prepare_draft", prepare)
    async with server.peer() as peer:
        error = await refusal(peer, Draft(messages=user(SAID)))
    assert (error.re, error.code) == ("draft", ErrorCode.ENGINE_FAILED)


@pytest.mark.parametrize("draft_ahead", [True, False])
async def test_the_welcome_tells_if_drafts_are_read(draft_ahead: bool) -> None:
    async with serving(ScriptedModel(), draft_ahead=draft_ahead) as server, server.peer() as peer:
        assert peer.session.welcome is not None
        assert ("draft" in peer.session.welcome.features) == draft_ahead


async def test_a_server_that_reads_no_drafts_refuses_them() -> None:
    async with serving(ScriptedModel(), draft_ahead=False) as server, server.peer() as peer:
        error = await refusal(peer, Draft(messages=user(SAID)))
    assert (error.re, error.code) == ("draft", ErrorCode.UNSUPPORTED)


async def test_nothing_of_a_draft_is_logged_or_stored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "server")
    async with serving(ScriptedModel(), data=tmp_path) as server, server.peer() as peer:
        await server.ask("POST", "/api/conversations", '{"id":"c1"}')
        await peer.send(Draft(conversation="c1", content=f"{SAID} xyzzyxyzzy and more"))
        await read(server, 1)
        await refusal(peer, Draft(messages=user("xyzzyxyzzy " * 300)))
    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert len(stored) > 1000
    assert b"xyzzyxyzzy" not in stored
    assert "xyzzyxyzzy" not in caplog.text


async def test_the_draft_for_one_model_takes_the_place_of_that_for_another() -> None:
    one, two = named("One", "Two")
    async with serving(one, others=(two,)) as server, server.peer() as peer:
        await peer.send(Draft(messages=user(SAID), model="One"))
        await server.until(lambda: one.held_tokens > 0)
        await peer.send(Draft(messages=user(SAID), model="Two"))
        await server.until(lambda: two.held_tokens > 0 and one.held_tokens == 0)
        await peer.send(Draft())
        await server.until(lambda: two.held_tokens == 0)
        assert await peer.settle() == []
