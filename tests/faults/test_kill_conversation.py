"""`kill -9` in the middle of a conversation's answer: the next server completes it, with or without a client."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from protocol.client import Retry, connect
from protocol.conformance.http import fetch
from protocol.messages import Token
from tests.faults.lives import Life, living
from tests.faults.scale import DEADLINE

NEVER = Retry(give_up_after=0)
NUMBERS = list(range(100, 160))
ADD = {
    "function": {
        "name": "add",
        "parameters": {"type": "object", "properties": {"numbers": {"enum": [NUMBERS]}}, "required": ["numbers"]},
    }
}


async def ask(life: Life, method: str, path: str, body: Any = None) -> dict[str, Any]:
    text = None if body is None else json.dumps(body).encode()
    answer = await fetch(method, f"http://127.0.0.1:{life.port}/api/conversations{path}", text)
    assert answer.status in (200, 201)
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def killed_while_writing(folder: Path) -> tuple[Path, str]:
    """Kill a server while it writes `g1`, the answer in `c1`; return its data folder and what a client had received."""
    for number in itertools.count():
        data = folder / str(number)
        seen = await killed_after_a_token(data)
        with contextlib.closing(sqlite3.connect(data / "conversations.sqlite3")) as db:
            if db.execute("SELECT state FROM messages WHERE id = 'g1'").fetchone() == ("writing",):
                return data, seen  # else the machine was so busy that the answer ended first
    raise AssertionError


async def killed_after_a_token(folder: Path) -> str:
    async with living("server", "serve", "--port=0", f"--data={folder}") as life:
        await ask(life, "POST", "", {"id": "c1", "settings": {"params": {"max_tokens": 400, "seed": 5}}})
        async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
            answer = chat.generate(conversation="c1", content="Tell me a long story", id="g1", message_id="m1")
            async for event in answer:
                if isinstance(event, Token):
                    break
            await life.kill()
            return answer.text


async def ended(life: Life) -> dict[str, Any]:
    """Return the conversation once no answer is being written in it."""
    while (whole := await ask(life, "GET", "/c1"))["writing"]:
        await asyncio.sleep(0.01)
    return whole


async def test_the_next_server_writes_the_answer_to_its_end(tmp_path: Path) -> None:
    async with asyncio.timeout(DEADLINE):
        data, seen = await killed_while_writing(tmp_path)
        async with living("server", "serve", "--port=0", f"--data={data}") as life:
            question, answer = (await ended(life))["messages"]
            assert (question["id"], question["content"]) == ("m1", "Tell me a long story")
            assert (answer["id"], answer["state"], answer["generation"]) == ("g1", "done", "g1")
            assert answer["content"].startswith(seen)
            async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
                log = chat.attach("g1")
                await log.done()
                assert answer["content"] == log.text


async def killed_in_a_call(data: Path) -> bool:
    """Kill a server while it writes a call of `add` in `c1`; tell whether the call was incomplete."""
    async with living("server", "serve", "--port=0", f"--data={data}") as life:
        await ask(life, "POST", "", {"id": "c1", "settings": {"params": {"seed": 5}}})
        async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
            fields: Any = {"id": "g1", "tools": [ADD], "tool_choice": "required"}
            answer = chat.generate(conversation="c1", content="Add these numbers", **fields)
            async for event in answer:
                if isinstance(event, Token) and event.tool_calls:
                    break
            await life.kill()
    with contextlib.closing(sqlite3.connect(data / "conversations.sqlite3")) as db:
        return bool(db.execute("SELECT 1 FROM messages WHERE id = 'g1' AND state = 'writing'").fetchone())


async def test_the_next_server_writes_a_call_to_its_end_and_takes_its_result(tmp_path: Path) -> None:
    async with asyncio.timeout(DEADLINE):
        for number in itertools.count():
            data = tmp_path / str(number)
            if await killed_in_a_call(data):
                break  # else the machine was so busy that the answer ended first
        async with living("server", "serve", "--port=0", f"--data={data}") as life:
            (call,) = (await ended(life))["messages"][1]["tool_calls"]
            assert json.loads(call["function"]["arguments"]) == {"numbers": NUMBERS}
            async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
                log = chat.attach("g1")
                assert [each.id for each in (await log.done()).tool_calls or ()] == [call["id"]]
                results = [{"tool_call_id": call["id"], "content": str(sum(NUMBERS))}]
                await chat.generate(conversation="c1", parent="g1", results=results, max_tokens=5).done()
            roles = [message["role"] for message in (await ended(life))["messages"]]
            assert roles == ["user", "assistant", "tool", "assistant"]


async def test_an_answer_whose_log_is_lost_is_interrupted(tmp_path: Path) -> None:
    async with asyncio.timeout(DEADLINE):
        data, _ = await killed_while_writing(tmp_path)
        for part in data.glob("journal*"):
            part.unlink()
        async with living("server", "serve", "--port=0", f"--data={data}", "--journal=off") as life:
            _, answer = (await ended(life))["messages"]
            assert (answer["state"], answer["content"]) == ("interrupted", "")
            async with connect(f"ws://127.0.0.1:{life.port}/ws", retry=NEVER) as chat:
                again = chat.generate(conversation="c1", parent="g1", max_tokens=5)
                await again.done()
            _, answer = (await ended(life))["messages"]
            assert (answer["state"], answer["content"]) == ("done", again.text)


async def test_an_answer_that_ended_and_was_not_written_is_written_at_the_start(tmp_path: Path) -> None:
    """The conversations file is from a moment when the answer was still being written; the journal has its end."""
    earlier = tmp_path / "earlier"
    async with asyncio.timeout(DEADLINE):
        data, _ = await killed_while_writing(tmp_path)
        shutil.copytree(data, earlier)
        async with living("server", "serve", "--port=0", f"--data={data}") as life:
            whole = await ended(life)
        for part in data.glob("conversations*"):
            part.unlink()
        for part in earlier.glob("conversations*"):
            shutil.copy(part, data)
        async with living("server", "serve", "--port=0", f"--data={data}") as life:
            again = await ended(life)
    assert again["messages"][1]["content"] == whole["messages"][1]["content"] != ""
    assert again["messages"][1]["state"] == "done"
