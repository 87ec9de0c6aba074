"""An answer of 500 tokens over a connection that breaks after every single byte: the text is the same every time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from hashlib import sha256

import pytest

from protocol.client import Chat, DisconnectedError, connect
from protocol.messages import Done, DoneReason, Generate, Params
from server.generations.ownership import LOCAL
from tests.conformance.serving import PacedModel
from tests.faults.follower import Channel, Follower
from tests.faults.proxy import Cut, Proxy, proxy_to
from tests.faults.scale import DEADLINE, SOAK, scaled
from tests.protocol.clients import AT_ONCE, read
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_connection import answer_to

TOKENS = 500
SLOTS = 16
"""Number of clients that read at the same time."""

PROMPT = "Hi"
SEED = 5
POSITIONS = scaled(24, 10**9)
"""Number of byte positions to try in each direction, spread evenly; all of them in the soak."""

Reader = Callable[[Proxy, str], Awaitable[tuple[str, Done]]]


@pytest.fixture
async def server(no_errors_logged: None) -> AsyncIterator[RunningServer]:
    """Start the server. The soak uses the fast model, since tens of thousands of answers would take hours."""
    model = ScriptedModel if SOAK else PacedModel
    async with serving(model(slots=SLOTS, answer_tokens=TOKENS)) as server:
        yield server


async def first_line(stack: contextlib.AsyncExitStack, url: str) -> Chat:
    """Connect and read `welcome`. Repeats failed attempts: the client doesn't retry its first one, and a busy machine
    may need it."""
    while True:
        with contextlib.suppress(DisconnectedError):
            return await stack.enter_async_context(connect(url, retry=AT_ONCE))


async def by_websocket(proxy: Proxy, id: str) -> tuple[str, Done]:
    """Read by WebSocket. The first connection is cut before the request, so ``whole`` cuts the next one, possibly in
    its handshake."""
    whole, proxy.whole = proxy.whole, None
    async with contextlib.AsyncExitStack() as stack:
        chat = await first_line(stack, proxy.url)
        proxy.cut()
        proxy.passed = {True: 0, False: 0}
        proxy.whole = whole
        generation = chat.generate(PROMPT, id=id, raw=True, seed=SEED)
        text, ends = await read(generation)
        assert text == generation.text
        (done,) = ends
        return text, done


def by_channel(channel: Channel) -> Reader:
    async def follow(proxy: Proxy, id: str) -> tuple[str, Done]:
        body = Generate(id=id, prompt=PROMPT, raw=True, params=Params(seed=SEED))
        follower = Follower(channel, f"http://127.0.0.1:{proxy.port}", body)
        done = await follower.done()
        return follower.text, done

    return follow


async def cut_once(server: RunningServer, reader: Reader, id: str, cut: Cut | None) -> dict[bool, int]:
    """Read the answer over a connection that breaks at ``cut``; return the number of bytes sent up and down."""
    async with proxy_to(server.port) as proxy:
        proxy.whole = cut
        text, done = await reader(proxy, id)
    log = server.registry.get(id, re="test", principal=LOCAL).log
    assert (text, done) == (log.text, log.done)
    assert done.sha256 == sha256(text.encode()).hexdigest()
    assert (done.reason, done.usage.completion_tokens) == (DoneReason.STOP, TOKENS)
    assert text == answer_to(PROMPT, SEED, TOKENS)
    return proxy.passed


def spread(length: int) -> Sequence[int]:
    """Return up to POSITIONS positions from 1 to ``length``, both included."""
    count = min(length, POSITIONS)
    return [1 + (length - 1) * n // max(1, count - 1) for n in range(count)]


async def cut_everywhere(server: RunningServer, reader: Reader) -> tuple[int, int]:
    """Cut the connection at each position, SLOTS clients at a time; return the numbers of positions and of actual cuts.

    The number of bytes depends on how many tokens share a message. So it is first measured with SLOTS clients at a
    time.
    """
    wires = await asyncio.gather(*(cut_once(server, reader, f"whole-{n}", None) for n in range(SLOTS)))
    turn = asyncio.Semaphore(SLOTS)

    async def one(cut: Cut) -> bool:
        async with turn:
            passed = await cut_once(server, reader, f"{'up' if cut.up else 'down'}-{cut.after}", cut)
            return passed[cut.up] >= cut.after

    async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as tasks:
        cuts = [Cut(after, up) for up in (True, False) for after in spread(max(wire[up] for wire in wires))]
        cutting = [tasks.create_task(one(cut), name=f"{cut}") for cut in cuts]
    return len(cuts), sum(task.result() for task in cutting)


@pytest.mark.parametrize(
    "reader", [by_websocket, by_channel("sse"), by_channel("poll")], ids=["websocket", "sse", "poll"]
)
async def test_a_line_that_is_cut_at_every_byte(server: RunningServer, reader: Reader) -> None:
    tried, cut = await cut_everywhere(server, reader)
    print(f"{cut} of {tried} positions were cut")
    assert tried == len(spread(10**6)) * 2 or SOAK
    assert cut > tried / 2
