"""Tools with Anthropic's official client: forced calls, streams, and results that are sent back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from anthropic import Anthropic
from anthropic.types import Message, ToolUseBlock

from tests.anthropic.test_messages import FIXED, streamed, text_of, whole
from tests.docs.conftest import slowly

ASKED: Any = [{"role": "user", "content": "What is the weather in Rome?"}]
SCHEMA: Any = {
    "type": "object",
    "properties": {"city": {"enum": ["Rome", "Oslo"]}, "days": {"type": "integer", "minimum": 1, "maximum": 7}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOLS: Any = [{"name": "get_weather", "description": "Return the weather of a city.", "input_schema": SCHEMA}]
NAMED: Any = {"type": "tool", "name": "get_weather"}
FORCED: Any = {"messages": ASKED, "tools": TOOLS, "max_tokens": 200}


def call_of(message: Message) -> ToolUseBlock:
    """Return the only block of a message, which is a call."""
    (block,) = message.content
    assert block.type == "tool_use"
    return block


@pytest.mark.parametrize("choice", [{"type": "any"}, NAMED])
@pytest.mark.parametrize("temperature", [0, 1.5])
def test_a_forced_call_obeys_its_schema(client: Anthropic, choice: Any, temperature: float) -> None:
    message = whole(client, **FORCED, tool_choice=choice, extra_body={"temperature": temperature, "seed": 7})
    assert message.stop_reason == "tool_use"
    call = call_of(message)
    assert (call.name, bool(call.id)) == ("get_weather", True)
    jsonschema.validate(call.input, SCHEMA)


def test_a_stream_has_the_same_call(client: Anthropic, slow_file: Path) -> None:
    call = call_of(whole(client, **FORCED, tool_choice=NAMED))
    with client.messages.stream(**{**FIXED, **FORCED}, tool_choice=NAMED) as stream:
        message = stream.get_final_message()
    again = call_of(message)
    assert (again.name, again.input, message.stop_reason) == (call.name, call.input, "tool_use")
    with slowly(slow_file):
        events = streamed(client, **FORCED, tool_choice=NAMED)
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    assert len(deltas) > 3 and {delta.type for delta in deltas} == {"input_json_delta"}


def test_a_result_is_answered(client: Anthropic) -> None:
    call = call_of(whole(client, **FORCED, tool_choice=NAMED))
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": "Sunny."}]}
    turns: Any = [*ASKED, {"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    message = whole(client, messages=turns, tools=TOOLS, tool_choice={"type": "none"})
    assert text_of(message) and message.stop_reason in ("end_turn", "max_tokens")


def test_tools_and_results_are_counted(client: Anthropic) -> None:
    alone = client.messages.count_tokens(model="any", messages=ASKED)
    assert client.messages.count_tokens(model="any", messages=ASKED, tools=TOOLS).input_tokens > alone.input_tokens


def test_a_call_that_is_cut_off_has_no_input(client: Anthropic) -> None:
    message = whole(client, **{**FORCED, "max_tokens": 3}, tool_choice=NAMED)
    assert message.stop_reason == "max_tokens"
    assert all(block.input == {} for block in message.content if block.type == "tool_use")


def test_tools_may_be_offered(client: Anthropic) -> None:
    offered = whole(
        client, messages=ASKED, tools=TOOLS, tool_choice={"type": "auto", "disable_parallel_tool_use": True}
    )
    assert offered.content
