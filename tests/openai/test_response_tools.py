"""Functions of responses with the official client: forced calls, their events, and results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response, ResponseFunctionToolCall

from tests.docs.conftest import slowly
from tests.openai.test_tools import GetWeather

TOOLS: Any = [
    {"type": "web_search"},
    {"type": "namespace", "name": "mcp", "tools": []},
    openai.pydantic_function_tool(GetWeather)["function"] | {"type": "function"},
]
NAMED: Any = {"type": "function", "name": "GetWeather"}
FORCED: Any = {"model": "any", "input": "What is the weather in Rome?", "tools": TOOLS, "max_output_tokens": 200}


def call_of(response: Response) -> ResponseFunctionToolCall:
    """Return the only item of a response, a call whose arguments obey the schema."""
    (item,) = Response.model_validate(response.model_dump()).output
    assert isinstance(item, ResponseFunctionToolCall)
    jsonschema.validate(json.loads(item.arguments), TOOLS[2]["parameters"])
    return item


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_a_forced_call_is_an_item(client: OpenAI, choice: Any) -> None:
    response = client.responses.create(**FORCED, tool_choice=choice)
    call = call_of(response)
    assert (response.status, call.name, call.status) == ("completed", "GetWeather", "completed")
    assert call.call_id.startswith("call_") and [tool.type for tool in response.tools] == ["function"]


def test_the_helper_for_streams_collects_the_call(client: OpenAI, slow_file: Path) -> None:
    with slowly(slow_file), client.responses.stream(**FORCED, tool_choice=NAMED, temperature=0) as stream:
        events = list(stream)
        final = call_of(stream.get_final_response())
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert "".join(deltas) == final.arguments and len(deltas) > 3


def test_the_result_of_a_stored_call_is_answered(client: OpenAI) -> None:
    first = client.responses.create(**FORCED, tool_choice=NAMED)
    call = call_of(first)
    result: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "Sunny, 20 degrees."}]
    options: Any = {"previous_response_id": first.id, "input": result, "max_output_tokens": 12}
    second = client.responses.create(model="any", tools=TOOLS, tool_choice="none", **options)
    assert second.output_text
    kinds = [item.type for item in client.responses.input_items.list(second.id, order="asc")]
    assert kinds == ["message", "function_call", "function_call_output"]
    assert call_of(client.responses.retrieve(first.id)) == call
