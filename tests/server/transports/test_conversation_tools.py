"""Calls and their results in stored conversations (PROTOCOL 14.2 and 15)."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocol.client import connect
from protocol.errors import ErrorCode
from protocol.messages import (
    Accepted,
    Attach,
    CalledFunction,
    Done,
    Draft,
    Error,
    Generate,
    NamedFunction,
    NamedTool,
    Params,
    Tool,
    ToolCall,
    ToolFunction,
    ToolResult,
)
from server.conversations import tool_results
from server.conversations.formats import streamui_json
from server.conversations.values import Message, MessageState
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

AT = "/api/conversations"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"enum": [1]}}}
TOOLS = tuple(Tool(function=ToolFunction(name=name, parameters=SCHEMA)) for name in ("add", "wait"))
PARAMS = Params(max_tokens=100, seed=3)
ADD = NamedTool(function=NamedFunction(name="add"))


async def read(server: RunningServer, id: str = "c1") -> dict[str, Any]:
    answer = await server.ask("GET", f"{AT}/{id}")
    assert answer.status == 200
    found: dict[str, Any] = json.loads(answer.body)
    return found


async def create(server: RunningServer, **fields: Any) -> None:
    assert (await server.ask("POST", AT, json.dumps({"id": "c1", **fields}))).status == 201


async def turn(peer: Peer, id: str, **fields: Any) -> Done:
    """Send a turn and return its end."""
    await peer.send(Generate(id=id, conversation="c1", params=PARAMS, **fields))
    await peer.take(Accepted, id=id)
    return await peer.take(Done, id=id)


async def called(server: RunningServer, peer: Peer, id: str = "g1") -> tuple[ToolCall, ...]:
    """Let the model call a function in the conversation, and return the calls."""
    await create(server)
    done = await turn(peer, id, content="What is 1 + 1?", message_id="m1", tools=TOOLS, tool_choice=ADD)
    assert done.tool_calls
    return done.tool_calls


async def refused(peer: Peer, **fields: Any) -> tuple[str, str]:
    await peer.send(Generate(id="gx", conversation="c1", params=PARAMS, **fields))
    error = await peer.take(Error, re="generate")
    return error.code, error.message


async def test_conversation_keeps_calls_and_results_and_answers_them(server: RunningServer) -> None:
    async with server.peer() as peer:
        (call,) = await called(server, peer)
        stored = (await read(server))["messages"][1]
        assert stored["tool_calls"] == [
            {"id": call.id, "function": {"name": "add", "arguments": call.function.arguments}}
        ]
        assert json.loads(call.function.arguments) == {"a": 1}
        assert json.loads(stored["content"])["name"] == "add"
        await turn(peer, "g2", parent="g1", results=(ToolResult(tool_call_id=call.id, content="2"),), tools=TOOLS)
    messages = (await read(server))["messages"]
    assert [(m["id"], m["role"], m["parent"]) for m in messages] == [
        ("m1", "user", None),
        ("g1", "assistant", "m1"),
        ("g2-result-1", "tool", "g1"),
        ("g2", "assistant", "g2-result-1"),
    ]
    assert (messages[2]["tool_call_id"], messages[2]["content"]) == (call.id, "2")
    assert (await read(server))["leaf"] == "g2"


async def test_model_reads_a_result_that_is_sent(server: RunningServer) -> None:
    async with server.peer() as peer:
        (call,) = await called(server, peer)
        sizes = []
        for id, content in (("g2", "2"), ("g3", "2" * 101)):
            done = await turn(peer, id, parent="g1", results=(ToolResult(tool_call_id=call.id, content=content),))
            sizes.append(done.usage.prompt_tokens)
    assert sizes[1] == sizes[0] + 100  # each byte is a token of the scripted model


async def test_calls_are_found_and_copied_with_a_branch(server: RunningServer) -> None:
    async with server.peer() as peer:
        (call,) = await called(server, peer)
        await turn(peer, "g2", results=(ToolResult(tool_call_id=call.id, content="Sunshine"),))
    for words in ("arguments", "sunshine"):
        (found,) = json.loads((await server.ask("GET", f"{AT}?q={words}")).body)["conversations"]
        assert found["id"] == "c1"
    branch = {"id": "c2", "branch": {"conversation": "c1", "message": "g2"}}
    assert (await server.ask("POST", AT, json.dumps(branch))).status == 201
    _, answer, result, _ = (await read(server, "c2"))["messages"]
    assert answer["tool_calls"][0]["id"] == result["tool_call_id"] == call.id


async def test_answer_to_results_is_written_again_and_results_are_given_again(server: RunningServer) -> None:
    async with server.peer() as peer:
        (call,) = await called(server, peer)
        await turn(peer, "g2", results=(ToolResult(tool_call_id=call.id, content="2"),))
        await turn(peer, "g3", parent="g2-result-1")
        await turn(peer, "g4", parent="g1", results=(ToolResult(tool_call_id=call.id, content="3"),))
    messages = {m["id"]: m for m in (await read(server))["messages"]}
    assert {id: messages[id]["parent"] for id in ("g2", "g3", "g4", "g4-result-1")} == {
        "g2": "g2-result-1",
        "g3": "g2-result-1",
        "g4": "g4-result-1",
        "g4-result-1": "g1",
    }


async def test_calls_are_stored_by_the_server_that_completes_the_answer(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await create(server)
        server.model.gate.close()
        body = Generate(id="g1", conversation="c1", content="Hi", tools=TOOLS, tool_choice=ADD, params=PARAMS)
        await peer.send(body)
        await peer.take(Accepted, id="g1")
        server.model.gate.step(10)
        await server.held()
        await server.registry.close()
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await peer.send(Attach(id="g1"))
        done = await peer.take(Done, id="g1")
        (call,) = (await read(server))["messages"][1]["tool_calls"]
        assert done.tool_calls is not None
        assert call["id"] == done.tool_calls[0].id
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await turn(peer, "g2", parent="g1", results=(ToolResult(tool_call_id=call["id"], content="2"),))
        assert [m["role"] for m in (await read(server))["messages"]] == ["user", "assistant", "tool", "assistant"]


async def test_python_client_gives_results(server: RunningServer) -> None:
    await create(server)
    tools: Any = [{"function": {"name": "add", "parameters": SCHEMA}}]
    async with connect(f"ws://127.0.0.1:{server.port}/ws") as chat:
        assert "tool_results" in chat.welcome.features
        asked = chat.generate(conversation="c1", content="Hi", tools=tools, tool_choice="required")
        calls = (await asked.done()).tool_calls or ()
        results = [{"tool_call_id": call.id, "content": "2"} for call in calls]
        await chat.generate(conversation="c1", parent=asked.id, results=results, max_tokens=5).done()
    roles = [m["role"] for m in (await read(server))["messages"]]
    assert roles == ["user", "assistant", *["tool"] * len(calls), "assistant"]


async def test_result_without_its_call_is_refused(server: RunningServer) -> None:
    def result(id: str) -> tuple[ToolResult, ...]:
        return (ToolResult(tool_call_id=id, content="2"),)

    async with server.peer() as peer:
        (call,) = await called(server, peer)
        code, text = await refused(peer, parent="g1", results=result("call_x"))
        assert code == ErrorCode.INVALID_FIELD
        assert text.startswith("results[0].tool_call_id: ") and call.id in text
        code, text = await refused(peer, parent="m1", results=result(call.id))
        assert code == ErrorCode.INVALID_FIELD
        assert "an answer with calls" in text
        code, text = await refused(peer, parent="g1")
        assert code == ErrorCode.INVALID_FIELD
        assert "can't be continued" in text
    assert len((await read(server))["messages"]) == 2


async def test_every_call_needs_a_result(server: RunningServer) -> None:
    calls = [{"id": id, "function": {"name": "add", "arguments": "{}"}} for id in ("a", "b")]
    messages = [
        {"id": "q", "parent": None, "role": "user", "content": "Hi"},
        {"id": "x", "parent": "q", "role": "assistant", "content": "", "tool_calls": calls},
    ]
    conversation = {"id": "c1", "settings": {}, "messages": messages}
    file = {"format": "streamui.conversations", "version": 1, "conversations": [conversation]}
    assert (await server.ask("POST", f"{AT}/import", json.dumps(file))).status == 200
    one, two = (ToolResult(tool_call_id=id, content=id.upper()) for id in ("a", "b"))
    async with server.peer() as peer:
        code, text = await refused(peer, results=(two,))
        assert code == ErrorCode.MISSING_FIELD, text
        assert "'a'" in text
        await turn(peer, "g2", results=(two, one))
    found = [(m["id"], m["content"], m["parent"]) for m in (await read(server))["messages"][2:4]]
    assert found == [("g2-result-1", "A", "x"), ("g2-result-2", "B", "g2-result-1")]


async def test_results_and_calls_have_no_summary_and_keep_their_text(server: RunningServer) -> None:
    async with server.peer() as peer:
        (call,) = await called(server, peer)
        await turn(peer, "g2", results=(ToolResult(tool_call_id=call.id, content="2"),))
    for message, status in (("g1", 400), ("g2-result-1", 400), ("g2", 200)):
        answer = await server.ask("PATCH", f"{AT}/c1/messages/{message}", json.dumps({"summary": "They added."}))
        assert answer.status == status, answer.body
        answer = await server.ask("PATCH", f"{AT}/c1/messages/{message}", json.dumps({"content": "Two."}))
        assert answer.status == status, answer.body


async def test_settings_keep_tools_and_the_size_counts_them(server: RunningServer) -> None:
    tool = {"function": {"name": "add", "description": "Add two numbers, and explain it. " * 8}}
    async with server.peer() as peer:
        await called(server, peer)
        sizes = []
        for tools in ([], [tool]):
            changed = await server.ask("PATCH", f"{AT}/c1", json.dumps({"settings": {"tools": tools}}))
            assert changed.status == 200, changed.body
            sizes.append(json.loads((await server.ask("POST", f"{AT}/c1/context", "{}")).body)["tokens"])
        assert sizes[1] > sizes[0] + 200
        await peer.send(Draft(conversation="c1", content="And 2 + 2?"))
        await peer.carried_out()
        choices = {"none": 0, "required": 1, "auto": 1}
        for choice, size in choices.items():
            settings = {"tools": [tool], "tool_choice": choice}
            changed = await server.ask("PATCH", f"{AT}/c1", json.dumps({"settings": settings}))
            assert changed.status == 200, changed.body
            told = json.loads((await server.ask("POST", f"{AT}/c1/context", "{}")).body)["tokens"]
            assert (choice, told) == (choice, sizes[size])
    kept = (await read(server))["settings"]
    assert (kept["tools"][0]["function"]["name"], kept["tool_choice"]) == ("add", "auto")


async def test_settings_keep_the_name_of_a_function_to_call(server: RunningServer) -> None:
    choice = {"type": "function", "function": {"name": "add"}}
    settings = {"tools": [{"function": {"name": "add"}}], "tool_choice": choice}
    await server.ask("POST", AT, json.dumps({"id": "c1", "settings": settings}))
    assert (await read(server))["settings"]["tool_choice"]["function"] == {"name": "add"}
    exported = json.loads((await server.ask("GET", f"{AT}/c1/export?format=json")).body)
    (conversation,) = exported["conversations"]
    imported = streamui_json.read(msgspec.Raw(json.dumps(conversation).encode()))
    assert imported.settings.tool_choice == NamedTool(function=NamedFunction(name="add"))


def message(id: str, role: Any, content: str = "", **fields: Any) -> Message:
    return Message(
        id=id,
        parent=None,
        role=role,
        content=content,
        created_at=0,
        state=MessageState.DONE,
        generation=None,
        **fields,
    )


def call(id: str) -> ToolCall:
    return ToolCall(id=id, function=CalledFunction(name="add", arguments='{"a": 1}'))


def answer(content: str, *ids: str) -> Message:
    """Return an answer with calls."""
    return message("x", "assistant", content, tool_calls=tuple(map(call, ids)))


HI = message("q", "user", "Hi")
RESULT = message("r", "tool", "2", tool_call_id="a")
MARKED = 'I add.\n<tool_call>\n{"name": "add"}\n</tool_call>'
THOUGHT = '<think>Hm</think>{"name": "add", "arguments": {}}'
SAID_HI = ("user", "Hi", None, None)


@pytest.mark.parametrize(
    ("branch", "results", "expected"),
    [
        pytest.param(
            [HI, answer(MARKED, "a"), RESULT],
            (),
            [SAID_HI, ("assistant", "I add.", ["a"], None), ("tool", "2", None, "a")],
            id="the text of a call is left out",
        ),
        pytest.param(
            [HI, answer(THOUGHT, "a")],
            (ToolResult(tool_call_id="a", content=""),),
            [SAID_HI, ("assistant", "<think>\nHm\n</think>\n\n", ["a"], None), ("tool", "", None, "a")],
            id="thoughts stay, and new results follow",
        ),
        pytest.param(
            [HI, answer(MARKED, "a"), message("n", "user", "No")],
            (),
            [SAID_HI, ("assistant", MARKED, None, None), ("user", "No", None, None)],
            id="a call without a result is text",
        ),
        pytest.param(
            [HI, answer("", "a", "b"), RESULT],
            (),
            [SAID_HI, ("assistant", "", ["a"], None), ("tool", "2", None, "a")],
            id="only calls with results are given",
        ),
        pytest.param(
            [HI, answer("", "a")],
            (),
            [SAID_HI, ("assistant", '{"name": "add", "arguments": {"a": 1}}', None, None)],
            id="an imported call without a result is text",
        ),
        pytest.param(
            [RESULT, message("s", "tool", tool_call_id="b")],
            (),
            [("user", "2", None, None), ("user", "(nothing)", None, None)],
            id="a result without its call is a message of the user",
        ),
    ],
)
def test_dialogue_has_calls_and_results_together(
    branch: list[Message], results: tuple[ToolResult, ...], expected: list[tuple[Any, ...]]
) -> None:
    found = [
        (m.role, m.content, [c.id for c in m.tool_calls] if m.tool_calls else None, m.tool_call_id)
        for m in tool_results.dialogue(branch, results)
    ]
    assert found == expected
