"""Functions, calls and results in the prompts of real models' templates."""

from __future__ import annotations

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


def opened(path: Path) -> ChatTemplate:
    with patch("server.chat.template.RenderProcess", SandboxedTemplate):  # a process takes long to start
        return ChatTemplate(path.read_text(), TOKENS)


@pytest.fixture(
    scope="module", params=[path for path in templates() if path.stem not in UNUSABLE], ids=lambda path: path.stem
)
def template(request: pytest.FixtureRequest) -> ChatTemplate:
    return opened(request.param)


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


def real(name: str) -> ChatTemplate:
    return opened(next(path for path in templates() if path.stem == name))


def test_variables_reach_the_template() -> None:
    qwen, harmony, llama = (
        real(name) for name in ("Qwen-Qwen3-0.6B", "openai-gpt-oss-120b", "meta-llama-Llama-3.2-3B-Instruct")
    )
    assert qwen.render(ASKED, (), {"enable_thinking": False}).text.endswith("<think>\n\n</think>\n\n")
    assert "Reasoning: high" in harmony.render(ASKED, (), {"reasoning_effort": "high"}).text
    assert llama.render(ASKED, (), {"reasoning_effort": "high"}).text == llama.render(ASKED).text


def test_a_variable_can_not_replace_what_the_server_sets_and_is_no_mark() -> None:
    source = "{{ messages[0].content }}{{ bos_token }}{% if tools %}{{ tools }}{% endif %}{{ extra }}"
    with patch("server.chat.template.RenderProcess", SandboxedTemplate):
        template = ChatTemplate(source, TOKENS)
    variables = {"messages": [], "tools": "<|x|>", "bos_token": "<|x|>", "extra": "<|x|>", "add_generation_prompt": 0}
    prompt = template.render([{"role": "user", "content": "Hi"}], (), variables)
    assert prompt.text == "Hi<s><|x|>"
    assert prompt.quoted == ((0, 2), (5, 10))


def test_an_effort_that_the_template_refuses_is_left_out() -> None:
    source = (
        "{% if reasoning_effort is defined and reasoning_effort != 'high' %}{{ raise_exception('unknown effort') }}"
        "{% endif %}[{{ reasoning_effort }}]{{ messages[0].content }}"
    )
    with patch("server.chat.template.RenderProcess", SandboxedTemplate):
        template = ChatTemplate(source, TOKENS)
    said = [{"role": "user", "content": "Hi"}]
    assert template.render(said, (), {"reasoning_effort": "high"}).text == "[high]Hi"
    assert template.render(said, (), {"reasoning_effort": "low"}).text == "[]Hi"
