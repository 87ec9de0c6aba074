"""Text completions and tokens with the official client."""

from __future__ import annotations

from typing import Any

import pytest
from openai import BadRequestError, OpenAI
from openai.types import Completion

FIXED: Any = {"model": "any", "seed": 7, "temperature": 0}
PROMPT = "Once upon a time"


def whole(client: OpenAI, **fields: Any) -> Completion:
    """Return a whole answer, checked against the client's types."""
    answer = client.completions.create(**{"prompt": PROMPT, "max_tokens": 8, **FIXED, **fields})
    assert isinstance(answer, Completion)
    return Completion.model_validate(answer.model_dump())


def posted(client: OpenAI, path: str, body: dict[str, Any]) -> Any:
    base = str(client.base_url).removesuffix("/v1/")
    return client.post(f"{base}{path}", body=body, cast_to=object)


def test_a_prompt_is_completed(client: OpenAI) -> None:
    answer = whole(client)
    assert (answer.object, answer.model, len(answer.choices)) == ("text_completion", "starter", 1)
    assert answer.id.startswith("cmpl-")
    assert answer.usage and answer.usage.completion_tokens <= 8


def test_a_stream_has_the_same_text(client: OpenAI) -> None:
    chunks = list(
        client.completions.create(
            prompt=PROMPT, max_tokens=8, stream=True, stream_options={"include_usage": True}, **FIXED
        )
    )
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == whole(client).choices[0].text
    assert (chunks[-1].choices, chunks[-1].usage is not None) == ([], True)
    assert [chunk.choices[0].finish_reason is not None for chunk in chunks[:-1]][-2:] == [False, True]


def test_without_a_limit_there_are_sixteen_tokens_at_most(client: OpenAI) -> None:
    answer = client.completions.create(prompt=PROMPT, **FIXED)
    assert answer.usage and answer.usage.completion_tokens <= 16


def test_every_prompt_has_its_choices_in_order(client: OpenAI) -> None:
    answer = whole(client, prompt=["One", "Two"], n=2, echo=True)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert [choice.text[:3] for choice in answer.choices] == ["One", "One", "Two", "Two"]


def test_the_prompt_may_be_tokens(client: OpenAI) -> None:
    tokens = posted(client, "/tokenize", {"content": PROMPT, "add_special": True})["tokens"]
    assert all(isinstance(token, int) for token in tokens)
    of_text, of_tokens = whole(client), whole(client, prompt=tokens)
    assert of_tokens.choices[0].text == of_text.choices[0].text
    assert of_tokens.usage and of_text.usage and of_tokens.usage.prompt_tokens == of_text.usage.prompt_tokens


def test_logprobs_are_four_lists_of_one_length(client: OpenAI) -> None:
    choice = whole(client, logprobs=3).choices[0]
    found = choice.logprobs
    assert found and found.tokens and found.top_logprobs and found.text_offset and found.token_logprobs
    assert len(found.tokens) == len(found.token_logprobs) == len(found.top_logprobs) == len(found.text_offset)
    assert "".join(found.tokens) == choice.text
    assert found.text_offset == [len("".join(found.tokens[:place])) for place in range(len(found.tokens))]
    assert all(1 <= len(each) <= 3 for each in found.top_logprobs)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ["One", ""]}, "prompt[1]"),
        ({"prompt": [1, "One"]}, "prompt"),
        ({"prompt": [10**9]}, "prompt"),
        ({"prompt": ["One"] * 129}, "prompt"),
        ({"suffix": "end"}, "suffix"),
        ({"best_of": 2}, "best_of"),
        ({"logprobs": 6}, "logprobs"),
        ({"logprobs": 1, "echo": True}, "echo"),
        ({"prompt": "word " * 5000}, "prompt"),
        ({"temperature": 3}, "temperature"),
        ({"n": 0}, "n"),
    ],
)
def test_a_wrong_field_is_named(client: OpenAI, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        whole(client, **fields)
    assert refused.value.param == param


def test_tokens_and_text_are_each_others_inverse(client: OpenAI) -> None:
    text = "Hello <|end|> wörld 漢 🙂"
    tokens = posted(client, "/tokenize", {"content": text})["tokens"]
    assert posted(client, "/detokenize", {"tokens": tokens}) == {"content": text}
    pieces = posted(client, "/tokenize", {"content": text, "with_pieces": True})["tokens"]
    assert [each["id"] for each in pieces] == tokens
    begun = posted(client, "/tokenize", {"content": text, "add_special": True})["tokens"]
    assert begun[-len(tokens) :] == tokens


def tokens_of(client: OpenAI, content: Any, **fields: Any) -> Any:
    return posted(client, "/tokenize", {"content": content, **fields})["tokens"]


def test_control_tokens_in_a_text_are_recognised_unless_that_is_switched_off(client: OpenAI) -> None:
    assert len(tokens_of(client, "<|end|>")) == 1
    assert tokens_of(client, "<|end|>", parse_special=True) == tokens_of(client, "<|end|>")
    plain = tokens_of(client, "<|end|>", parse_special=False)
    assert len(plain) > 1
    assert posted(client, "/detokenize", {"tokens": plain}) == {"content": "<|end|>"}


def test_a_content_may_be_a_list_of_texts_and_tokens(client: OpenAI) -> None:
    one, two = tokens_of(client, "One"), tokens_of(client, " two")
    (begin,) = tokens_of(client, "", add_special=True)
    assert tokens_of(client, ["One", 7, " two"]) == [*one, 7, *two]
    assert tokens_of(client, ["One", 7, " two"], add_special=True) == [begin, *one, 7, *two]
    assert tokens_of(client, [7, "One"], add_special=True) == [7, *one]
    assert tokens_of(client, []) == []
    assert [each["id"] for each in tokens_of(client, [7, "One"], with_pieces=True)] == [7, *one]


def test_a_text_that_spells_the_first_token_keeps_it(client: OpenAI) -> None:
    (begin,) = tokens_of(client, "", add_special=True)
    spelled = posted(client, "/detokenize", {"tokens": [begin]})["content"]
    assert tokens_of(client, f"{spelled}One") == [begin, *tokens_of(client, "One")]
    assert tokens_of(client, f"{spelled}One", add_special=True) == [begin, *tokens_of(client, "One")]
    assert begin not in tokens_of(client, f"{spelled}One", parse_special=False)


def test_the_tokens_of_a_chat_are_counted(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "Hi"}]
    counted = client.post("/chat/completions/input_tokens", body={"messages": messages}, cast_to=object)
    answer = client.chat.completions.create(messages=messages, max_tokens=1, **FIXED)
    assert answer.usage and counted == {
        "object": "response.input_tokens",
        "input_tokens": answer.usage.prompt_tokens,
    }


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/tokenize", {}, "content"),
        ("/tokenize", {"content": 7}, "content"),
        ("/tokenize", {"content": "x" * 65_537}, "content"),
        ("/tokenize", {"content": [1.5]}, "content"),
        ("/tokenize", {"content": [True]}, "content"),
        ("/tokenize", {"content": [10**9]}, "content"),
        ("/tokenize", {"content": ["x"] * 1_025}, "content"),
        ("/tokenize", {"content": [1] * 65_537}, "content"),
        ("/tokenize", {"content": "x", "parse_special": "no"}, "parse_special"),
        ("/detokenize", {}, "tokens"),
        ("/detokenize", {"tokens": ["a"]}, "tokens"),
        ("/detokenize", {"tokens": [-1]}, "tokens"),
        ("/detokenize", {"tokens": [10**9]}, "tokens"),
    ],
)
def test_wrong_tokens_are_refused(client: OpenAI, path: str, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as refused:
        posted(client, path, body)
    assert refused.value.param == param


def test_embeddings_are_refused_for_good(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as refused:
        client.embeddings.create(model="any", input="Hello")
    assert refused.value.code == "unsupported_endpoint"
