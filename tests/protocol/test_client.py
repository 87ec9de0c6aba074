"""The Python client against the real server: answers, errors, cancel, several answers at once, and cleaning up."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from protocol.client import Chat, ClosedError, DisconnectedError, Generation, RequestError, connect
from protocol.errors import ErrorCode, LocalProtocolError
from protocol.messages import (
    Accepted,
    Attached,
    ChatMessage,
    Done,
    DoneReason,
    FunctionDelta,
    Generate,
    GenerationState,
    Status,
    Token,
    ToolCallDelta,
)
from server.generations.ownership import LOCAL
from server.writers.model_writers import ModelWriters
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving
from tests.server.writers.model_disk import ModelDisk

LONG_PROMPT = "x" * 1500


def text_of(server: RunningServer, id: str) -> str:
    return server.registry.get(id, re="test", principal=LOCAL).log.text


async def test_an_answer_comes_as_events_from_accepted_to_done(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()  # else a busy machine may send `done` before any status
    generation = chat.generate("Hi", seed=3)
    events = []
    async for event in generation:
        events.append(event)
        if isinstance(event, Status):
            server.model.gate.open()
    assert isinstance(events[0], Accepted)
    assert isinstance(events[-1], Done)
    assert [type(event) for event in events].count(Done) == 1
    assert any(isinstance(event, Status) for event in events)
    text = "".join(event.text for event in events if isinstance(event, Token))
    assert text == generation.text == text_of(server, generation.id) != ""
    assert await generation.done() == events[-1]
    assert (chat.running, chat._cursors, chat._questions._open) == ((), {}, [])  # nothing is kept of what has ended


async def test_logprobs_come_with_the_tokens_that_were_asked_for_with_them(chat: Chat) -> None:
    tokens = [event async for event in chat.generate("Hi", top_logprobs=2) if isinstance(event, Token)]
    told = [logprob for token in tokens for logprob in token.logprobs or ()]
    assert "".join(logprob.token for logprob in told if logprob.bytes is None)
    assert {len(logprob.top_logprobs) for logprob in told} == {2}
    assert [event async for event in chat.generate("Hi") if isinstance(event, Token) and event.logprobs] == []


async def test_a_reader_that_comes_late_misses_no_logprob_and_no_call(chat: Chat) -> None:
    generation = chat.generate("Hi", top_logprobs=2)
    logprobs = [logprob async for event in generation if isinstance(event, Token) for logprob in event.logprobs or ()]
    (token,) = [event async for event in generation if isinstance(event, Token)]
    assert token.logprobs == tuple(logprobs) != ()
    call = ToolCallDelta(index=0, id="call_1", function=FunctionDelta(name="add"))
    generation = Generation(Generate(id="a", prompt="Hi"), lambda message: None)
    for seq, calls in ((1, (call,)), (2, None), (3, (ToolCallDelta(index=0, function=FunctionDelta(arguments="{}")),))):
        generation.apply(Token(id="a", seq=seq, n=1, text="x", tool_calls=calls))
    merged = await anext(aiter(generation))
    assert isinstance(merged, Token)
    assert [delta.function for delta in merged.tool_calls or ()] == [call.function, FunctionDelta(arguments="{}")]


async def test_generation_can_be_read_by_several_readers(chat: Chat) -> None:
    generation = chat.generate("Hi")
    first, second = await asyncio.gather(*(_pieces(generation.pieces()) for _ in range(2)))
    assert first == second == await _pieces(generation.pieces()) == generation.text


async def _pieces(reader: AsyncIterator[Token]) -> str:
    return "".join([piece.text async for piece in reader])


async def test_unread_text_comes_as_one_piece_and_delays_no_other_reader(server: RunningServer, chat: Chat) -> None:
    slow, fast = chat.generate("Hi"), chat.generate("Ho")
    reader = aiter(slow)
    assert isinstance(await anext(reader), Accepted)
    await fast.done()
    await slow.done()
    (token, done) = [event async for event in reader if not isinstance(event, Status)]
    assert isinstance(token, Token)
    assert isinstance(done, Done)
    assert (token.text, token.seq, token.n) == (slow.text, done.seq - 1, done.seq - 1)


async def test_a_cancelled_anext_loses_nothing(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi")
    pieces = generation.pieces()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(pieces)
    server.model.gate.open()
    assert await _pieces(pieces) == generation.text != ""


async def test_messages_parameters_and_id(server: RunningServer, chat: Chat) -> None:
    said: list[ChatMessage | dict[str, str]] = [
        {"role": "user", "content": "Hi"},
        ChatMessage(role="assistant", content="Ho"),
    ]
    generation = chat.generate([*said, {"role": "user", "content": "Hi"}], id="mine", max_tokens=5, stop="never")
    done = await generation.done()
    assert (generation.id, done.reason, done.usage.completion_tokens) == ("mine", DoneReason.LENGTH, 5)
    body = server.registry.get("mine", re="test", principal=LOCAL).body
    assert body.messages is not None
    assert [message.role for message in body.messages] == ["user", "assistant", "user"]
    assert (body.params.max_tokens, body.params.stop) == (5, ("never",))


@pytest.mark.parametrize("phase", [GenerationState.QUEUED, GenerationState.PREFILL, GenerationState.DECODE])
async def test_cancel(server: RunningServer, chat: Chat, phase: GenerationState) -> None:
    server.model.gate.close()
    running = chat.generate(LONG_PROMPT if phase is GenerationState.PREFILL else "Hi", raw=True)
    if phase is GenerationState.QUEUED:
        generation = chat.generate("Ho")
        await server.held()
        generation.stop()
        await chat.status()  # answered once the cancel was carried out
        server.model.gate.step()
    else:
        generation = running
        await _opened(running)
        server.model.gate.step(2 if phase is GenerationState.PREFILL else 12)
        await server.held()
    done = await generation.cancel()
    assert done.reason is DoneReason.CANCELLED
    assert done.phase is phase
    assert [event async for event in generation][-1] == done
    assert (len(generation.text) > 0) == (done.phase is GenerationState.DECODE)
    server.model.gate.open()
    await running.done()


async def _opened(generation: Generation) -> None:
    assert isinstance(await anext(aiter(generation)), Accepted)


async def test_cancel_after_the_end_returns_the_end(chat: Chat) -> None:
    generation = chat.generate("Hi")
    done = await generation.done()
    assert await generation.cancel() == done
    assert done.reason is DoneReason.STOP


async def test_a_cancel_that_comes_too_late_is_no_failure(server: RunningServer, chat: Chat) -> None:
    """The end and the cancel cross on the wire: the server answers `already_done`."""
    generation = chat.generate("Hi")
    async for event in generation:
        if isinstance(event, Token):
            break
    await server.until(lambda: not server.registry.active)
    assert (await generation.cancel()).reason is DoneReason.STOP
    assert await chat.ping() >= 0


@pytest.mark.parametrize(
    ("prompt", "more", "code"),
    [
        (" ", {}, ErrorCode.EMPTY_PROMPT),
        ("Hi", {"temperature": 3.0}, ErrorCode.INVALID_FIELD),
        ("Hi", {"id": "not an id"}, ErrorCode.INVALID_FIELD),
        ([{"role": "pirate", "content": "Hi"}], {}, ErrorCode.INVALID_FIELD),
        ("x" * (1 << 20), {}, ErrorCode.BAD_FRAME),
    ],
)
async def test_faults_that_the_client_sees_are_raised_at_once(
    chat: Chat, prompt: str, more: dict[str, object], code: ErrorCode
) -> None:
    with pytest.raises(RequestError) as caught:
        chat.generate(prompt, **more)  # type: ignore[arg-type]
    assert caught.value.code is code
    assert await chat.generate("Hi").done()


async def test_refusal_is_raised_in_its_generation_only(chat: Chat) -> None:
    good, bad = chat.generate("Hi"), chat.generate("x" * 5000)
    with pytest.raises(RequestError, match=r"context_overflow: .*2048") as caught:
        await bad.done()
    assert (caught.value.code, caught.value.id, caught.value.retryable) == (ErrorCode.CONTEXT_OVERFLOW, bad.id, False)
    with pytest.raises(RequestError):
        [event async for event in bad]
    with pytest.raises(RequestError):
        await bad.cancel()
    assert (await good.done()).reason is DoneReason.STOP


async def test_an_id_names_one_generation(server: RunningServer, chat: Chat) -> None:
    first = chat.generate("Hi", id="g1")
    with pytest.raises(LocalProtocolError):
        chat.generate("Hi", id="g1")
    assert chat.attach("g1") is first
    await first.done()
    again = chat.generate("Hi", id="g1")
    assert isinstance(await anext(aiter(again)), Attached)
    assert await again.done() == first.result
    assert again.text == first.text
    with pytest.raises(RequestError) as caught:
        await chat.generate("Ho", id="g1").done()
    assert caught.value.code is ErrorCode.ID_CONFLICT


async def test_another_client_reads_along_and_continues_where_one_left(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()
    first = chat.generate("Hi")
    await _opened(first)
    server.model.gate.step(12)
    async for event in first:
        if isinstance(event, Token):
            break
    await server.held()
    await chat.ping()
    bookmark = first.bookmark
    async with connect(f"ws://127.0.0.1:{server.port}/ws") as other:
        whole = other.attach(first.id)
        server.model.gate.open()
        await whole.done()
        assert whole.text == text_of(server, first.id)
        on = other.attach(*bookmark)
        opening = await anext(aiter(on))
        assert isinstance(opening, Attached)
        assert opening.from_ == bookmark.after > 0
        assert bookmark.text + await _pieces(on.pieces()) == on.text == whole.text
        assert await on.done() == await first.done() == whole.result
        at_the_end = other.attach(*on.bookmark)
        assert await at_the_end.done() == on.result
        assert at_the_end.text == on.text


async def test_attach_to_nobody(chat: Chat) -> None:
    with pytest.raises(RequestError) as caught:
        await chat.attach("nobody").done()
    assert caught.value.code is ErrorCode.UNKNOWN_ID
    with pytest.raises(LocalProtocolError):
        chat.attach("nobody", after=3)


async def test_status_and_ping(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi", id="g1")
    await _opened(generation)
    await server.held()
    assert (await chat.status()).running == 1
    one, two, seconds = await asyncio.gather(chat.status("g1"), chat.status("g1"), chat.ping())
    assert one.state in (GenerationState.QUEUED, GenerationState.PREFILL)
    assert two.id == "g1"
    assert 0 <= seconds < DEADLINE
    with pytest.raises(RequestError) as caught:
        await chat.status("nobody")
    assert caught.value.code is ErrorCode.UNKNOWN_ID
    assert chat.welcome.model.name == "Scripted"


async def test_closing_ends_what_waits_and_leaves_no_task(server: RunningServer) -> None:
    server.model.gate.close()
    before = asyncio.all_tasks()
    async with asyncio.timeout(DEADLINE):
        async with connect(f"ws://127.0.0.1:{server.port}/ws") as chat:
            generation = chat.generate("Hi")
            await _opened(generation)
            waiting = asyncio.gather(generation.done(), anext(generation.pieces()), return_exceptions=True)
            await asyncio.sleep(0)
        assert [type(problem) for problem in await waiting] == [ClosedError, ClosedError]
        with pytest.raises(ClosedError):
            chat.generate("Hi")
        with pytest.raises(ClosedError):
            await chat.ping()
        await server.until(lambda: len(server.connections) == 0 and asyncio.all_tasks() <= before)
    log = server.registry.get(generation.id, re="test", principal=LOCAL).log
    assert log.done is None  # a closed socket is no cancel


async def test_missing_server_is_raised_at_once(server: RunningServer) -> None:
    before = asyncio.all_tasks()
    with pytest.raises(DisconnectedError, match=r"127\.0\.0\.1:1/ws: Connection refused"):
        async with connect("ws://127.0.0.1:1/ws"):
            pass
    for url in (f"ws://127.0.0.1:{server.port}/nothing", "nonsense", "http://127.0.0.1"):
        with pytest.raises(DisconnectedError):
            async with connect(url):
                pass
    assert asyncio.all_tasks() == before


async def test_an_error_in_the_callers_own_code_comes_out_as_it_is(server: RunningServer) -> None:
    with pytest.raises(ZeroDivisionError):
        async with connect(f"ws://127.0.0.1:{server.port}/ws") as chat:
            chat.generate("Hi")
            raise ZeroDivisionError


async def test_a_turn_of_a_conversation_and_what_it_changes(server: RunningServer, chat: Chat) -> None:
    changes = chat.changes()
    first = asyncio.ensure_future(anext(changes))
    await chat.ping()  # so that the server has heard of it
    await server.ask("POST", "/api/conversations", '{"id":"c1","title":"Frogs"}')
    assert (await first).id == "c1"
    answer = chat.generate(conversation="c1", content="Hi", message_id="m1", max_tokens=5)
    assert (await answer.done()).reason in (DoneReason.STOP, DoneReason.LENGTH)
    assert (await anext(changes)).version == 2
    again = chat.generate(conversation="c1", parent="m1", max_tokens=5)
    await again.done()
    told = await server.get("/api/conversations/c1")
    assert [m["content"] for m in json.loads(told.body)["messages"]] == ["Hi", answer.text, again.text]
    with pytest.raises(RequestError, match="content"):
        chat.generate(conversation="c1")
    await changes.aclose()


async def test_the_models_and_their_changes() -> None:
    disk = ModelDisk(big=1, old=1)
    async with serving(ScriptedModel(), disk=disk) as server, connect(f"ws://127.0.0.1:{server.port}/ws") as chat:
        assert [(model.name, model.state) for model in chat.models] == [
            ("Scripted", "loaded"),
            ("big", "on_disk"),
            ("old", "on_disk"),
        ]
        changes = chat.model_changes()
        first = asyncio.ensure_future(anext(changes))
        await chat.ping()
        del disk.needs["old"]
        server.registry.writer.refresh()
        assert ((await first).name, [model.name for model in chat.models]) == ("old", ["Scripted", "big"])
        assert (await chat.generate("Hi", model="big").done()).reason is DoneReason.STOP
        while (await anext(changes)).state != "loaded":
            pass
        assert [model.state for model in chat.models] == ["loaded", "loaded"]
        writers, path = server.registry.writer, disk.sources()[0].path
        assert isinstance(writers, ModelWriters)
        assert await asyncio.to_thread(writers.prefer, path, lambda name: None) == "big"
        change = await anext(changes)
        while not change.default:
            change = await anext(changes)
        assert (change.name, [model.name for model in chat.models]) == ("big", ["big", "Scripted"])
        assert (await chat.generate("Hi").done()).reason is DoneReason.STOP
        await changes.aclose()


async def test_messages_that_do_not_fit_are_left_out_where_that_is_wanted(chat: Chat) -> None:
    said = [{"role": "user", "content": "x" * 3000}, {"role": "assistant", "content": "Yes."}]
    newest = {"role": "user", "content": "Hi"}
    answer = chat.generate([*said, newest], truncation="auto", max_tokens=5)
    await answer.done()
    assert isinstance(answer.opening, Accepted) and answer.opening.dropped == 2
    with pytest.raises(RequestError, match="2048"):
        await chat.generate([*said, newest], max_tokens=5).done()


async def test_a_draft_is_read_before_it_is_sent(server: RunningServer, chat: Chat) -> None:
    await chat.generate("Hello", max_tokens=1).done()
    chat.draft("Tell me all about frogs")
    await server.until(lambda: server.engine.stats().draft_tokens > 0 and server.engine._batcher.drafts_idle)
    done = await chat.generate("Tell me all about frogs", max_tokens=1).done()
    assert done.usage.cached_tokens >= len("<|im_start|>user\nTell me all about")
    chat.draft([{"role": "user", "content": "Tell me"}])
    chat.draft(conversation="nobody", content="Hi")  # the server's error is ignored
    chat.draft()
    await chat.ping()
    with pytest.raises(RequestError, match="content goes with `conversation`"):
        chat.draft(content="Hi")
    with pytest.raises(RequestError, match="the request has"):
        chat.draft("x" * (chat.welcome.limits.frame_bytes + 1))


async def test_no_draft_is_sent_to_a_server_that_reads_none() -> None:
    async with serving(ScriptedModel(), draft_ahead=False) as server:
        async with connect(f"ws://127.0.0.1:{server.port}/ws") as chat:
            asked = chat._connection._outbox
            chat.draft("Tell me all about frogs")
            assert not asked


async def test_waiting_for_changes_ends_with_the_generation(server: RunningServer) -> None:
    async with connect(f"ws://127.0.0.1:{server.port}/ws") as chat:
        waiting = asyncio.ensure_future(anext(chat.changes()))
        await chat.ping()
    with pytest.raises(ClosedError):
        await waiting
    with pytest.raises(ClosedError):
        await anext(chat.changes())


async def test_an_answer_is_steered_and_its_readers_see_where(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi", seed=3)
    server.model.gate.step(6)
    await server.held()
    steering = asyncio.ensure_future(generation.steer("shorter"))
    await server.until(lambda: bool(server.engine._inbox))
    server.model.gate.open()
    steered = await steering
    events = [event async for event in generation]
    assert steered.content == "shorter"
    assert steered in events
    assert not any(type(event).__name__ == "Snapshot" for event in events)
    assert "".join(event.text for event in events if isinstance(event, Token)) == generation.text
    assert generation.text == text_of(server, generation.id)
    first, instruction, rest = generation.messages
    assert (instruction.role, instruction.content, first.content + rest.content) == ("user", "shorter", generation.text)
    with pytest.raises(RequestError, match="already_done"):
        await generation.steer("in French")


async def test_an_instruction_that_the_server_refuses_raises(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi", raw=True)
    with pytest.raises(RequestError, match="unsupported: raw"):
        await generation.steer("shorter")
    with pytest.raises(RequestError, match="invalid_field"):
        await generation.steer(" ")
    server.model.gate.open()
    assert (await generation.done()).reason is DoneReason.STOP


async def test_an_instruction_that_the_end_overtakes_raises(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi", max_tokens=1)
    await server.held()
    steering = asyncio.ensure_future(generation.steer("shorter"))
    await server.until(lambda: bool(server.engine._inbox))
    server.model.gate.open()
    with pytest.raises(RequestError, match="already_done"):
        await steering
