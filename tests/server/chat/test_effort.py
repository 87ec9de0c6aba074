"""Efforts that a chat template offers."""

import pytest

from server.chat.template import ChatTemplate
from tests.llama_sources import sources

BASE = "{% for m in messages %}{{ m.content }}{% endfor %}"
SWITCH = BASE + "{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}"
LEVELS = BASE + "{{ 'effort ' + (reasoning_effort or 'medium') }}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (None, ()),
        (BASE, ()),
        (BASE + "{# enable_thinking #}", ()),
        (SWITCH, ("none",)),
        (SWITCH.replace("enable_thinking", "thinking"), ("none",)),
        (LEVELS, ("low", "medium", "high")),
        (SWITCH + LEVELS, ("none", "low", "medium", "high")),
        (LEVELS + "{% if reasoning_effort == 'medium' %}{{ raise_exception('no') }}{% endif %}", ("low", "high")),
    ],
)
def test_efforts_are_those_that_change_the_prompt(source: str | None, expected: tuple[str, ...]) -> None:
    template = ChatTemplate(source)
    assert template.efforts == expected
    template.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Qwen-Qwen3-0.6B", ("none",)),
        ("HuggingFaceTB-SmolLM3-3B", ("none",)),
        ("openai-gpt-oss-120b", ("low", "medium", "high")),
        ("google-gemma-2-2b-it", ()),
    ],
)
def test_efforts_of_real_models(name: str, expected: tuple[str, ...]) -> None:
    source = (sources() / "templates" / f"{name}.jinja").read_text()
    template = ChatTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"})
    assert template.efforts == expected
    template.close()
