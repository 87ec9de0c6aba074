"""`kill -9` while several answers to one question are written: the next server writes each to its end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sqlite3
from pathlib import Path

from protocol.client import Generation, connect
from protocol.messages import Token
from tests.faults.lives import living
from tests.faults.scale import DEADLINE
from tests.faults.test_kill_conversation import NEVER, ask, ended

IDS = ("g1", "g2", "g3")


async def killed(data: Path) -> dict[str, str]:
    """Kill a server once each of three answers in `c1` has a token; return what the client had received."""
    async with living("server", "serve", "--port=0", f"--data={data}") as life:
        await ask(life, "POST", "", {"id": "c1", "settings": {"params": {"max_tokens": 400}}})
        async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
            answers = [
                chat.generate(conversation="c1", content="Tell me a long story", id="g1", message_id="q1", seed=1)
            ]
            answers += [chat.generate(conversation="c1", parent="q1", id=f"g{n}", seed=n) for n in (2, 3)]
            await asyncio.gather(*map(begun, answers))
            await life.kill()
            return {answer.id: answer.text for answer in answers}


async def begun(answer: Generation) -> None:
    async for event in answer:
        if isinstance(event, Token):
            return


async def killed_while_writing_all(folder: Path) -> tuple[Path, dict[str, str]]:
    for number in itertools.count():
        data = folder / str(number)
        seen = await killed(data)
        with contextlib.closing(sqlite3.connect(data / "conversations.sqlite3")) as db:
            if db.execute("SELECT count(*) FROM messages WHERE state = 'writing'").fetchone() == (len(IDS),):
                return data, seen  # else the machine was so busy that an answer ended first
    raise AssertionError


async def test_the_next_server_writes_each_answer_to_its_end(tmp_path: Path) -> None:
    async with asyncio.timeout(DEADLINE):
        data, seen = await killed_while_writing_all(tmp_path)
        async with living("server", "serve", "--port=0", f"--data={data}") as life:
            question, *answers = (await ended(life))["messages"]
            assert (question["id"], [answer["parent"] for answer in answers]) == ("q1", ["q1"] * 3)
            assert [(answer["id"], answer["state"]) for answer in answers] == [(id, "done") for id in IDS]
            async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
                for answer in answers:
                    log = chat.attach(answer["id"])
                    await log.done()
                    assert answer["content"] == log.text
                    assert log.text.startswith(seen[answer["id"]])
