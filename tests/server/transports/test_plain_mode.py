"""``/ws?plain=1`` from end to end: lines in, text out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from protocol.messages import ForkPoint
from protocol.plain import END_OF_ANSWER
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer


@contextlib.asynccontextmanager
async def plain(server: RunningServer, more: str = "") -> AsyncIterator[ClientConnection]:
    async with server.socket(f"?plain=1{more}") as socket:
        yield socket


async def frame(socket: ClientConnection) -> str:
    async with asyncio.timeout(DEADLINE):
        text = await socket.recv()
    assert isinstance(text, str)
    return text


async def answer(socket: ClientConnection) -> list[str]:
    """Return the frames of one answer, without its end mark."""
    frames = []
    while (text := await frame(socket)) != END_OF_ANSWER:
        frames.append(text)
    return frames


async def test_a_line_is_answered_with_text_and_an_end_mark(server: RunningServer) -> None:
    async with plain(server) as socket:
        await socket.send("Hi\n")
        frames = await answer(socket)
    (generation,) = server.registry._generations.values()
    assert "".join(frames) == generation.log.text.rstrip() != ""
    assert generation.body.prompt == "Hi"
    assert not [text for text in frames if not text.strip()]


async def test_several_lines_are_answered_one_after_the_other(server: RunningServer) -> None:
    async with plain(server) as socket:
        await socket.send("first\n\n  second  \nthird")
        answers = ["".join(await answer(socket)) for _ in range(3)]
    generations = list(server.registry._generations.values())
    assert [generation.body.prompt for generation in generations] == ["first", "second", "third"]
    assert answers == [generation.log.text.rstrip() for generation in generations]


@pytest.mark.parametrize("model", [ScriptedModel(answer_tokens=1500)])
async def test_the_stop_line_stops_the_answer_in_progress_and_the_next_line_is_answered(server: RunningServer) -> None:
    server.model.gate.close()
    async with plain(server) as socket:
        await socket.send("one\ntwo")
        await server.held()
        server.model.gate.step(500)  # whatever the seed, some of these end a line, and that is a frame
        begun = await frame(socket)
        await server.held()
        await socket.send("/stop")
        stopped = begun + "".join(await answer(socket))
        server.model.gate.open()
        assert await answer(socket)
    first, second = server.registry._generations.values()
    assert first.log.done is not None
    assert second.log.done is not None
    assert (first.log.done.reason, second.log.done.reason) == ("cancelled", "stop")
    assert stopped == first.log.text.rstrip()


async def test_stop_with_nothing_to_stop_is_reported(server: RunningServer) -> None:
    async with plain(server) as socket:
        await socket.send("/stop")
        assert (await frame(socket)).startswith("! nothing to cancel")
        await socket.send("Hi")
        assert await answer(socket)


@pytest.mark.parametrize("model", [ScriptedModel(slots=2, answer_tokens=1500)])
async def test_alternatives_are_shown_beside_a_running_answer(server: RunningServer) -> None:
    server.model.gate.close()
    async with plain(server) as socket:
        await socket.send("/alternatives")
        assert await frame(socket) == "! there is no answer yet; send a prompt first\n"
        await socket.send("one")
        await server.held()
        server.model.gate.step(8)
        await server.held()
        await socket.send("/alternatives 1")
        server.model.gate.step(500)
        frames = [await frame(socket)]
        while "> place 1\n" not in frames[-1]:
            frames.append(await frame(socket))
        shown = frames.pop()
        assert "  chosen\n" in shown
        await socket.send("/stop")
        frames += await answer(socket)
        (generation,) = server.registry._generations.values()
        assert "".join(frames) == generation.log.text.rstrip() != ""
        await socket.send("/alternatives 500")
        assert (await frame(socket)).startswith("! seq")


async def test_a_fork_begins_with_the_text_and_is_sent_from_its_beginning(server: RunningServer) -> None:
    async with plain(server) as socket:
        await socket.send("one")
        text = "".join(await answer(socket))
        await socket.send('/fork 4 "Green"')
        forked = "".join(await answer(socket))
    first, second = server.registry._generations.values()
    assert second.body.from_ == ForkPoint(id=first.log.id, seq=4, text="Green")
    assert second.log.text.startswith(first.log.snapshot_at(3).text + "Green")
    assert forked == second.log.text.rstrip() != text


async def test_a_refused_line_is_reported_and_ends_like_an_answer(server: RunningServer) -> None:
    async with plain(server) as socket:
        await socket.send("x" * 3000 + "\nHi")
        (refusal,) = await answer(socket)
        assert refusal.startswith("! ")
        assert "2048" in refusal
        assert not (await answer(socket))[0].startswith("! ")


async def test_a_failed_answer_is_reported(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    server.model.failures.append(RuntimeError("the chip is on fire"))
    async with plain(server) as socket:
        await socket.send("Hi")
        (failure,) = await answer(socket)
    assert failure.strip().startswith("! ")
    assert "the chip is on fire" in failure
    caplog.clear()


async def test_a_binary_frame_is_reported(server: RunningServer) -> None:
    async with plain(server) as socket:
        await socket.send(b"Hi")
        assert (await frame(socket)).startswith("! binary")


async def test_close_when_idle_fits_a_pipe(server: RunningServer) -> None:
    async with plain(server, "&close_when_idle=1") as socket:
        await socket.send("one\ntwo\n")
        assert await answer(socket)
        assert await answer(socket)
        with pytest.raises(ConnectionClosed):
            await frame(socket)
        assert socket.close_code == 1000
