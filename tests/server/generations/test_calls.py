"""Calls in a log: the same for every reader, also after a restart."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from protocol.client import connect
from protocol.cursor import Cursor
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Done,
    FunctionDelta,
    Generate,
    NamedFunction,
    NamedTool,
    Params,
    Snapshot,
    Token,
    Tool,
    ToolCall,
    ToolFunction,
)
from server.generations.log import GenerationLog
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import serving

NAMES = ("add",)
TEXT = (
    'I add.\n<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>\n<tool_call>{"name": "add"}</tool_call>'
)
ADD = ToolFunction(
    name="add", parameters={"type": "object", "properties": {"numbers": {"enum": [[1, 2, 3]]}, "ok": {"enum": [True]}}}
)
BODY = Generate(
    id="g1",
    prompt="Hi",
    tools=(Tool(function=ADD),),
    tool_choice=NamedTool(function=NamedFunction(name="add")),
    params=Params(seed=3),
)


def log_of(text: str) -> GenerationLog:
    log = GenerationLog("g1", "e1", NAMES)
    for piece in (text[start : start + 3] for start in range(0, len(text), 3)):
        log.append(piece)
    log.end_text()
    return log


def joined(tokens: list[Token]) -> list[list[str | None]]:
    calls: list[list[Any]] = []
    for part in (part for token in tokens for part in token.tool_calls or ()):
        if part.id is not None:
            calls.append([part.id, part.function.name, ""])
        calls[part.index][2] += part.function.arguments
    return calls


def listed(calls: tuple[ToolCall, ...] | None) -> list[list[str]]:
    return [[call.id, call.function.name, call.function.arguments] for call in calls or ()]


def test_every_cursor_gets_the_parts_after_it() -> None:
    log = log_of(TEXT)
    whole = listed(log.tool_calls)
    assert [call[1:] for call in whole] == [["add", '{"a": 1}'], ["add", "{}"]]
    assert log.content == "I add."
    for after in range(log.pieces):
        first = log_of(TEXT[: after * 3])
        before = listed(first.tool_calls)
        parts = [part for event in log.events(after) if isinstance(event, Token) for part in event.tool_calls or ()]
        for part in parts:
            if part.id is not None:
                before.append([part.id, part.function.name or "", ""])
            before[part.index][2] += part.function.arguments
        assert before == whole


def test_parts_of_one_call_are_joined_in_one_message() -> None:
    (token,) = [event for event in log_of(TEXT).events(0) if isinstance(event, Token)]
    assert [part.index for part in token.tool_calls or ()] == [0, 1]
    assert (token.tool_calls or ())[0].function == FunctionDelta(name="add", arguments='{"a": 1}')


def test_ids_differ_between_calls_and_answers() -> None:
    other = GenerationLog("g2", "e1", NAMES)
    other.append(TEXT)
    ids = [call.id for log in (log_of(TEXT), other) for call in log.tool_calls or ()]
    assert len(set(ids)) == 4


def test_a_log_without_functions_has_no_calls() -> None:
    log = GenerationLog("g1", "e1")
    log.append(TEXT)
    log.end_text()
    assert (log.tool_calls, log.content) == (None, None)


@pytest.mark.parametrize("finished", [False, True])
async def test_the_next_server_has_the_same_calls(tmp_path: Path, finished: bool) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        server.model.gate.close()
        await peer.send(BODY)
        await peer.take(Accepted, id="g1")
        if finished:
            server.model.gate.open()
            await peer.take(Done, id="g1")
        else:
            server.model.gate.step(40)
            await server.held()
            await server.registry.close()
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        await peer.take(Attached, id="g1")
        done = await peer.take(Done, id="g1")
        reply = json.loads((await server.ask("GET", "/generations/g1")).body)
        stale = Cursor("g1", "another")
        stale.apply(Snapshot(id="g1", epoch="another", seq=3, text="abc"))
        async with server.peer(cursors={"g1": stale}) as other:
            await other.send(Attach(id="g1", epoch="another", after=3))
            snapshot = await other.take(Snapshot, id="g1")
    expected = [["add", '{"numbers": [1, 2, 3], "ok": true}']]
    assert [call[1:] for call in listed(done.tool_calls)] == expected
    assert snapshot.tool_calls == done.tool_calls
    assert reply["tool_calls"][0]["id"] == (done.tool_calls or ())[0].id
    whole = GenerationLog("g1", "e1", NAMES)
    whole.append(snapshot.text)
    assert whole.tool_calls == done.tool_calls


async def test_the_python_client_gets_calls_and_answers_them() -> None:
    async with serving(ScriptedModel()) as server, connect(f"ws://127.0.0.1:{server.port}/ws") as chat:
        assert "tools" in chat.welcome.features
        tools: Any = [{"type": "function", "function": {"name": "add", "parameters": ADD.parameters}}]
        generation = chat.generate("Hi", tools=tools, tool_choice="required", parallel_tool_calls=False)
        tokens = [event async for event in generation if isinstance(event, Token)]
        done = await generation.done()
        assert joined(tokens) == listed(done.tool_calls) != []
        (call,) = done.tool_calls or ()
        dialogue: Any = [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "6", "tool_call_id": call.id},
        ]
        async with asyncio.timeout(60):
            answer = await chat.generate(dialogue, tools=tools, reasoning_effort="low").done()
        assert answer.tool_calls is None
