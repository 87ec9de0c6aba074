"""Fold of a choice's log: the same for every way in which its pieces are read."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.messages import ChosenLogprob, Done, DoneReason, Logprob, Timings, Token, Usage
from server.chat.thinking_stream import ThinkingSplitter
from server.engine.thinking_marks import PAIRS
from server.openai.choice import ChoiceFold, chat_logprobs
from server.openai.shown_logprobs import ShownLogprobs

CASES = json.loads((Path(__file__).parents[2] / "thinking-cases.json").read_text())
UNKNOWN = ("gpt-oss", "solar", "lone end", "ends in", "end in")
"""Cases that need the whole text, or the formats with headers."""

DONE = Done(
    id="g",
    seq=9,
    reason=DoneReason.STOP,
    phase="done",  # type: ignore[arg-type]
    usage=Usage(prompt_tokens=3, cached_tokens=1, completion_tokens=5),
    timings=Timings(total=1),
    chars=0,
    sha256="0" * 64,
)
MARKS = [mark for pair in PAIRS[:2] for mark in pair]
TEXTS = st.lists(st.sampled_from([*MARKS, " ", "\n", "<", "</", "think", "a", "b. ", "é", "`"]), max_size=12)


def token(text: str, logprobs: tuple[ChosenLogprob, ...] | None = None) -> Token:
    return Token(id="g", seq=1, n=1, text=text, logprobs=logprobs)


def logprob(text: str) -> ChosenLogprob:
    return ChosenLogprob(token=text, logprob=-0.5, top_logprobs=(Logprob(token=text, logprob=-0.5),))


def folded(pieces: list[str]) -> tuple[str, str, list[str]]:
    """Return the content, the thinking, and the tokens with logprobs that the fold gives for these pieces."""
    fold = ChoiceFold()
    deltas = [fold.feed(token(text, (logprob(text),))) for text in pieces] + [fold.feed(DONE)]
    tokens = [each.token for delta in deltas for each in delta.logprobs]
    return "".join(delta.content for delta in deltas), "".join(delta.reasoning for delta in deltas), tokens


@pytest.mark.parametrize(("name", "text", "thinking", "answer"), CASES, ids=[case[0] for case in CASES])
def test_the_parts_are_those_of_the_whole_text(name: str, text: str, thinking: str | None, answer: str) -> None:
    if not any(word in name for word in UNKNOWN):
        for size in (1, 2, 5, len(text) + 1):
            pieces = [text[start : start + size] for start in range(0, len(text), size)]
            assert folded(pieces)[:2] == (answer, thinking or "")


@given(TEXTS, st.data())
def test_the_parts_do_not_depend_on_the_pieces(words: list[str], data: Any) -> None:
    text = "".join(words)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=6))
    pieces = [text[start:end] for start, end in pairwise(sorted({0, len(text), *cuts}))]
    assert folded(pieces)[:2] == folded([text])[:2] == folded(list(text))[:2]


@given(TEXTS)
def test_no_text_is_lost_but_marks_and_blanks(words: list[str]) -> None:
    text = "".join(words)
    content, thinking, _ = folded([text])
    if not thinking:
        assert content in text
    else:
        assert "".join((thinking + content).split()) in "".join(text.split()) or "\n\n" in thinking or "<" in text


@given(st.lists(st.sampled_from(["a", "b ", "é", "\n", "<"]), min_size=1, max_size=8), st.booleans())
def test_the_logprobs_are_those_of_the_content(words: list[str], thinks: bool) -> None:
    content, _, tokens = folded([*(["<think>", "hm", "</think>", "\n"] if thinks else []), *words])
    assert "".join(tokens).lstrip() == content.lstrip()


def test_a_thought_is_counted_and_kept_out_of_the_content() -> None:
    fold = ChoiceFold()
    for text in ("<think>", "Hm", ".", "</think>", "Yes"):
        fold.feed(token(text))
    fold.feed(DONE)
    assert fold.reasoning_tokens == 3


def test_a_mark_under_a_schema_is_content() -> None:
    fold = ChoiceFold(split=False)
    assert fold.feed(token("<think>")).content == "<think>"


def test_bytes_of_a_token_that_is_no_whole_character() -> None:
    part = ChosenLogprob(token="\ufffd", logprob=-1, bytes=(0xC3,))
    assert chat_logprobs([part])["content"][0]["bytes"] == [0xC3]


def test_a_splitter_that_was_given_nothing_has_nothing() -> None:
    splitter = ThinkingSplitter()
    assert (splitter.feed(""), splitter.end(), splitter.has_thought) == (("", ""), ("", ""), False)


def chosen(tokens: list[tuple[str, tuple[str, ...]]]) -> tuple[list[str], list[list[str]]]:
    """Return the contents and the tokens of the deltas for pieces of text with these tokens, and of `done`."""
    fold = ChoiceFold()
    deltas = [fold.feed(token(text, tuple(map(logprob, parts)))) for text, parts in tokens] + [fold.feed(DONE)]
    return [delta.content for delta in deltas], [[each.token for each in delta.logprobs] for delta in deltas]


def test_a_token_comes_once_all_of_its_text_is_shown() -> None:
    contents, tokens = chosen([("He", ("He",)), ("llo ", ("llo S",)), ("Sun", ("un",))])
    assert contents == ["He", "llo ", "Sun", ""]
    assert tokens == [["He"], [], ["llo S", "un"], []]


def test_a_stop_string_inside_a_token_cuts_it() -> None:
    """The engine drops " STOP" and what follows it; the tokens are known from the text before."""
    assert chosen([("He", ("He",)), ("llo", ("llo ST",))])[1] == [["He"], [], ["llo"]]
    assert chosen([("Hello", ("Hello", " ST", "OP"))])[1] == [["Hello"], []]


def test_a_stop_string_inside_a_token_after_a_thought_cuts_it() -> None:
    thought = [("<think>", ("<think>",)), ("Hm", ("Hm",)), ("</think>", ("</think>",))]
    assert chosen([*thought, ("\nYes", ("\nYes",)), (" no", (" no ST",))])[1] == [[], [], [], ["\nYes"], [], [" no"]]


def test_a_token_that_is_cut_inside_a_character_has_its_bytes() -> None:
    shown = ShownLogprobs()
    shown.add([logprob("a\N{SNOWMAN}")])
    assert shown.shown("a") == []
    shown.forget()
    shown.add([ChosenLogprob(token="\ufffd", logprob=-1, bytes=(97, 0xE2, 0x98))])
    (cut,) = shown.shown("a", ended=True)
    assert (cut.token, cut.bytes) == ("a", None)
    shown.add([ChosenLogprob(token="\ufffd", logprob=-1, bytes=(0xE2, 0x98, 0x83, 97))])
    assert shown.shown("\N{SNOWMAN}", ended=True)[0].token == "\N{SNOWMAN}"
