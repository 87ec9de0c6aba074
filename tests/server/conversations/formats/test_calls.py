"""Calls of functions and their results in the files of other programs."""

import json
from typing import Any

import pytest

from server.conversations.formats.draft import Draft
from server.conversations.formats.markdown import exported
from server.conversations.formats.recognise import read_file
from server.conversations.formats.streamui_json import exported as exported_json
from server.conversations.values import ConversationSettings, Message, MessageState, Whole

NOW = 1_700_000_000_000
ARGUMENTS = '{"a": 1}'
CALLS = [{"id": "call_1", "type": "function", "function": {"name": "add", "arguments": ARGUMENTS}}]
CALL_TEXT = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
TURNS = [
    ("user", "What is 1 + 1?", None, None),
    ("assistant", f"I add.\n{CALL_TEXT}", [("call_1", "add", ARGUMENTS)], None),
    ("tool", "2", None, "call_1"),
    ("assistant", "It is 2.", None, None),
]

DIALOGUE = {
    "messages": [
        {"role": "user", "content": "What is 1 + 1?"},
        {"role": "assistant", "content": "I add.", "tool_calls": CALLS},
        {"role": "tool", "content": [{"type": "text", "text": "2"}], "tool_call_id": "call_1"},
        {"role": "tool", "content": "lost", "tool_call_id": "call_9"},
        {"role": "assistant", "content": "It is 2."},
    ]
}
LLAMA_SERVER = {
    "conv": {"id": "c", "name": "Sums", "currNode": "a2"},
    "messages": [
        {"id": "r", "type": "root", "role": "system", "content": "", "parent": None},
        {"id": "q", "role": "user", "content": "What is 1 + 1?", "parent": "r"},
        {"id": "a", "role": "assistant", "content": "I add.", "parent": "q", "toolCalls": json.dumps(CALLS)},
        {"id": "t", "role": "tool", "content": "2", "parent": "a", "toolCallId": "call_1"},
        {"id": "a2", "role": "assistant", "content": "It is 2.", "parent": "t", "toolCalls": "{"},
    ],
}
ELEMENT = (
    '<details type="tool_calls" done="true" id="call_1" name="add" arguments="{&quot;a&quot;: 1}" '
    'result="&quot;2&quot;"><summary>Tool Executed</summary></details>'
)


def open_webui(**answer: Any) -> dict[str, Any]:
    messages = {
        "q": {"role": "user", "content": "What is 1 + 1?", "parentId": None},
        "a": {"role": "assistant", "parentId": "q", **answer},
    }
    return {"history": {"currentId": "a", "messages": messages}}


OUTPUT: list[dict[str, Any]] = [
    {"type": "message", "content": [{"type": "output_text", "text": "I add."}]},
    {"type": "function_call", "call_id": "call_1", "name": "add", "arguments": ARGUMENTS},
    {"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "2"}]},
    {"type": "message", "content": [{"type": "output_text", "text": "It is 2."}]},
]
LIBRECHAT = {
    "conversationId": "c",
    "messages": [
        {"messageId": "q", "text": "What is 1 + 1?", "isCreatedByUser": True},
        {
            "messageId": "a",
            "parentMessageId": "q",
            "isCreatedByUser": False,
            "content": [
                {"type": "text", "text": "I add."},
                {"type": "tool_call", "tool_call": {"id": "call_1", "name": "add", "args": ARGUMENTS, "output": "2"}},
                {"type": "text", "text": {"value": "It is 2."}},
            ],
        },
    ],
}


def read(file: Any) -> Draft:
    body = file.encode() if isinstance(file, str) else json.dumps(file).encode()
    (draft,) = read_file(body, NOW)
    assert isinstance(draft, Draft), draft
    return draft


def turns(draft: Draft) -> list[tuple[Any, ...]]:
    """Return the messages of a chain, and check that it is one."""
    ids = [message.id for message in draft.messages]
    assert [message.parent for message in draft.messages] == [None, *ids[:-1]]
    assert draft.leaf == ids[-1]
    return [
        (
            message.role,
            message.content,
            [(call.id, call.function.name, call.function.arguments) for call in message.about.tool_calls or ()] or None,
            message.about.tool_call_id,
        )
        for message in draft.messages
    ]


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(DIALOGUE, id="a dialogue of OpenAI's API"),
        pytest.param(LLAMA_SERVER, id="llama-server"),
        pytest.param(open_webui(content=f"I add.\n{ELEMENT}\nIt is 2."), id="Open WebUI, elements"),
        pytest.param(open_webui(content="", output=OUTPUT), id="Open WebUI, output items"),
        pytest.param(LIBRECHAT, id="LibreChat"),
    ],
)
def test_calls_and_results_are_imported(file: Any) -> None:
    assert turns(read(file)) == TURNS


def whole() -> Whole:
    draft = read(DIALOGUE)
    messages = tuple(
        Message(
            id=message.id,
            parent=message.parent,
            role=message.role,  # type: ignore[arg-type]
            content=message.content,
            created_at=NOW,
            state=MessageState.DONE,
            generation=None,
            tool_calls=message.about.tool_calls,
            tool_call_id=message.about.tool_call_id,
        )
        for message in draft.messages
    )
    return Whole(
        id="c",
        title="Sums",
        created_at=NOW,
        updated_at=NOW,
        pinned=False,
        version=1,
        writing=(),
        settings=ConversationSettings(),
        leaf=messages[-1].id,
        messages=messages,
    )


@pytest.mark.parametrize("export", [exported, exported_json], ids=["Markdown", "JSON"])
def test_own_files_keep_calls_and_results(export: Any) -> None:
    assert turns(read(export(whole()))) == TURNS


def test_invalid_calls_and_their_results_are_left_out() -> None:
    bad = [
        {"id": "x", "function": {"name": "a b", "arguments": "{}"}},
        {"id": 7, "function": {"name": "add"}},
        {},
        None,
    ]
    messages = [
        {"role": "user", "content": "Hi", "tool_calls": CALLS},
        {"role": "assistant", "content": "Hm", "tool_calls": bad},
        {"role": "tool", "content": "2", "tool_call_id": "x"},
        {"role": "tool", "content": "2"},
        {"role": "assistant", "content": "It is 2."},
    ]
    assert turns(read({"messages": messages})) == [
        ("user", "Hi", None, None),
        ("assistant", "Hm", None, None),
        ("assistant", "It is 2.", None, None),
    ]


def test_call_without_a_result_in_the_middle_of_an_answer_is_left_out() -> None:
    output = [OUTPUT[0], OUTPUT[1], OUTPUT[3]]
    assert turns(read(open_webui(content="", output=output)))[1:] == [
        ("assistant", "I add.", None, None),
        ("assistant", "It is 2.", None, None),
    ]


def test_answer_that_ends_with_a_call_keeps_it() -> None:
    output = [{**OUTPUT[1], "arguments": {"a": 1}}]
    assert turns(read(open_webui(content="", output=output)))[1:] == [
        ("assistant", CALL_TEXT, [("call_1", "add", ARGUMENTS)], None)
    ]
