"""The Python client changes the parameters of a running answer."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from protocol.client import Chat, RequestError
from protocol.messages import DoneReason, Token, Tuned
from protocol.sync_client import connect_sync
from server.generations.ownership import LOCAL
from tests.faults.proxy import Cut, proxy_to
from tests.protocol.clients import AT_ONCE, client
from tests.protocol.threaded import serving_in_a_thread
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer


async def test_an_answer_is_tuned_and_its_readers_see_where(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi", seed=3, max_tokens=8)
    server.model.gate.step(6)
    await server.held()
    tuning = asyncio.ensure_future(generation.tune(seed=9, max_tokens=20, stop="@@@", on_detach_ms=None))
    await server.until(lambda: bool(server.engine._inbox))
    server.model.gate.open()
    tuned = await tuning
    events = [event async for event in generation]
    assert (tuned.params, tuned.on_detach_ms) == ({"seed": 9, "max_tokens": 20, "stop": ["@@@"]}, None)
    assert [event for event in events if isinstance(event, Tuned)] == [tuned]
    assert not any(type(event).__name__ == "Snapshot" for event in events)
    assert "".join(event.text for event in events if isinstance(event, Token)) == generation.text
    assert generation.result and generation.result.usage.completion_tokens == 20
    assert [message.content for message in generation.messages] == [generation.text]
    with pytest.raises(RequestError, match="already_done"):
        await generation.tune(temperature=1)


async def test_a_change_that_can_not_be_made_raises(server: RunningServer, chat: Chat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi")
    with pytest.raises(RequestError, match=r"invalid_field: params\.temperature"):
        await generation.tune(temperature=3)
    with pytest.raises(RequestError, match="missing_field"):
        await generation.tune()
    with pytest.raises(RequestError, match=r"invalid_field: params\.logit_bias"):
        await generation.tune(logit_bias={"999": 1})
    server.model.gate.open()
    assert (await generation.done()).reason is DoneReason.STOP


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_change_without_its_event_is_sent_again(server: RunningServer, arrives: bool) -> None:
    """The connection ends before the change applies: the server has received it, or has not."""
    async with proxy_to(server.port) as proxy, client(proxy.url, AT_ONCE) as chat:
        server.model.gate.close()
        generation = chat.generate("Hi", seed=3)
        server.model.gate.step(4)
        await server.held()
        if not arrives:
            proxy.cut(Cut(1, up=True))
        changes = [generation.tune(seed=9), generation.tune(max_tokens=20), generation.tune(seed=9)]
        asking = [asyncio.ensure_future(change) for change in changes]
        count = 3 if arrives else 0
        await server.until(lambda: len(server.engine._inbox) >= count)
        if arrives:
            proxy.cut()
        await server.until(lambda: len(server.engine._inbox) >= count + 3)
        server.model.gate.open()
        events = await asyncio.gather(*asking)
        await generation.done()
    assert [event.params for event in events] == [{"seed": 9}, {"max_tokens": 20}, {"seed": 9}]
    log = server.registry.get(generation.id, re="test", principal=LOCAL).log
    assert log.tunings == count + 3
    assert generation.text == log.text


def test_a_blocking_client_tunes_too() -> None:
    with serving_in_a_thread(ScriptedModel()) as server, connect_sync(f"ws://127.0.0.1:{server.port}/ws") as chat:
        server.model.gate.close()
        answer = chat.generate("Hi", seed=3, max_tokens=8)
        server.model.gate.step(4)
        server.model.gate.wait_until_held()
        with ThreadPoolExecutor(1) as pool:
            tuning = pool.submit(answer.tune, max_tokens=20)
            deadline = time.monotonic() + DEADLINE
            while not server.engine._inbox:
                assert time.monotonic() < deadline
            server.model.gate.open()
            assert tuning.result(DEADLINE).params == {"max_tokens": 20}
        assert answer.done().usage.completion_tokens == 20
