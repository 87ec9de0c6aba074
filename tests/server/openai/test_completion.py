"""Text completions, without a server."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import RemoteProtocolError
from server.openai.completion_answer import CompletionAnswer
from server.openai.completion_request import read_completion
from server.openai.facts import AnswerFacts
from tests.server.openai.test_choice import DONE, logprob, token

FACTS = AnswerFacts("g", 1, "m", "M", "f")


def read(**fields: Any) -> Any:
    return read_completion(json.dumps({"prompt": "Hi", **fields}))


def test_a_completion_has_sixteen_tokens_unless_it_says_otherwise() -> None:
    assert [read(**each).params.max_tokens for each in ({}, {"max_tokens": 3}, {"max_tokens": -1})] == [16, 3, None]


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("a", ("a",)),
        (["a", "b"], ("a", "b")),
        ([1, 2], ((1, 2),)),
        ([[1, 2], [3]], ((1, 2), (3,))),
        (["a", [3]], ("a", (3,))),
    ],
)
def test_prompts_are_texts_or_tokens(prompt: Any, prompts: tuple[Any, ...]) -> None:
    assert read(prompt=prompt).prompts == prompts


@pytest.mark.parametrize("prompt", [None, "", [], [""], [[]], [1, "a"], [True], [1.5], {}, 7])
def test_other_prompts_are_refused(prompt: Any) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        read(prompt=prompt)
    assert str(refused.value.field).startswith("prompt")


def test_an_empty_suffix_is_none() -> None:
    assert read(suffix="", best_of=None) == read()
    with pytest.raises(RemoteProtocolError) as refused:
        read(suffix="x")
    assert refused.value.field == "suffix"


def test_choices_are_numbered_by_prompt() -> None:
    request = read(prompt=["a", "b"], n=2, seed=5)
    bodies = [request.generate(["a", "b"], FACTS, index) for index in range(request.count)]
    assert [(each.id, each.prompt, each.params.seed) for each in bodies] == [
        ("g", "a", 5),
        ("g.1", "a", 6),
        ("g.2", "b", 5),
        ("g.3", "b", 6),
    ]
    assert all(each.raw and each.on_detach_ms == 0 and each.model == "M" for each in bodies)


@given(st.lists(st.sampled_from(["a", "bc ", "é", "<think>"]), max_size=6), st.booleans())
def test_a_stream_and_a_whole_answer_agree(words: list[str], echo: bool) -> None:
    request = read(logprobs=None if echo else 1, echo=echo)
    answer = CompletionAnswer(request, ["Hi"], FACTS)
    chunks = list(answer.opening())
    for word in words:
        chunks += answer.feed(0, token(word, (logprob(word),)))
    chunks += answer.feed(0, DONE)
    whole = answer.whole()["choices"][0]
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == whole["text"] == "Hi" * echo + "".join(words)
    if not echo:
        parts = [chunk["choices"][0]["logprobs"] for chunk in chunks if chunk["choices"][0]["logprobs"]]
        for name, values in whole["logprobs"].items():
            assert [value for part in parts for value in part[name]] == values
        assert whole["logprobs"]["text_offset"] == [len("".join(words[:place])) for place in range(len(words))]


def test_a_prompt_is_counted_once_for_all_of_its_choices() -> None:
    answer = CompletionAnswer(read(prompt=["a", "b"], n=2), ["a", "b"], FACTS)
    for index in range(4):
        list(answer.feed(index, DONE))
    usage = answer.whole()["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (6, 20, 26)
