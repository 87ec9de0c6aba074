"""Structured answers and forced calls with random types, which the official client makes schemas of and parses."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from tests.openai.test_chat import HELLO
from tests.server.writers.random_schemas import random_model

Ask = Callable[[OpenAI, type[BaseModel], int], object]
"""Function that asks for a value of a type, with a seed. Returns the parsed value."""

WILD: Any = {"model": "any", "temperature": 1.5}
SIZE = 1500
"""Limit of an answer in tokens, which no value of these types reaches."""


def in_chat(client: OpenAI, kind: type[BaseModel], seed: int) -> object:
    answer = client.chat.completions.parse(messages=HELLO, response_format=kind, seed=seed, max_tokens=SIZE, **WILD)
    return answer.choices[0].message.parsed


def in_stream(client: OpenAI, kind: type[BaseModel], seed: int) -> object:
    asked = client.chat.completions.stream(messages=HELLO, response_format=kind, seed=seed, max_tokens=SIZE, **WILD)
    with asked as stream:
        return stream.get_final_completion().choices[0].message.parsed


def in_call(client: OpenAI, kind: type[BaseModel], seed: int) -> object:
    tools = [openai.pydantic_function_tool(kind, name="f")]
    answer = client.chat.completions.parse(
        messages=HELLO, tools=tools, tool_choice="required", seed=seed, max_tokens=SIZE, **WILD
    )
    (call,) = answer.choices[0].message.tool_calls or []
    return call.function.parsed_arguments


def in_response(client: OpenAI, kind: type[BaseModel], seed: int) -> object:
    response = client.responses.parse(
        input="Hello", text_format=kind, max_output_tokens=SIZE, extra_body={"seed": seed}, **WILD
    )
    return response.output_parsed


@pytest.mark.parametrize("ask", [in_chat, in_stream, in_call, in_response])
@pytest.mark.parametrize("count", [5, pytest.param(100, marks=pytest.mark.slow)])
def test_a_random_type_is_parsed(client: OpenAI, ask: Ask, count: int) -> None:
    for seed in range(count):
        kind = random_model(random.Random(seed))
        assert isinstance(ask(client, kind, seed), kind)
