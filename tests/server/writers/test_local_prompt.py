"""Prompts: the text that the model reads for a `generate`."""

import pytest

from protocol.messages import ChatMessage, Generate, Params, Role
from server.chat.template import ChatTemplate
from server.engine.worker import BatchingEngine
from server.writers.local_prompt import make_prompt
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.writers.templates import template_of

FORM = "{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}"
HARMONY = (
    "{% for message in messages %}{% if '<|channel|>' in message.content %}{{ raise_exception('a mark') }}{% endif %}"
    "[{{ message.role }}:{% if message.thinking %}({{ message.thinking }}){% endif %}{{ message.content }}]{% endfor %}"
)
QWEN = (
    "{% for message in messages %}[{{ message.role }}:"
    "{%- if message.reasoning_content is string %}({{ message.reasoning_content }}){% endif %}"
    "{{ message.content.split('</think>')[-1].lstrip() }}]{% endfor %}"
)
THOUGHTS = {
    "gpt-oss": "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.",
    "think": "<think>\nHm.\n</think>\n\nYes.",
    "mistral": "[THINK]Hm.[/THINK]Yes.",
    "command a": "<|START_THINKING|>Hm.<|END_THINKING|>Yes.",
    "no beginning": "Hm.\n</think>\n\nYes.",
}


def prompt(engine: BatchingEngine, source: str, *said: tuple[Role, str]) -> str:
    body = Generate(messages=tuple(ChatMessage(role=role, content=content) for role, content in said))
    return bytes(make_prompt(body, engine, template_of(source)).tokens).decode()


@pytest.fixture
def engine() -> BatchingEngine:
    return BatchingEngine(ScriptedModel())


@pytest.mark.parametrize("answer", THOUGHTS.values(), ids=THOUGHTS)
@pytest.mark.parametrize(("source", "thought"), [(FORM, ""), (HARMONY, "(Hm.)"), (QWEN, "(Hm.)")])
def test_an_earlier_answer_has_its_thinking_in_the_field_that_the_template_reads(
    engine: BatchingEngine, source: str, thought: str, answer: str
) -> None:
    text = prompt(engine, source, ("user", "A?"), ("assistant", answer), ("user", "B?"))
    assert text == f"[user:A?][assistant:{thought}Yes.][user:B?]"


def test_an_earlier_answer_without_thinking_stays_as_it_is(engine: BatchingEngine) -> None:
    text = prompt(engine, FORM, ("user", " A? "), ("assistant", " Use `</think>`.\n"), ("user", "B?"))
    assert text == "[user: A? ][assistant: Use `</think>`.\n][user:B?]"


def test_thinking_marks_in_a_users_text_stay(engine: BatchingEngine) -> None:
    assert prompt(engine, FORM, ("user", THOUGHTS["think"])) == f"[user:{THOUGHTS['think']}]"


@pytest.mark.parametrize(
    "answer", ["", " \n", "<think>\nHm", "<think>Hm.</think>\n", "<|channel|>analysis<|message|>Hm"]
)
def test_an_answer_that_says_nothing_is_left_out(engine: BatchingEngine, answer: str) -> None:
    text = prompt(engine, FORM, ("user", "A?"), ("assistant", answer), ("user", "B?"))
    assert text == "[user:A?][user:B?]"


def test_blank_messages_are_left_out(engine: BatchingEngine) -> None:
    text = prompt(engine, FORM, ("system", ""), ("user", "A?"), ("assistant", "A."), ("user", " "), ("user", "B?"))
    assert text == "[user:A?][assistant:A.][user:B?]"


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("{{ message.reasoning_content }}", "reasoning_content"),
        ("{{ m['thinking'] }}", "thinking"),
        ("{{ messages[0].get('reasoning') }}", "reasoning"),
        ("{% if message.reasoning or message.reasoning_content %}{% endif %}", "reasoning_content"),
        ("{% if thinking %}{{ block['thinking'] }}{% endif %}{{ ns.reasoning }}", None),
        ("{{ message.content.split('</think>')[-1] }}", None),
    ],
)
def test_the_field_for_thinking_is_the_one_that_the_template_reads(source: str, field: str | None) -> None:
    template = ChatTemplate(source)
    assert template.thinking_field == field
    template.close()


@pytest.mark.parametrize(
    ("written", "prompt", "opened"),
    [
        ("", "[user:A?]<think>\n", "<think>\n"),
        ("<think>\nHm", "[user:A?]<think>\nHm", ""),
        ("<think>\nHm.\n</think>\n\nYes", "[user:A?]<think>\nHm.\n</think>\n\nYes", ""),
        ("Hm.\n</think>\n\nYes", "[user:A?]<think>\nHm.\n</think>\n\nYes", ""),
        ("Yes", "[user:A?]Yes", ""),
    ],
)
def test_an_answer_is_continued_behind_one_mark_of_its_thought(
    engine: BatchingEngine, written: str, prompt: str, opened: str
) -> None:
    template = template_of("{% for m in messages %}[{{ m.role }}:{{ m.content }}]{% endfor %}{{ '<think>\n' }}")
    found = make_prompt(Generate(prompt="A?"), engine, template, written)
    assert (bytes(found.tokens).decode(), found.opened) == (prompt, opened)


def test_json_does_not_begin_with_a_mark(engine: BatchingEngine) -> None:
    template = template_of("{{ messages[0].content }}<think>\n")
    assert make_prompt(Generate(prompt="A?"), engine, template).opened == "<think>"
    body = Generate(prompt="A?", params=Params(json_schema={}))
    assert make_prompt(body, engine, template).opened == ""
