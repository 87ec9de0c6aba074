"""Tools with the official client: forced calls, streams, and results that are sent back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import jsonschema
import openai
import pytest
from openai import BadRequestError, OpenAI
from openai.types.chat import ChatCompletionMessageToolCall
from pydantic import BaseModel, Field

from tests.docs.conftest import slowly
from tests.openai.test_chat import streamed, whole

ASKED: Any = [{"role": "user", "content": "What is the weather in Rome?"}]


class GetWeather(BaseModel):
    """Return the weather of a city."""

    city: Literal["Rome", "Oslo"]
    days: int = Field(ge=1, le=7)


class Wait(BaseModel):
    """Wait for a time."""

    minutes: int = Field(ge=0, le=60)


TOOLS: Any = [openai.pydantic_function_tool(GetWeather), openai.pydantic_function_tool(Wait)]
SCHEMAS = {tool["function"]["name"]: tool["function"]["parameters"] for tool in TOOLS}
NAMED: Any = {"type": "function", "function": {"name": "GetWeather"}}
FORCED: Any = {"messages": ASKED, "tools": TOOLS, "max_tokens": 200}


def checked(name: str, arguments: str) -> Any:
    """Return arguments that parse and obey the function's schema."""
    value = json.loads(arguments)
    jsonschema.validate(value, SCHEMAS[name])
    return value


@pytest.mark.parametrize("choice", ["required", NAMED])
@pytest.mark.parametrize("temperature", [0, 1.5])
def test_a_forced_call_obeys_its_schema(client: OpenAI, choice: Any, temperature: float) -> None:
    (choice_,) = whole(client, **FORCED, tool_choice=choice, temperature=temperature).choices
    assert (choice_.finish_reason, choice_.message.content) == ("tool_calls", None)
    call = (choice_.message.tool_calls or [])[0]
    assert isinstance(call, ChatCompletionMessageToolCall) and call.id.startswith("call_")
    assert call.function.name == "GetWeather" or choice == "required"
    checked(call.function.name, call.function.arguments)


def test_a_stream_has_the_same_call_with_its_name_once(client: OpenAI, slow_file: Path) -> None:
    (message,) = (each.message for each in whole(client, **FORCED, tool_choice=NAMED).choices)
    with slowly(slow_file):
        chunks = streamed(client, **FORCED, tool_choice=NAMED)
    parts = [part for chunk in chunks for part in chunk.choices[0].delta.tool_calls or ()]
    assert {part.index for part in parts} == {0}
    assert [(bool(part.id), part.type, part.function and part.function.name) for part in parts] == [
        (True, "function", "GetWeather"),
        *[(False, None, None)] * (len(parts) - 1),
    ]
    assert len(parts) > 3
    (call,) = message.tool_calls or []
    assert isinstance(call, ChatCompletionMessageToolCall)
    assert "".join((part.function and part.function.arguments) or "" for part in parts) == call.function.arguments
    assert chunks[0].choices[0].delta.content is None
    assert not any(chunk.choices[0].delta.content for chunk in chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks][-1] == "tool_calls"


def test_the_helper_for_streams_collects_the_call(client: OpenAI) -> None:
    with client.chat.completions.stream(model="any", seed=7, tool_choice=NAMED, **FORCED) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        (call,) = stream.get_final_completion().choices[0].message.tool_calls or []
    assert [event.name for event in done] == ["GetWeather"]
    assert isinstance(call.function.parsed_arguments, GetWeather)


def test_parse_returns_the_arguments_as_a_model(client: OpenAI) -> None:
    answer = client.chat.completions.parse(model="any", seed=3, tool_choice=NAMED, **FORCED)
    (call,) = answer.choices[0].message.tool_calls or []
    assert isinstance(call.function.parsed_arguments, GetWeather)


def test_a_result_is_answered(client: OpenAI) -> None:
    message = whole(client, **FORCED, tool_choice=NAMED).choices[0].message
    (call,) = message.tool_calls or []
    result: Any = {"role": "tool", "tool_call_id": call.id, "content": "Sunny, 20 degrees."}
    dialogue = [*ASKED, message.model_dump(exclude_none=True), result]
    answer = whole(client, messages=dialogue, tools=TOOLS, tool_choice="none", max_tokens=12).choices[0]
    assert answer.message.content and answer.message.tool_calls is None
    again = whole(client, messages=dialogue, tools=TOOLS, tool_choice=NAMED, max_tokens=200).choices[0]
    assert again.message.tool_calls


def test_each_choice_has_calls_with_ids_of_their_own(client: OpenAI) -> None:
    choices = whole(client, **FORCED, tool_choice="required", n=2).choices
    ids = [call.id for choice in choices for call in choice.message.tool_calls or ()]
    assert len(ids) == len(set(ids)) >= 2


def test_the_older_form(client: OpenAI) -> None:
    functions: Any = [tool["function"] for tool in TOOLS]
    fields: Any = {"messages": ASKED, "functions": functions, "function_call": {"name": "Wait"}, "max_tokens": 200}
    (choice,) = whole(client, **fields).choices
    assert choice.finish_reason == "function_call" and choice.message.function_call
    checked("Wait", choice.message.function_call.arguments)
    chunks = streamed(client, **fields)
    parts = [chunk.choices[0].delta.function_call for chunk in chunks if chunk.choices[0].delta.function_call]
    assert [part.name for part in parts if part.name] == ["Wait"]
    assert "".join(part.arguments or "" for part in parts) == choice.message.function_call.arguments


def test_a_call_that_is_cut_has_the_reason_length(client: OpenAI) -> None:
    cut = whole(client, **{**FORCED, "max_tokens": 12}, tool_choice=NAMED)
    assert cut.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tool_choice": {"type": "function", "function": {"name": "Fly"}}}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        (
            {
                "tools": [
                    {
                        "type": "function",
                        "function": {
                            "name": "f",
                            "strict": True,
                            "parameters": {"properties": {"a": {"type": "string", "pattern": "(?=x)"}}},
                        },
                    }
                ],
                "tool_choice": "required",
            },
            "tools[0].function.parameters",
        ),
    ],
)
def test_wrong_tools_are_refused(client: OpenAI, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        whole(client, **{**FORCED, **fields})
    assert refused.value.param == param
