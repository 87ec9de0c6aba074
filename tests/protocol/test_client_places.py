"""The Python clients ask about places in answers, and fork them."""

import asyncio

import pytest

from protocol.client import Chat, RequestError
from protocol.messages import ForkPoint
from protocol.sync_client import connect_sync
from tests.faults.proxy import proxy_to
from tests.protocol.clients import AT_ONCE, client
from tests.protocol.threaded import serving_in_a_thread
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer


async def test_alternatives_and_a_fork(chat: Chat) -> None:
    answer = chat.generate("Hi", seed=3, max_tokens=8)
    done = await answer.done()
    first, other, end = await asyncio.gather(
        chat.alternatives(answer.id, 1),
        chat.alternatives(answer.id, 2, count=1),
        chat.alternatives(answer.id, done.seq),
    )
    assert [any(token.chosen for token in tokens) for tokens in (first, other, end)] == [True, True, False]
    assert len(end) == 10 and len(other) in (1, 2)
    fork = chat.generate(fork=ForkPoint(id=answer.id, seq=2, text="word, "), max_tokens=12)
    assert (await fork.done()).usage.completion_tokens == 12
    assert "word, " in fork.text


async def test_errors_are_raised_where_they_are_asked(chat: Chat) -> None:
    answer = chat.generate("Hi", seed=3, max_tokens=3)
    await answer.done()
    beyond, fine = await asyncio.gather(
        chat.alternatives(answer.id, 99), chat.alternatives(answer.id, 1), return_exceptions=True
    )
    assert isinstance(beyond, RequestError) and beyond.code == "invalid_field"
    assert isinstance(fine, tuple)
    with pytest.raises(RequestError, match="unknown_id"):
        await chat.alternatives("nobody", 1)
    with pytest.raises(RequestError, match="count"):
        await chat.alternatives(answer.id, 1, count=21)
    with pytest.raises(RequestError, match="unknown_id"):
        await chat.generate(fork=ForkPoint(id="nobody", seq=1)).done()


async def test_a_question_is_asked_again_after_a_reconnect(server: RunningServer) -> None:
    async with proxy_to(server.port) as proxy, client(proxy.url, AT_ONCE) as chat:
        answer = chat.generate("Hi", seed=3, max_tokens=3)
        await answer.done()
        server.model.gate.close()
        asking = asyncio.ensure_future(chat.alternatives(answer.id, 1))
        await server.held()
        proxy.cut()
        await server.until(lambda: bool(server.engine._inbox))
        server.model.gate.open()
        assert any(token.chosen for token in await asking)


def test_a_blocking_client_asks_too() -> None:
    with serving_in_a_thread(ScriptedModel()) as server, connect_sync(f"ws://127.0.0.1:{server.port}/ws") as chat:
        answer = chat.generate("Hi", seed=3, max_tokens=5)
        done = answer.done()
        assert len(chat.alternatives(answer.id, done.seq, count=2, timeout=DEADLINE)) == 2
        fork = chat.generate(fork=ForkPoint(id=answer.id, seq=3))
        assert (fork.done().reason, fork.text) == (done.reason, answer.text)
