"""The load's client for OpenAI-compatible servers."""

import asyncio

import pytest

from server.bench.bench_error import BenchError
from server.bench.openai_target import Api, OpenAI
from server.bench.target import ask, ask_at_once
from tests.server.bench.completions import Completions, serving
from tests.server.transports.peer import DEADLINE


def target(port: int, api: Api = "completions", path: str = "") -> OpenAI:
    return OpenAI(f"http://127.0.0.1:{port}{path}", api=api, ends=(5,))


@pytest.mark.parametrize("api", ["completions", "chat"])
@pytest.mark.parametrize("path", ["", "/", "/v1"])
async def test_an_answer(api: Api, path: str) -> None:
    server = Completions()
    async with serving(server.app()) as port:
        answer = await ask(target(port, api, path), "Hi", 3)
    assert (answer.text, len(answer.arrivals), answer.pieces) == (" w0 w1 w2", 3, 3)
    assert (answer.tokens, answer.prompt_tokens, answer.early) == (3, 7, False)
    assert answer.sent < answer.arrivals[0] < answer.arrivals[1]
    (asked,) = server.asked
    assert asked["stream"] is True
    assert (asked["temperature"], asked["max_tokens"], asked["logit_bias"]) == (0.8, 3, {"5": -100.0})
    assert asked.get("prompt") == ("Hi" if api == "completions" else None)


async def test_many_at_once() -> None:
    async with serving(Completions().app()) as port:
        answers = await ask_at_once(target(port), [f"prompt {n}" for n in range(8)], 5)
    assert [answer.tokens for answer in answers] == [5] * 8


async def test_a_stop_closes_the_connection() -> None:
    server = Completions()
    async with serving(server.app()) as port:
        line = await target(port).connect()
        answer = line.ask("Hi", 1_000_000)
        await answer.until(3)
        assert not server.left.is_set()
        sent = line.stop()
        assert await answer.done() == sent
        async with asyncio.timeout(DEADLINE):
            await server.left.wait()


async def test_without_usage_the_messages_are_counted() -> None:
    async with serving(Completions(breaks="[DONE]").app()) as port:
        assert (await ask(target(port), "Hi", 4)).tokens == 4


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        ('{"error":{"message":"out of memory"}}', "the server failed: .*out of memory"),
        ("nonsense", "can't be read"),
    ],
)
async def test_a_failure_in_the_middle(breaks: str, told: str) -> None:
    async with serving(Completions(breaks=breaks).app()) as port:
        with pytest.raises(BenchError, match=told):
            await ask(target(port), "Hi", 4)


async def test_a_refusal_is_shown() -> None:
    async with serving(Completions(refuses=True).app()) as port:
        with pytest.raises(BenchError, match=r"/v1/completions answered 400: .*top_k: not here"):
            await ask(target(port), "Hi", 4)


async def test_a_missing_route_names_the_option() -> None:
    async with serving(Completions().app(chat=False)) as port:
        with pytest.raises(BenchError, match="answered 404; try the other --against-api"):
            await ask(target(port, "chat"), "Hi", 4)


async def test_status_is_none_without_a_server() -> None:
    async with serving(Completions().app()) as port:
        assert await target(port).status("/health") == 404
    assert await target(port).status("/health") is None
    with pytest.raises(BenchError, match="can't connect"):
        await target(port).connect()


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "https://127.0.0.1", "http://", "http://127.0.0.1:port", "http://[::1"]
)
def test_a_bad_address_is_reported(url: str) -> None:
    with pytest.raises(BenchError, match="not an address"):
        OpenAI(url, api="completions", ends=())
