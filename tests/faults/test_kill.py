"""`kill -9` in the middle of several answers: each still has one end, and text that was shown doesn't change."""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

from protocol.client import Chat, Retry, connect
from protocol.messages import Done, DoneReason, Generate, Params
from tests.faults.follower import Follower
from tests.faults.lives import living
from tests.faults.proxy import Proxy, proxy_to
from tests.faults.scale import DEADLINE, scaled
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import Reply

KILLS = scaled(4, 100)
TOKENS = 400
SOON = Retry(first=0.02, longest=0.02, give_up_after=None)
PROMPTS = ("Tell me a long story", "What is a WebSocket?", "Write a poem about the sea")


class Witness:
    """Owns all text of one generation that was ever received, by WebSocket and by events.

    ``far`` is set once ``mark`` characters, or the end, have arrived.
    """

    def __init__(self, chat: Chat, proxy: Proxy, id: str, prompt: str, mark: int) -> None:
        self.id = id
        self.far = asyncio.Event()
        self.generation = chat.generate(prompt, id=id, on_detach_ms=None, max_tokens=TOKENS, seed=mark)
        body = Generate(id=id, prompt=prompt, on_detach_ms=None, params=Params(max_tokens=TOKENS, seed=mark))
        self._second = Follower("sse", f"http://127.0.0.1:{proxy.port}", body)
        self._mark = mark
        self._shown: list[str] = []
        self._epochs: set[str] = set()

    async def watch(self) -> None:
        """Read to the end twice, and check that both give the same end and the same growing text."""
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(self._watch_socket(), name=f"{self.id}: socket")
            second = tasks.create_task(self._second.done(), name=f"{self.id}: events")
        ends = [*first.result(), second.result()]
        assert ends == [ends[0]] * 2
        assert ends[0].reason in (DoneReason.STOP, DoneReason.LENGTH)
        text = self._second.text
        assert self.generation.text == text != ""
        assert self.generation.rewritten == 0
        assert all(text.startswith(shown) for shown in self._shown + self._second.shown)
        assert self._epochs == {self._second.cursors[self.id].epoch}

    async def _watch_socket(self) -> list[Done]:
        ends = []
        async for event in self.generation:
            self._shown.append(self.generation.text)
            if self.generation.epoch is not None:
                self._epochs.add(self.generation.epoch)
            if isinstance(event, Done):
                ends.append(event)
            if ends or len(self._shown[-1]) >= self._mark:
                self.far.set()
        return ends


async def test_each_generation_has_one_end_and_no_text_changes(tmp_path: Path) -> None:
    await kill_and_check(tmp_path, KILLS)


async def test_behind_an_upstream_each_generation_has_one_end_and_no_text_changes(tmp_path: Path) -> None:
    text = " ".join(map(str, range(1, TOKENS + 1)))
    with Scripted("llama-server", lambda seen: Reply(answer=text, pace=0.0005)) as scripted:
        texts = await kill_and_check(tmp_path, scaled(2, 50), f"--upstream={scripted.url}")
        assert set(texts) == {text}


async def kill_and_check(data: Path, kills: int, *options: str) -> list[str]:
    """Kill a server ``kills`` times, each time in the middle of new answers. Returns their texts."""
    witnesses: list[Witness] = []
    chance, serve = random.Random(7), ("server", "serve", "--port=0", f"--data={data}", "--parallel=2", *options)
    async with asyncio.timeout(DEADLINE), proxy_to(0) as proxy, contextlib.AsyncExitStack() as stack:
        chat: Chat | None = None
        async with asyncio.TaskGroup() as watching:
            for number in range(kills):
                async with living(*serve) as life:
                    proxy.target = life.port
                    if chat is None:
                        chat = await stack.enter_async_context(connect(proxy.url, retry=SOON))
                    marks = [chance.randrange(1, 600) for _ in PROMPTS]
                    begun = [Witness(chat, proxy, f"k{number}-{n}", PROMPTS[n], mark) for n, mark in enumerate(marks)]
                    witnesses += begun
                    for witness in begun:
                        watching.create_task(witness.watch(), name=witness.id)
                    await begun[number % len(begun)].far.wait()
                    await life.kill()
            last = await stack.enter_async_context(living(*serve))
            proxy.target = last.port
        assert (await last.health())["engine"]["running"] == 0
    return [witness.generation.text for witness in witnesses]
