"""One socket and its generations, from `generate` to `done`."""

import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterator

import pytest

from protocol.errors import ErrorCode
from protocol.messages import (
    Accepted,
    Cancel,
    ChatMessage,
    Done,
    DoneReason,
    Error,
    Generate,
    GenerationState,
    Params,
    Ping,
    Pong,
    ServerMessage,
    Status,
    StatusRequest,
    Token,
)
from server.engine.base import Ranges
from server.transports.watched_logs import WatchedLogs
from tests.server.engine.scripted_model import WORDS, scripted_tokens
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer

LONG_PROMPT = "x" * 1500  # read in at least four steps


def answer_to(prompt: str, seed: int, count: int) -> str:
    """Return the scripted model's answer, computed without the server's code."""
    pieces = {256 + 1 + index: word.encode() for index, word in enumerate(WORDS)}
    data = b"".join(pieces.get(token, bytes([token % 256])) for token in scripted_tokens(prompt.encode(), seed, count))
    return data.decode(errors="ignore")


async def test_an_answer_arrives_whole(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", raw=True, params=Params(seed=7)))
        first, *middle, done = await peer.until_done("g1")

    assert isinstance(first, Accepted)
    assert first.position == 0
    tokens = [message for message in middle if isinstance(message, Token)]
    seq = 0
    for token in tokens:
        assert token.seq - token.n == seq
        seq = token.seq
    text = "".join(token.text for token in tokens)
    assert text == answer_to("Hi", 7, 40)
    assert isinstance(done, Done)
    assert (done.seq, done.reason, done.phase) == (seq + 1, DoneReason.STOP, GenerationState.DECODE)
    assert (done.chars, done.sha256) == (len(text), hashlib.sha256(text.encode()).hexdigest())
    assert (done.usage.prompt_tokens, done.usage.cached_tokens, done.usage.completion_tokens) == (2, 0, 40)
    assert done.error is None
    assert done.timings.stop is None


async def test_the_logs_are_read_once_for_each_token_event(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = []
    read = WatchedLogs.read

    def counted(logs: WatchedLogs, room: int) -> Iterator[ServerMessage]:
        readings.append(room)
        return read(logs, room)

    monkeypatch.setattr(WatchedLogs, "read", counted)
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", raw=True, params=Params(seed=7)))
        for _ in range(40):  # otherwise a slow connection gets several tokens in one event
            await server.held()
            server.model.gate.step()
        server.model.gate.open()
        messages = await peer.until_done("g1")

    others = 10
    """Readings for what isn't a token: `welcome`, `accepted`, states, `done`."""
    tokens = sum(isinstance(message, Token) for message in messages)
    assert tokens > 2 * others
    assert len(readings) <= tokens + others


async def test_states_come_in_their_order(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt=LONG_PROMPT, raw=True))
        seen = [(await peer.take(Status, id="g1", state=GenerationState.PREFILL)).done]
        for _ in range(2):
            server.model.gate.step()
            seen.append((await peer.take(Status, id="g1", state=GenerationState.PREFILL)).done)
        server.model.gate.step(30)  # enough to read the rest in the smallest chunks, not enough for the whole answer
        decode = await peer.take(Status, id="g1", state=GenerationState.DECODE)
        await peer.settle()
        server.model.gate.open()
        rest = await peer.until_done("g1")
    first, second, third = (done or 0 for done in seen)
    assert first == 0 < second < third
    assert decode.total is None
    assert not [message for message in rest if isinstance(message, Status) and message.state is not decode.state]


async def test_the_server_picks_an_id_where_the_client_did_not(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send('{"type":"generate","prompt":"Hi"}')
        accepted = await peer.take(Accepted)
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", accepted.id)
        assert await peer.until_done(accepted.id)


async def test_max_tokens_ends_with_length(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", params=Params(max_tokens=5, seed=1)))
        done = (await peer.until_done("g1"))[-1]
    assert isinstance(done, Done)
    assert (done.reason, done.usage.completion_tokens) == (DoneReason.LENGTH, 5)


async def test_the_same_seed_says_the_same_and_another_does_not(server: RunningServer) -> None:
    async with server.peer() as peer:
        for id, seed in (("a", 1), ("b", 1), ("c", 2)):
            await peer.send(Generate(id=id, prompt="Hi", params=Params(seed=seed)))
            await peer.until_done(id)
        assert peer.text("a") == peer.text("b") != peer.text("c")


async def test_messages_are_rendered_by_the_chat_template(server: RunningServer) -> None:
    messages = (ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content="Hi"))
    rendered = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    async with server.peer() as peer:
        await peer.send(Generate(id="chat", messages=messages, params=Params(seed=1)))
        await peer.send(Generate(id="raw", prompt=rendered, raw=True, params=Params(seed=1)))
        chat, raw = (await peer.until_done("chat"))[-1], (await peer.until_done("raw"))[-1]
    assert isinstance(chat, Done)
    assert isinstance(raw, Done)
    assert chat.usage.prompt_tokens == raw.usage.prompt_tokens == len(rendered)
    assert peer.text("chat") == peer.text("raw")


async def test_several_generations_interleave_on_one_socket(wide_server: RunningServer) -> None:
    server = wide_server
    server.model.gate.close()
    ids = ["g1", "g2", "g3"]
    async with server.peer() as peer:
        await peer.send(*(Generate(id=id, prompt=id, raw=True, params=Params(seed=3)) for id in ids))
        for id in ids:
            await peer.take(Accepted, id=id)
        for _ in range(6):
            server.model.gate.step()
        for id in ids:
            await peer.take(Token, id=id)  # all three have begun, and none has ended
        assert not any(cursor.done for cursor in peer.session.cursors.values())
        server.model.gate.open()
        for id in ids:
            await peer.until_done(id)
        assert [peer.text(id) for id in ids] == [answer_to(id, 3, 40) for id in ids]


async def test_more_than_fit_wait_in_a_queue_and_move_up(server: RunningServer) -> None:
    server.model.gate.close()
    ids = ["g1", "g2", "g3"]
    async with server.peer() as peer:
        await peer.send(*(Generate(id=id, prompt="Hi") for id in ids))
        assert [(await peer.take(Accepted, id=id)).position for id in ids] == [0, 1, 2]
        await peer.take(Status, id="g3", state=GenerationState.QUEUED, position=2)
        await peer.send(Cancel(id="g1"))
        await peer.take(Status, id="g3", state=GenerationState.QUEUED, position=1)
        server.model.gate.open()
        ends = [await peer.until_done(id) for id in ids]
    reasons = [done.reason for *_, done in ends if isinstance(done, Done)]
    assert reasons == [DoneReason.CANCELLED, DoneReason.STOP, DoneReason.STOP]


async def test_several_messages_in_one_frame_are_carried_out_in_order(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send('{"type":"generate","id":"g1","prompt":"Hi"}\n\n{"type":"cancel"}\n')
        first, *_, done = await peer.until_done("g1")
    assert isinstance(first, Accepted)
    assert isinstance(done, Done)
    assert done.reason is DoneReason.CANCELLED


async def test_one_object_may_span_lines(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(json.dumps({"type": "generate", "id": "g1", "prompt": "Hi"}, indent=2))
        await peer.until_done("g1")


async def test_a_ping_is_answered_while_a_prompt_is_read(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt=LONG_PROMPT))
        await server.held()
        await peer.send(Ping(nonce="are you there?"))
        await peer.take(Pong, nonce="are you there?")
        await peer.send(Ping())
        await peer.take(Pong, nonce=None)
        assert "g1" in peer.session.cursors
        assert peer.session.cursors["g1"].done is None


async def test_status_tells_how_one_generation_and_the_server_stand(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer, server.peer() as stranger:
        await peer.send(Generate(id="g1", prompt=LONG_PROMPT, raw=True), Generate(id="g2", prompt="Hi"))
        await peer.take(Accepted, id="g2")
        server.model.gate.step()
        await server.held()
        await stranger.send(StatusRequest(id="g1"), StatusRequest(id="g2"), StatusRequest())
        prefill = await stranger.take(Status, id="g1")
        assert (prefill.state, prefill.done, prefill.total) == (GenerationState.PREFILL, 128, len(LONG_PROMPT))
        queued = await stranger.take(Status, id="g2")
        assert (queued.state, queued.position) == (GenerationState.QUEUED, 1)
        whole = await stranger.take(Status, id=None)
        assert (whole.running, whole.queued) == (1, 1)
        server.model.gate.open()
        await peer.until_done("g1")
        await stranger.send(StatusRequest(id="g1"))
        assert (await stranger.take(Status, id="g1")).state is GenerationState.DONE


async def test_a_status_that_its_generation_overtakes_is_answered_anyway(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request waits behind another message; meanwhile the generation progresses and ends."""
    tokenize, may_go_on = server.model.tokenize, threading.Event()

    def slowly(text: str, quoted: Ranges = ()) -> list[int]:
        may_go_on.wait(DEADLINE)
        return tokenize(text, quoted)

    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi", params=Params(seed=3)))
        await server.held()
        monkeypatch.setattr(server.model, "tokenize", slowly)
        await peer.send(Generate(id="g2", prompt="Hi"), StatusRequest(id="g1"))
        server.model.gate.step()
        await peer.take(Status, id="g1", state=GenerationState.DECODE)
        server.model.gate.open()
        await peer.until_done("g1")
        may_go_on.set()
        assert await peer.take(Status, id="g1", state=GenerationState.DONE)
        await peer.until_done("g2")


async def test_no_generation_of_another_socket_is_shown(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer, server.peer() as stranger:
        await peer.send(Generate(id="g1", prompt="Hi"))
        await peer.take(Accepted)
        server.model.gate.open()
        await peer.until_done("g1")
        assert await stranger.settle() == []


async def test_welcome_lists_what_runs(server: RunningServer) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"))
        accepted = await peer.take(Accepted)
        async with server.peer() as other:
            assert other.session.welcome is not None
            (active,) = other.session.welcome.active
    assert (active.id, active.epoch, active.seq) == ("g1", accepted.epoch, 0)


async def test_close_when_idle_closes_once_all_is_answered(server: RunningServer) -> None:
    async with server.peer("?close_when_idle=1") as peer:
        await peer.send(Generate(id="g1", prompt="Hi"), Generate(id="g2", prompt="Hi"))
        assert await peer.closed() == 1000
        assert all(cursor.done for cursor in peer.session.cursors.values())
        assert len(peer.session.cursors) == 2


@pytest.mark.parametrize("frame", ['{"type":"sing"}', '{"type":"cancel"}', '{"type":"attach","id":"nobody"}'])
async def test_close_when_idle_closes_after_a_refusal_too(server: RunningServer, frame: str) -> None:
    async with server.peer("?close_when_idle=1") as peer:
        await peer.send(frame)
        await peer.take(Error)
        assert await peer.closed() == 1000


async def test_close_when_idle_waits_for_something_to_be_asked(server: RunningServer) -> None:
    async with server.peer("?close_when_idle=1") as peer:
        await peer.send(Ping())
        await peer.take(Pong)
        assert await peer.settle() == []


async def test_a_dying_engine_ends_every_generation_as_failed(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"), Generate(id="g2", prompt="Hi"))
        await peer.take(Accepted, id="g2")
        await server.held()
        server.model.failures.append(RuntimeError("the chip is on fire"))
        server.model.gate.open()
        ends = [(await peer.until_done(id))[-1] for id in ("g1", "g2")]
        await peer.send(Generate(id="g3", prompt="Hi"))
        (error,) = await peer.errors()
    for done in ends:
        assert isinstance(done, Done)
        assert done.reason is DoneReason.FAILED
        assert done.error is not None
        assert done.error.code == ErrorCode.ENGINE_FAILED
        assert "the chip is on fire" in done.error.message
    assert (error.code, error.re, error.id, error.retryable) == (ErrorCode.ENGINE_FAILED, "generate", "g3", True)
    assert [record.name for record in caplog.records if record.levelno >= logging.ERROR] == ["server.engine.worker"]
    caplog.clear()
