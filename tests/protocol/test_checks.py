"""Rules that span several fields of a client message."""

import pytest

from protocol.checks import check
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Cancel,
    ChatMessage,
    ClientMessage,
    Draft,
    ForkPoint,
    Generate,
    NamedFunction,
    NamedTool,
    Params,
    Tool,
    ToolFunction,
    ToolResult,
)
from tests.protocol.samples import CALL, CLIENT

USER = ChatMessage(role="user", content="Hi")
BLANK = ChatMessage(role="user", content=" \n\t")
ANSWER = ChatMessage(role="assistant", content="")
TOOL = Tool(function=ToolFunction(name="add"))
NAMED = NamedTool(function=NamedFunction(name="add"))
SCHEMA = Params(json_schema={"type": "object"})
SAID_CALL = ChatMessage(role="user", content="Hi", tool_calls=(CALL,))
SAID_RESULT = ChatMessage(role="user", content="Hi", tool_call_id="c")
LOST_RESULT = ChatMessage(role="tool", content="Hi")
RESULT = ToolResult(tool_call_id="c", content="2")
TWICE = Generate(id="g1", conversation="c1", results=(RESULT, RESULT))
PLACE = ForkPoint(id="g1", seq=3)
FORCED: tuple[NamedTool | str, ...] = (NAMED, "required")

BAD: list[tuple[ClientMessage, ErrorCode, str]] = [
    (Generate(id="g1"), ErrorCode.MISSING_FIELD, "prompt"),
    (Generate(id="g1", raw=True), ErrorCode.MISSING_FIELD, "prompt"),
    (Generate(id="g1", prompt="x", messages=(USER,)), ErrorCode.INVALID_FIELD, "messages"),
    (Generate(id="g1", raw=True, messages=(USER,)), ErrorCode.INVALID_FIELD, "raw"),
    (Generate(id="g1", prompt=""), ErrorCode.EMPTY_PROMPT, "prompt"),
    (Generate(id="g1", prompt=" \u3000\n"), ErrorCode.EMPTY_PROMPT, "prompt"),
    (Generate(id="g1", messages=(USER, ANSWER, BLANK)), ErrorCode.EMPTY_PROMPT, "messages[2].content"),
    (Generate(id="g1", messages=(BLANK, ANSWER, USER)), ErrorCode.EMPTY_PROMPT, "messages[0].content"),
    (Generate(id="g1", messages=(USER, ANSWER)), ErrorCode.INVALID_FIELD, "messages[1].role"),
    (Generate(id="g1", prompt="x", conversation="c1"), ErrorCode.INVALID_FIELD, "conversation"),
    (Generate(id="g1", messages=(USER,), conversation="c1"), ErrorCode.INVALID_FIELD, "conversation"),
    (Generate(id="g1", conversation="c1", content="x", raw=True), ErrorCode.INVALID_FIELD, "raw"),
    (Generate(id="g1", conversation="c1", content="x", temporary=True), ErrorCode.INVALID_FIELD, "temporary"),
    (Generate(id="g1", from_=PLACE, prompt="x"), ErrorCode.INVALID_FIELD, "prompt"),
    (Generate(id="g1", from_=PLACE, messages=(USER,)), ErrorCode.INVALID_FIELD, "messages"),
    (Generate(id="g1", from_=PLACE, conversation="c1", content="x"), ErrorCode.INVALID_FIELD, "content"),
    (Generate(id="g1", from_=PLACE, conversation="c1", parent=None), ErrorCode.INVALID_FIELD, "parent"),
    (Generate(id="g1", from_=PLACE, conversation="c1", temporary=True), ErrorCode.INVALID_FIELD, "temporary"),
    (Generate(id="g1", from_=PLACE, raw=True), ErrorCode.INVALID_FIELD, "raw"),
    (Generate(id="g1", from_=PLACE, tools=(TOOL,)), ErrorCode.INVALID_FIELD, "tools"),
    (Generate(id="g1", from_=PLACE, model="m"), ErrorCode.INVALID_FIELD, "model"),
    (Generate(id="g1", from_=PLACE, params=SCHEMA), ErrorCode.UNSUPPORTED, "params.json_schema"),
    (Generate(id="g1", conversation="c1"), ErrorCode.MISSING_FIELD, "content"),
    (Generate(id="g1", conversation="c1", parent=None), ErrorCode.MISSING_FIELD, "content"),
    (Generate(id="g1", conversation="c1", content=" \n"), ErrorCode.EMPTY_PROMPT, "content"),
    (Generate(id="g1", conversation="c1", parent="m1", message_id="m2"), ErrorCode.INVALID_FIELD, "message_id"),
    (Generate(id="g1", prompt="x", content="y"), ErrorCode.INVALID_FIELD, "content"),
    (Generate(id="g1", prompt="x", parent="m1"), ErrorCode.INVALID_FIELD, "parent"),
    (Generate(id="g1", messages=(USER,), message_id="m1"), ErrorCode.INVALID_FIELD, "message_id"),
    (Generate(id="g1", prompt="x", truncation="auto"), ErrorCode.INVALID_FIELD, "truncation"),
    (Generate(id="g1", prompt="x", raw=True, truncation="auto"), ErrorCode.INVALID_FIELD, "truncation"),
    (Generate(id="g1", messages=(USER, SAID_CALL)), ErrorCode.INVALID_FIELD, "messages[1].tool_calls"),
    (Generate(id="g1", messages=(USER, SAID_RESULT)), ErrorCode.INVALID_FIELD, "messages[1].tool_call_id"),
    (Generate(id="g1", messages=(USER, LOST_RESULT)), ErrorCode.MISSING_FIELD, "messages[1].tool_call_id"),
    (Draft(messages=(USER,), conversation="c1", content="x"), ErrorCode.INVALID_FIELD, "conversation"),
    (Draft(content="x"), ErrorCode.INVALID_FIELD, "content"),
    (Draft(messages=(USER,), parent="m1"), ErrorCode.INVALID_FIELD, "parent"),
    (Draft(conversation="c1"), ErrorCode.MISSING_FIELD, "content"),
    (Draft(messages=(USER, BLANK)), ErrorCode.EMPTY_PROMPT, "messages[1].content"),
    (Draft(messages=(USER, ANSWER)), ErrorCode.INVALID_FIELD, "messages[1].role"),
    (Draft(messages=(USER, SAID_CALL)), ErrorCode.INVALID_FIELD, "messages[1].tool_calls"),
    (Generate(id="g1", prompt="x", tools=(TOOL, TOOL)), ErrorCode.INVALID_FIELD, "tools[1].function.name"),
    (Generate(id="g1", prompt="x", raw=True, tools=(TOOL,)), ErrorCode.INVALID_FIELD, "tools"),
    (Generate(id="g1", prompt="x", results=(RESULT,)), ErrorCode.INVALID_FIELD, "results"),
    (Generate(id="g1", conversation="c1", content="x", results=(RESULT,)), ErrorCode.INVALID_FIELD, "results"),
    (Generate(id="g1", conversation="c1", parent=None, results=(RESULT,)), ErrorCode.INVALID_FIELD, "parent"),
    (TWICE, ErrorCode.INVALID_FIELD, "results[1].tool_call_id"),
    (Generate(id="g1", prompt="x", tool_choice=NAMED), ErrorCode.INVALID_FIELD, "tool_choice.function.name"),
    (Generate(id="g1", prompt="x", tool_choice="required"), ErrorCode.INVALID_FIELD, "tool_choice"),
    (Generate(id="g1", prompt="x", tools=(TOOL,), tool_choice="add"), ErrorCode.INVALID_FIELD, "tool_choice"),
    *(
        (Generate(id="g1", prompt="x", tools=(TOOL,), tool_choice=choice, params=SCHEMA), ErrorCode.INVALID_FIELD, at)
        for choice, at in zip(FORCED, ["params.json_schema"] * 2, strict=True)
    ),
    (
        Generate(id="g1", prompt="x", chat_template_kwargs={"a": "x" * 65_536}),
        ErrorCode.INVALID_FIELD,
        "chat_template_kwargs",
    ),
    (Cancel(id="g1", all=True), ErrorCode.INVALID_FIELD, "all"),
]


@pytest.mark.parametrize(("message", "code", "field"), BAD)
def test_contradicting_fields_are_refused(message: ClientMessage, code: ErrorCode, field: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        check(message)
    problem = caught.value
    assert (problem.code, problem.field, problem.id) == (code, field, getattr(message, "id", None))
    assert problem.re == message.__struct_config__.tag
    assert field in problem.message


@pytest.mark.parametrize(
    "message",
    [
        *CLIENT,
        Generate(prompt="x", raw=True),
        Generate(messages=(USER, ANSWER, USER)),
        Generate(prompt="x", tools=(TOOL,), params=SCHEMA),
        Generate(conversation="c1", content="x", tools=(TOOL,), tool_choice="required"),
        Generate(conversation="c1", results=(RESULT,)),
        Generate(conversation="c1", results=(RESULT,), parent="g1", tools=(TOOL,)),
        Generate(prompt="x", tools=(TOOL,), tool_choice="none", params=SCHEMA),
        Cancel(),
    ],
)
def test_compatible_fields_are_accepted(message: ClientMessage) -> None:
    check(message)
