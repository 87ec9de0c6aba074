"""The client's handling of close codes, of faults of the server, and of messages from a later version."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve

from protocol.client import DisconnectedError, RequestError
from protocol.client_connection import may_reconnect
from protocol.errors import CloseCode
from protocol.messages import Accepted, Done, DoneReason, Status, Token
from tests.accepted import all_accepted
from tests.protocol.clients import AT_ONCE, Clock, client, read

WELCOME = (
    '{"type":"welcome","protocol":"streamui.v1","server":"fake","connection":"c","auth":false,"model":{"name":"m",'
    '"parameters":1,"context":9,"template":"gguf"},"limits":{"frame_bytes":1048576,"active":9,"queued":9,"parallel":1},'
    '"active":[]}'
)
SHA_OF_AB = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"
DONE = (
    '{"type":"done","id":"g1","seq":3,"reason":"stop","phase":"decode","usage":{"prompt_tokens":1,"cached_tokens":0,'
    '"completion_tokens":2},"timings":{"total":1},"chars":2,"sha256":"%s"}'
)


Behaviour = Callable[[ServerConnection, int], Awaitable[None]]


@contextlib.asynccontextmanager
async def fake(behaviour: Behaviour) -> AsyncIterator[str]:
    """Run a server that sends `welcome`, then calls ``behaviour`` with each socket and its number."""
    count = 0

    async def handle(socket: ServerConnection) -> None:
        nonlocal count
        count += 1
        await socket.send(WELCOME)
        await behaviour(socket, count)

    async with serve(handle, "127.0.0.1", 0) as server:
        try:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        finally:
            await all_accepted()


async def answer(socket: ServerConnection) -> None:
    await socket.recv()
    await socket.send('{"type":"accepted","id":"g1","epoch":"e","position":0}')
    await socket.send('{"type":"token","id":"g1","seq":2,"n":2,"text":"ab"}\n' + DONE % SHA_OF_AB)
    await socket.wait_closed()


@pytest.mark.parametrize("code", [4400, 4401, 4403, 4429, 4499, 1000, 1009])
async def test_codes_that_end_it(code: int) -> None:
    async def behaviour(socket: ServerConnection, count: int) -> None:
        await socket.recv()
        await socket.close(code)

    async with fake(behaviour) as url, client(url, AT_ONCE) as chat:
        with pytest.raises(DisconnectedError, match=str(code)) as caught:
            await chat.generate("Hi").done()
        assert caught.value.code == code
        with pytest.raises(DisconnectedError):
            chat.generate("Hi")


@pytest.mark.parametrize("code", [1001, 1011, 1012, 3000, 4503, 4508, 4599])
async def test_codes_after_which_it_connects_again(code: int) -> None:
    async def behaviour(socket: ServerConnection, count: int) -> None:
        if count == 1:
            await socket.recv()
            await socket.close(code)
        else:
            await answer(socket)

    async with fake(behaviour) as url, client(url, AT_ONCE) as chat:
        generation = chat.generate("Hi", id="g1")
        assert (await generation.done()).chars == len(generation.text) == 2


def test_every_code_of_the_table_is_judged_as_the_table_says() -> None:
    assert {code for code in CloseCode if not may_reconnect(code)} == {1000, 1009, 4400, 4401, 4403, 4408, 4429}
    assert may_reconnect(None)


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        ('{"type":"token","id":"g1","seq":1,"n":1,"text":"a"}\n{"type":"token","id":"g1","seq":3,"n":1,"text":"c"}', 1),
        ('{"type":"token","id":"g1","seq":1,"n":1,"text":"a"}\n' + DONE % SHA_OF_AB, 1),
        ('{"type":"token","id":"g1","seq":1,"n":1,"text":"a"}\n{"type":"token"', 0),
        (b"binary", 0),
    ],
)
async def test_a_faulty_server_is_left_and_asked_again_from_the_cursor(fault: str | bytes, after: int) -> None:
    asked: list[str | bytes] = []

    async def behaviour(socket: ServerConnection, count: int) -> None:
        asked.append(await socket.recv())
        await socket.send(
            '{"type":"accepted","id":"g1","epoch":"e","position":0}'
            if count == 1
            else f'{{"type":"attached","id":"g1","epoch":"e","recovered":true,"from":{after},"to":3}}'
        )
        if count == 1:
            await socket.send(fault)
        else:
            await socket.send(f'{{"type":"token","id":"g1","seq":2,"n":{2 - after},"text":"{"ab"[after:]}"}}')
            await socket.send(DONE % SHA_OF_AB)
        await socket.wait_closed()

    async with fake(behaviour) as url, client(url, AT_ONCE) as chat:
        assert await read(generation := chat.generate("Hi", id="g1")) == ("ab", [await generation.done()])
    assert f'"after":{after}' in str(asked[1]) or after == 0


async def test_a_cancel_that_crosses_the_end_brings_the_end() -> None:
    async def behaviour(socket: ServerConnection, count: int) -> None:
        await socket.recv()
        await socket.send('{"type":"accepted","id":"g1","epoch":"e","position":0}')
        assert '"cancel"' in str(await socket.recv())
        await socket.send(
            '{"type":"error","re":"cancel","id":"g1","code":"already_done","message":"ended","retryable":false}'
        )
        await socket.send('{"type":"token","id":"g1","seq":2,"n":2,"text":"ab"}\n' + DONE % SHA_OF_AB)
        await socket.wait_closed()

    async with fake(behaviour) as url, client(url) as chat:
        generation = chat.generate("Hi", id="g1")
        assert (await generation.cancel()).reason is DoneReason.STOP
        assert generation.text == "ab"


async def test_a_server_that_is_always_at_fault_is_given_up() -> None:
    async def behaviour(socket: ServerConnection, count: int) -> None:
        await socket.recv()
        await socket.send('{"type":"done"}')

    clock = Clock()
    async with fake(behaviour) as url, client(url, clock.retry(give_up_after=5)) as chat:
        with pytest.raises(DisconnectedError, match="not a server message"):
            await chat.generate("Hi").done()
    assert clock.slept == [0.5, 1, 2, 4]


async def test_unknown_messages_of_a_later_version_are_ignored() -> None:
    async def behaviour(socket: ServerConnection, count: int) -> None:
        await socket.send('{"type":"news","id":"g1"}')
        await socket.send('{"type":"status","id":"g1","state":"decode","mood":"good"}')
        await answer(socket)

    async with fake(behaviour) as url, client(url) as chat:
        events = [event async for event in chat.generate("Hi", id="g1") if not isinstance(event, Status)]
        assert [type(event) for event in events] == [Accepted, Token, Done]


async def test_an_error_of_a_later_version_keeps_its_code() -> None:
    async def behaviour(socket: ServerConnection, count: int) -> None:
        await socket.recv()
        error = '{"type":"error","re":"generate","id":"g1","code":"too_late","message":"no","retryable":true}'
        await socket.send(error)
        await socket.wait_closed()

    async with fake(behaviour) as url, client(url) as chat:
        with pytest.raises(RequestError, match="too_late: no") as caught:
            await chat.generate("Hi", id="g1").done()
    assert (caught.value.error.code, caught.value.retryable) == ("too_late", True)
