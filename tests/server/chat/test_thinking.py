"""A model's thoughts and its answer are separated as on the page."""

import json
import re
from pathlib import Path

import pytest

from server.chat.thinking import opened, outside_marks, parts, thoughts
from server.engine.thinking_marks import PAIRS, visible_tokens

ROOT = Path(__file__).parents[3]
CASES = json.loads((ROOT / "tests/thinking-cases.json").read_text())
PAGE_MARKS = ROOT / "frontend/rendering/markdown/thinking-marks.js"


@pytest.mark.parametrize(("text", "thinking", "answer"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_answer_is_parted_into_thinking_and_what_was_said(text: str, thinking: str | None, answer: str) -> None:
    assert parts(text) == (thinking, answer)


@pytest.mark.parametrize(("text", "thinking"), [case[1:3] for case in CASES], ids=[case[0] for case in CASES])
def test_the_ranges_of_the_thoughts_hold_the_thinking(text: str, thinking: str | None) -> None:
    found = [text[start:end].strip() for start, end in thoughts(text)]
    assert "\n\n".join(filter(None, found)) == (thinking or "")


def test_the_page_has_the_same_marks() -> None:
    table = PAGE_MARKS.read_text().split("PAIRS = [", 1)[1].split("];", 1)[0]
    assert tuple(re.findall(r'\["([^"]+)", "([^"]+)"\]', table)) == PAIRS


@pytest.mark.parametrize("begin", [begin for begin, _ in PAIRS])
def test_every_mark_is_folded(begin: str) -> None:
    assert parts(f"{begin}\nHm.\n{dict(PAIRS)[begin]}\n\nYes.") == ("Hm.", "Yes.")


@pytest.mark.parametrize(
    ("prompt", "mark"),
    [
        ("<|im_start|>assistant\n<think>\n", "<think>\n"),
        ("<|Assistant|><think>", "<think>"),
        ("<|CHATBOT_TOKEN|><|START_THINKING|>", "<|START_THINKING|>"),
        ("[THINK]", "[THINK]"),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", ""),
        ("<|im_start|>assistant\n", ""),
        ("<think> about it", ""),
        ("", ""),
    ],
)
def test_a_prompt_may_leave_a_thought_open(prompt: str, mark: str) -> None:
    assert opened(prompt) == mark


def test_a_long_hostile_text_is_parted_in_linear_time() -> None:
    """Each text takes minutes if the time grows with the square of the length."""
    blocks = "```\n</think>\n" * 50_000
    for text in ("`</think>" * 50_000, "> " * 200_000 + "</think>", f"<think>{blocks}", "- " * 200_000):
        parts(text)


def test_only_marks_of_thinking_are_given_out_of_the_control_tokens() -> None:
    usual = frozenset({"<|im_start|>", "<|im_end|>", "<|end|>", "<|message|>"})
    assert visible_tokens(usual) == frozenset()
    assert visible_tokens(usual | {"[THINK]", "[/THINK]"}) == {"[THINK]", "[/THINK]"}
    assert visible_tokens(usual | {"[TOOL_CALLS]", "[ARGS]"}) == {"[TOOL_CALLS]", "[ARGS]"}
    harmony = frozenset({"<|channel|>", "<|message|>", "<|start|>", "<|end|>"})
    assert visible_tokens(harmony | {"<|return|>", "<|call|>"}) == harmony


@pytest.mark.parametrize(
    ("written", "marks"),
    [
        ("<think>a</think>b<|im_end|>c", ["<think>", "</think>"]),
        ("[THINK]a[/THINK]</s>", ["[THINK]", "[/THINK]"]),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b<|end|>",
            ["<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"],
        ),
        ("a<|end|><|start|>user<|message|>b", []),
        ("", []),
    ],
)
def test_of_an_answer_that_is_continued_only_marks_of_thinking_are_marks(written: str, marks: list[str]) -> None:
    outside = list(outside_marks(written))
    ends = [0, *(end for _, end in outside)]
    starts = [*(start for start, _ in outside), len(written)]
    assert [written[a:b] for a, b in zip(ends, starts, strict=True) if b > a] == marks
