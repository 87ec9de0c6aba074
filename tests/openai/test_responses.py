"""Responses with the official client: whole and streamed."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from openai import BadRequestError, OpenAI
from openai.types.responses import Response
from pydantic import BaseModel

FIXED: Any = {"model": "any", "temperature": 0, "max_output_tokens": 12, "extra_body": {"seed": 7}}


class City(BaseModel):
    """Type for the client's own parsing. Its answers are short, whatever the model says."""

    size: Literal["small", "large"]
    coast: bool


def whole(client: OpenAI, **fields: Any) -> Response:
    """Return a whole response, checked against the client's types."""
    response = client.responses.create(**{"input": "Hello", **FIXED, **fields})
    assert isinstance(response, Response)
    return Response.model_validate(response.model_dump())


def test_a_response_has_text_and_usage(client: OpenAI) -> None:
    response = whole(client, metadata={"a": "b"}, instructions="Be brief.")
    assert (response.object, response.model, response.metadata) == ("response", "starter", {"a": "b"})
    assert response.id.startswith("resp_")
    assert response.output_text and response.instructions == "Be brief."
    assert response.usage and response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    assert response.status == ("completed" if response.incomplete_details is None else "incomplete")


def test_a_limit_makes_a_response_incomplete(client: OpenAI) -> None:
    response = whole(client, max_output_tokens=2)
    assert (response.status, response.output[0].status) == ("incomplete", "incomplete")  # type: ignore[union-attr]
    assert response.incomplete_details and response.incomplete_details.reason == "max_output_tokens"


def test_items_are_read_as_a_chat(client: OpenAI) -> None:
    items: Any = [
        {"role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]},
    ]
    assert whole(client, input=items).output_text == whole(client, instructions="Be brief.").output_text


def test_a_stream_has_the_same_response(client: OpenAI) -> None:
    events = list(client.responses.create(input="Hello", stream=True, **FIXED))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1]
    assert last.type in ("response.completed", "response.incomplete")
    assert text == last.response.output_text == whole(client).output_text


def test_the_clients_own_helper_follows_a_stream(client: OpenAI) -> None:
    with client.responses.stream(input="Hello", **{**FIXED, "max_output_tokens": 200}) as stream:
        for _ in stream:
            pass
        response = stream.get_final_response()
    assert response.output_text and response.usage


def test_logprobs_are_there_if_they_are_included(client: OpenAI) -> None:
    response = whole(client, include=["message.output_text.logprobs"], top_logprobs=2)
    part: Any = response.output[0].content[0]  # type: ignore[union-attr, index]
    assert part.type == "output_text" and part.logprobs
    assert "".join(each.token for each in part.logprobs) == part.text
    assert all(len(each.top_logprobs) == 2 for each in part.logprobs)


def test_an_answer_is_parsed_into_a_type(client: OpenAI) -> None:
    response = client.responses.parse(input="Hello", text_format=City, **{**FIXED, "max_output_tokens": 200})
    assert isinstance(response.output_parsed, City)
    assert set(json.loads(response.output_text)) == {"size", "coast"}


def test_tools_that_are_no_functions_are_left_out(client: OpenAI) -> None:
    assert whole(client, tools=[{"type": "web_search"}]).output_text


STRICT = {"type": "json_schema", "name": "x", "strict": True, "schema": {"type": "string", "pattern": "(?<=a)b"}}
FUNCTION: Any = {"type": "function", "name": "f", "parameters": {}}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": " "}, "input"),
        ({"input": ["Hi"]}, "input[0]"),
        ({"input": [{"role": "narrator", "content": "Hi"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": 7}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": 7}]}, "input[0]"),
        ({"instructions": 7}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"top_logprobs": 21}, "top_logprobs"),
        ({"include": "x"}, "include"),
        ({"text": {"format": "xml"}}, "text.format"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"text": {"format": STRICT}}, "text.format"),
        ({"background": True, "store": False}, "background"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "c"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"truncation": "auto"}, "truncation"),
        ({"tools": "x"}, "tools"),
        ({"tools": [FUNCTION], "tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"input": "word " * 5000}, "input"),
    ],
)
def test_a_wrong_field_is_named(client: OpenAI, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        whole(client, **fields)
    assert refused.value.param == param
    assert param in refused.value.message
