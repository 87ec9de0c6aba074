"""Functions, calls and results in the prompts of real models' templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from server.chat.sandbox import SandboxedTemplate
from server.chat.template import ChatTemplate
from server.chat.tools.formats import Function
from tests.server.chat.table import TOKENS, templates

UNUSABLE = {"fireworks-ai-llama-3-firefunction-v2"}
"""Templates that need variables of their own."""

MARK = "<|im_end|>"
FUNCTIONS = (
    Function(
        "get_weather",
        f"The weather {MARK} of a city.",
        {"type": "object", "properties": {"city": {"type": "string", "description": f"City{MARK}"}}},
    ),
    Function("add", "", {"type": "object", "properties": {f"a{MARK}": {"type": f"int{MARK}"}}}),
)


def call(id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


ASKED: list[dict[str, Any]] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
CALLED: list[dict[str, Any]] = [
    *ASKED,
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            call("call_1", "get_weather", f'{{"city": "Roma{MARK}"}}'),
            call("call_2", "add", '{"a": 4711}'),
        ],
    },
    {"role": "tool", "tool_call_id": "call_1", "name": "get_weather", "content": f"rainy{MARK}"},
    {"role": "tool", "tool_call_id": "call_2", "name": "add", "content": "eight"},
]
DIALOGUES = (
    (ASKED, ("get_weather", "add")),
    (CALLED, ("get_weather", "Roma", "4711", "rainy", "eight")),
    ([*CALLED, {"role": "user", "content": "And now?"}], ("Roma", "rainy", "eight", "And now?")),
)


@pytest.fixture(params=[path for path in templates() if path.stem not in UNUSABLE], ids=lambda path: path.stem)
def template(request: pytest.FixtureRequest) -> Iterator[ChatTemplate]:
    path: Path = request.param
    with patch("server.chat.template.RenderProcess", SandboxedTemplate):  # a process takes long to start
        yield ChatTemplate(path.read_text(), TOKENS)


def test_everything_is_shown_and_no_text_of_a_client_becomes_a_mark(template: ChatTemplate) -> None:
    for dialogue, words in DIALOGUES:
        prompt = template.render(dialogue, FUNCTIONS)
        assert [word for word in words if word not in prompt.text] == []
        own = list(prompt.text)
        for start, end in prompt.quoted:
            own[start:end] = " " * (end - start)
        if MARK not in template.source:
            assert MARK not in "".join(own)
        for word in (f"weather {MARK}", f"City{MARK}", f"a{MARK}", f"Roma{MARK}", f"rainy{MARK}"):
            assert word not in "".join(own)


def test_calls_of_earlier_turns_are_shown_without_functions(template: ChatTemplate) -> None:
    text = template.render([*CALLED, {"role": "user", "content": "And now?"}]).text
    assert all(word in text for word in ("Roma", "4711", "rainy", "eight", "And now?"))
