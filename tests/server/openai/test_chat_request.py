"""Requests of chat completions, without a server."""

import json
from typing import Any

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import CalledFunction, ToolCall
from protocol.parameter_table import PARAMETERS
from server.openai.chat_request import read_chat
from server.openai.errors import error_reply
from server.openai.facts import AnswerFacts
from server.openai.formats import widened
from server.openai.sampling import ALIASES

HI = {"role": "user", "content": "Hi"}


def read(**fields: Any) -> Any:
    return read_chat(json.dumps({"messages": [HI], **fields}))


BEGUN = [HI, {"role": "assistant", "content": "Well, "}]
CALLS = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
CALL_ID = "messages[1].tool_calls[0].id"
ALLOWED = {
    "type": "allowed_tools",
    "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]},
}

WRONG: list[tuple[dict[str, Any], str | None]] = [
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "Hi"}, "messages"),
    ({"messages": ["Hi"]}, "messages[0]"),
    ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": "narrator", "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [{"role": ["user"], "content": "Hi"}]}, "messages[0].role"),
    ({"messages": [HI, {"role": "user"}]}, "messages[1].content"),
    ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    ({"messages": [{"role": "user", "content": " "}]}, "messages"),
    ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages"),
    ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages[0].content[0]"),
    ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "messages[0].content[0]"),
    ({"messages": [HI, {"role": "assistant", "tool_calls": [{}]}, HI]}, "messages[1].tool_calls[0]"),
    ({"messages": [HI, {"role": "assistant", "tool_calls": 7}, HI]}, "messages[1].tool_calls"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_completion_tokens": 0}, "max_completion_tokens"),
    ({"max_tokens": "9"}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"temperature": 2.1}, "temperature"),
    ({"temperature": "1"}, "temperature"),
    ({"temperature": True}, "temperature"),
    ({"temperature": []}, "temperature"),
    ({"stop": {}}, "stop"),
    ({"logit_bias": []}, "logit_bias"),
    ({"reasoning_effort": 7}, "reasoning_effort"),
    ({"reasoning_effort": ["low"]}, "reasoning_effort"),
    ({"reasoning_effort": "x" * 65}, "reasoning_effort"),
    ({"chat_template_kwargs": {"enable_thinking": "false"}}, "chat_template_kwargs.enable_thinking"),
    ({"chat_template_kwargs": {"thinking": 0}}, "chat_template_kwargs.thinking"),
    ({"top_p": -0.1}, "top_p"),
    ({"presence_penalty": 3}, "presence_penalty"),
    ({"frequency_penalty": -3}, "frequency_penalty"),
    ({"repetition_penalty": 9}, "repetition_penalty"),
    ({"top_k": -1}, "top_k"),
    ({"seed": "7"}, "seed"),
    ({"seed": 1.5}, "seed"),
    ({"stop": 7}, "stop"),
    ({"stop": ["x"] * 17}, "stop"),
    ({"stop": [7]}, "stop[0]"),
    ({"n": 0}, "n"),
    ({"n": 17}, "n"),
    ({"n": "2"}, "n"),
    ({"logprobs": 1}, "logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logit_bias": {"x": 1}}, "logit_bias"),
    ({"logit_bias": {"7": 101}}, "logit_bias"),
    ({"response_format": "json"}, "response_format"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
    ({"stream": "yes"}, "stream"),
    ({"stream": True, "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
    ({"stream_options": 7}, "stream_options"),
    ({"tools": {}}, "tools"),
    ({"tools": [7]}, "tools[0]"),
    ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
    ({"tools": [{"type": "function", "function": {"name": "f", "description": 7}}]}, "tools[0].function.description"),
    ({"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]}, "tools[0].function.parameters"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}] * 2}, "tools"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}] * 129}, "tools"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tool_choice": "f"}, "tool_choice"),
    ({"tool_choice": 7}, "tool_choice"),
    ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
    ({"tool_choice": {"type": "custom", "custom": {"name": "f"}}}, "tool_choice"),
    ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
    ({"parallel_tool_calls": "no"}, "parallel_tool_calls"),
    ({"functions": [{}]}, "functions[0].name"),
    ({"function_call": {"name": "f"}, "functions": []}, "function_call"),
    ({"messages": [HI, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id"),
    ({"messages": [HI, {"role": "function", "content": "x"}]}, "messages[1].name"),
    ({"messages": [HI, {"role": "assistant", "tool_calls": CALLS}]}, "messages"),
    ({"messages": [HI, {"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}, HI]}, CALL_ID),
    ({"chat_template_kwargs": []}, "chat_template_kwargs"),
    ({"chat_template_kwargs": {"a": "x" * 65_536}}, "chat_template_kwargs"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"audio": {"voice": "x"}}, "audio"),
    ({"web_search_options": {"x": 1}}, "web_search_options"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"response_format": {"type": "json_schema", "json_schema": "x"}}, "response_format.json_schema"),
    ({"messages": BEGUN, "add_generation_prompt": True, "continue_final_message": True}, "continue_final_message"),
    ({"messages": BEGUN, "continue_final_message": False}, "continue_final_message"),
    ({"continue_final_message": True}, "continue_final_message"),
    ({"continue_final_message": "yes"}, "continue_final_message"),
    ({"add_generation_prompt": False}, "add_generation_prompt"),
    ({"add_generation_prompt": 1}, "add_generation_prompt"),
    ({"metadata": "x"}, "metadata"),
    ({"json_schema": "x"}, "json_schema"),
    ({"grammar": "root ::= 'a'"}, "grammar"),
    ({"response_format": {"type": "json_object", "schema": 7}}, "response_format.schema"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=lambda each: json.dumps(each)[:60])
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str | None) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        read(**fields)
    reply = error_reply(refused.value)
    error = reply.body["error"]
    assert (reply.status, error["type"], error["param"]) == (400, "invalid_request_error", param)
    assert str(param) in error["message"]
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "7", '{"a":' * 100_000, '{"max_tokens":1e999}', "1" * 5000])
def test_a_body_that_is_no_object_is_refused(body: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        read_chat(body)
    assert error_reply(refused.value).status == 400


def test_whether_the_last_message_is_continued_may_be_said() -> None:
    for fields in (
        {"continue_final_message": True},
        {"continue_final_message": True, "add_generation_prompt": False},
        {"add_generation_prompt": False},
        {"add_generation_prompt": True},
    ):
        assert read(messages=BEGUN, **fields).dialogue.written == "Well, "
    assert read(add_generation_prompt=True, continue_final_message=False).dialogue.written == ""


def test_null_is_the_same_as_left_out() -> None:
    names = [name for names in ALIASES.values() for name in names]
    assert read(**dict.fromkeys([*names, "n", "stream", "tools", "response_format", "logprobs"])) == read()


def test_every_sampling_parameter_has_its_own_name_and_openais() -> None:
    for parameter in PARAMETERS:
        assert parameter.name in ALIASES[parameter.name]
        assert parameter.openai is None or parameter.openai in ALIASES[parameter.name]
    assert read(top_k=3, dry_base=2.5, repetition_penalty=1.5).params.repeat_penalty == 1.5


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"max_completion_tokens": 2, "max_tokens": 9}, "max_tokens", 2),
        ({"max_tokens": -1}, "max_tokens", None),
        ({"stop": "x"}, "stop", ("x",)),
        ({"stop": []}, "stop", None),
        ({"stop": ""}, "stop", None),
        ({"dry_sequence_breakers": []}, "dry_sequence_breakers", ()),
        ({"seed": 2**32 + 5}, "seed", 5),
        ({"seed": -7}, "seed", 2**32 - 7),
        ({"seed": -1}, "seed", -1),
        ({"response_format": {"type": "text"}}, "json_schema", None),
        ({"response_format": {"type": "json_object"}}, "json_schema", {"type": "object"}),
    ],
)
def test_usual_values_are_understood(fields: dict[str, Any], name: str, value: object) -> None:
    assert getattr(read(**fields).params, name) == value


def test_each_choice_has_a_seed_of_its_own() -> None:
    request = read(seed=2**32 - 1, n=2)
    facts = AnswerFacts("g", 1, "m", "M", "f")
    assert [request.generate(facts, index).params.seed for index in range(2)] == [2**32 - 1, 0]
    assert read(seed=-1).generate(facts, 1).params.seed == -1


def test_the_roles_of_openai_become_those_of_templates() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}]
    given = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "me"},
        {"role": "assistant", "content": None, "reasoning_content": "Hm.", "tool_calls": calls, "audio": None},
        {"role": "tool", "content": "42", "tool_call_id": "c1"},
    ]
    messages = read(messages=given, tools=[], tool_choice="none").dialogue.messages
    assert [(each.role, each.content) for each in messages] == [
        ("system", "Be brief."),
        ("user", "a\nb"),
        ("assistant", "<think>\nHm.\n</think>\n\n"),
        ("tool", "42"),
    ]
    called = ToolCall(id="c1", function=CalledFunction(name="f", arguments='{"x":1}'))
    assert [each.tool_calls for each in messages] == [None, None, (called,), None]
    assert [each.tool_call_id for each in messages] == [None, None, None, "c1"]


def test_the_older_form_of_calls() -> None:
    given = [
        HI,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": ""}},
        {"role": "function", "name": "f", "content": "42"},
    ]
    request = read(messages=given, functions=[{"name": "f"}], function_call={"name": "f"})
    called = ToolCall(id="call_f", function=CalledFunction(name="f", arguments="{}"))
    assert [each.tool_calls for each in request.dialogue.messages] == [None, (called,), None]
    assert request.dialogue.messages[2].tool_call_id == "call_f"
    assert (request.tools.older, request.tools.choice.function.name) == (True, "f")


TOOLS: Any = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in "fg"]


@pytest.mark.parametrize(
    ("fields", "names", "forced"),
    [
        ({}, "fg", False),
        ({"tool_choice": "auto"}, "fg", False),
        ({"tool_choice": "none"}, "", False),
        ({"tool_choice": "required"}, "fg", True),
        ({"tool_choice": {"type": "function", "function": {"name": "g"}}}, "fg", True),
        ({"tool_choice": ALLOWED}, "g", True),
        ({"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []}}, "", False),
    ],
)
def test_choices_of_tools(fields: dict[str, Any], names: str, forced: bool) -> None:
    tools = read(tools=TOOLS, **fields).tools
    assert (tools.names, tools.forced) == (frozenset(names), forced)


def test_a_forced_call_needs_no_format() -> None:
    schema = {"type": "json_object"}
    assert read(tools=TOOLS, tool_choice="required", response_format=schema).params.json_schema is None
    assert read(tools=TOOLS, response_format=schema).params.json_schema == {"type": "object"}


def test_variables_of_the_template() -> None:
    body = read(reasoning_effort="low", chat_template_kwargs={"enable_thinking": False}).generate(
        AnswerFacts("g", 1, "m", "M", "f"), 0
    )
    assert (body.reasoning_effort, body.chat_template_kwargs) == ("low", {"enable_thinking": False})
    assert read(reasoning_effort="", chat_template_kwargs={"thinking": None}).template == (None, None)
    assert read(reasoning_effort="extreme", chat_template_kwargs={"a": 7}).template == ("extreme", {"a": 7})


def test_a_last_message_of_the_assistant_begins_the_answer() -> None:
    dialogue = read(messages=[HI, {"role": "assistant", "content": "Well"}]).dialogue
    assert ([each.content for each in dialogue.messages], dialogue.written) == (["Hi"], "Well")


def test_a_schema_without_strict_loses_only_keywords() -> None:
    schema = {
        "type": "object",
        "properties": {"pattern": {"type": "string", "pattern": "x"}, "n": {"enum": [{"minimum": 1}], "minimum": 0}},
        "anyOf": [{"type": "integer", "maximum": 3}],
    }
    assert widened(schema) == {
        "type": "object",
        "properties": {"pattern": {"type": "string"}, "n": {"enum": [{"minimum": 1}]}},
        "anyOf": [{"type": "integer"}],
    }


def test_a_fault_of_the_server_is_not_to_be_retried() -> None:
    assert error_reply(RemoteProtocolError(ErrorCode.INTERNAL, "x")).headers == {"x-should-retry": "false"}
    busy = error_reply(RemoteProtocolError(ErrorCode.BUSY, "x", retry_after_ms=1500))
    assert (busy.status, busy.headers) == (503, {"retry-after": "2", "retry-after-ms": "1500"})
