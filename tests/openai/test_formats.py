"""Structured answers with the official client."""

import json
from typing import Any, Literal

import pytest
from openai import BadRequestError, OpenAI
from pydantic import BaseModel

from tests.openai.test_chat import FIXED, HELLO


class City(BaseModel):
    """Type for the client's own parsing. Its answers are short, whatever the model says."""

    size: Literal["small", "large"]
    coast: bool


def test_an_answer_is_parsed_into_a_type(client: OpenAI) -> None:
    answer = client.chat.completions.parse(messages=HELLO, response_format=City, **{**FIXED, "max_tokens": 200})
    assert isinstance(answer.choices[0].message.parsed, City)


def test_an_object_is_json(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        messages=HELLO, response_format={"type": "json_object"}, **{**FIXED, "max_tokens": 300}
    )
    if answer.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(answer.choices[0].message.content or ""), dict)


@pytest.mark.parametrize("strict", [True, False, None])
def test_an_answer_obeys_its_schema(client: OpenAI, strict: bool | None) -> None:
    schema = {
        "type": "object",
        "properties": {"size": {"enum": ["small", "large"]}, "sure": {"type": "boolean"}},
        "required": ["size", "sure"],
        "additionalProperties": False,
    }
    named: Any = {"name": "size", "schema": schema} | ({} if strict is None else {"strict": strict})
    answer = client.chat.completions.create(
        messages=HELLO, response_format={"type": "json_schema", "json_schema": named}, **{**FIXED, "max_tokens": 200}
    )
    found = json.loads(answer.choices[0].message.content or "")
    assert found["size"] in ("small", "large") and found["sure"] in (True, False)


def test_what_only_narrows_is_left_out_unless_it_is_strict(client: OpenAI) -> None:
    named: Any = {"name": "word", "schema": {"type": "string", "pattern": "(?<=a)b"}}
    loose = {"type": "json_schema", "json_schema": named}
    strict = {"type": "json_schema", "json_schema": {**named, "strict": True}}
    client.chat.completions.create(messages=HELLO, response_format=loose, **FIXED)  # type: ignore[call-overload]
    with pytest.raises(BadRequestError) as refused:
        client.chat.completions.create(messages=HELLO, response_format=strict, **FIXED)  # type: ignore[call-overload]
    assert (refused.value.param, "pattern" in refused.value.message) == ("response_format", True)


def test_llama_servers_forms_of_a_schema_are_read(client: OpenAI) -> None:
    schema = {"enum": ["yes", "no"]}
    forms: list[Any] = [
        {"response_format": {"type": "json_object", "schema": schema}},
        {"extra_body": {"json_schema": schema}},
    ]
    for form in forms:
        answer = client.chat.completions.create(messages=HELLO, **{**FIXED, "max_tokens": 20}, **form)
        assert json.loads(answer.choices[0].message.content or "") in ("yes", "no")
    text = client.completions.create(model="any", prompt="Is it?", max_tokens=20, extra_body={"json_schema": schema})
    assert json.loads(text.choices[0].text) in ("yes", "no")
