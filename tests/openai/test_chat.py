"""Chats with the official client: whole answers and streams."""

from __future__ import annotations

from typing import Any

import pytest
from openai import BadRequestError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

HELLO: Any = [{"role": "user", "content": "Hello"}]
FIXED: Any = {"model": "any", "seed": 7, "temperature": 0, "max_tokens": 12}


def whole(client: OpenAI, **fields: Any) -> ChatCompletion:
    """Return a whole answer, checked against the client's types."""
    answer = client.chat.completions.create(**{"messages": HELLO, **FIXED, **fields})
    assert isinstance(answer, ChatCompletion)
    return ChatCompletion.model_validate(answer.model_dump())


def streamed(client: OpenAI, **fields: Any) -> list[ChatCompletionChunk]:
    """Return all chunks of a stream, checked against the client's types."""
    chunks = client.chat.completions.create(**{"messages": HELLO, **FIXED, **fields, "stream": True})
    return [ChatCompletionChunk.model_validate(chunk.model_dump()) for chunk in chunks]


def text_of(chunks: list[ChatCompletionChunk], index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk.choices if choice.index == index]
    return "".join(choice.delta.content or "" for choice in choices)


def test_an_answer_has_every_field_and_the_true_model(client: OpenAI) -> None:
    answer = whole(client)
    assert (answer.object, answer.model) == ("chat.completion", "starter")
    assert answer.id.startswith("chatcmpl-")
    message = answer.choices[0].message
    assert (message.role, message.refusal, bool(message.content)) == ("assistant", None, True)
    usage = answer.usage
    assert usage and usage.prompt_tokens_details and usage.completion_tokens_details
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert 0 < usage.completion_tokens <= 12


def test_a_stream_has_the_same_answer(client: OpenAI) -> None:
    chunks = streamed(client)
    assert text_of(chunks) == whole(client).choices[0].message.content
    assert {(chunk.id, chunk.created, chunk.model) for chunk in chunks} == {
        (chunks[0].id, chunks[0].created, "starter")
    }
    assert chunks[0].choices[0].delta.role == "assistant"
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert reasons[-1] in ("stop", "length") and set(reasons[:-1]) == {None}
    assert all(chunk.choices[0].delta.content for chunk in chunks[1:-1])


def test_the_usage_of_a_stream_comes_last_if_it_is_asked_for(client: OpenAI) -> None:
    chunks = streamed(client, stream_options={"include_usage": True})
    assert (chunks[-1].choices, chunks[-1].usage is not None) == ([], True)
    assert all(chunk.choices and chunk.usage is None for chunk in chunks[:-1])
    usage, of_whole = chunks[-1].usage, whole(client).usage
    assert usage and of_whole and usage.completion_tokens == of_whole.completion_tokens


def test_the_clients_own_stream_helper_reads_several_choices(client: OpenAI) -> None:
    with client.chat.completions.stream(messages=HELLO, n=2, **{**FIXED, "max_tokens": 200}) as stream:
        for _ in stream:
            pass
        answer = stream.get_final_completion()
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.message.role == "assistant" and choice.message.content for choice in answer.choices)


def test_a_stream_begins_with_each_choice_in_order(client: OpenAI) -> None:
    chunks = streamed(client, n=3)
    assert [chunk.choices[0].index for chunk in chunks[:3]] == [0, 1, 2]
    assert all(chunk.choices[0].delta.role == "assistant" for chunk in chunks[:3])


def test_max_tokens_ends_an_answer_with_length(client: OpenAI) -> None:
    for limit in ({"max_tokens": 2}, {"max_completion_tokens": 2, "max_tokens": 9}):
        answer = whole(client, **limit)
        assert answer.usage and (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 2)


def test_an_answer_ends_before_a_stop_string(client: OpenAI) -> None:
    text = whole(client).choices[0].message.content or ""
    stop = text[3:6]
    for given in (stop, [stop]):
        answer = whole(client, stop=given)
        assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (
            text[: text.index(stop)],
            "stop",
        )


def test_the_usage_counts_all_choices(client: OpenAI) -> None:
    one, three = whole(client).usage, whole(client, n=3)
    assert [choice.index for choice in three.choices] == [0, 1, 2]
    assert one and three.usage and three.usage.completion_tokens == 3 * one.completion_tokens
    assert three.usage.prompt_tokens == one.prompt_tokens


def test_choices_with_one_seed_differ_and_repeat(client: OpenAI) -> None:
    wild: Any = {"n": 3, "temperature": 2, "top_p": 1, "max_tokens": 24, "extra_body": {"top_k": 0, "min_p": 0}}
    first, second = whole(client, **wild), whole(client, **wild)
    texts = [choice.message.content for choice in first.choices]
    assert len(set(texts)) == 3
    assert texts == [choice.message.content for choice in second.choices]


def test_logprobs_add_up_to_the_content_that_a_stop_string_ends_inside_a_token(client: OpenAI) -> None:
    asked: Any = {"logprobs": True, "top_logprobs": 1}
    free = whole(client, **asked).choices[0]
    assert free.logprobs and free.logprobs.content
    text = free.message.content or ""
    tokens = [each.token for each in free.logprobs.content]
    places = [sum(map(len, tokens[:place])) for place in range(len(tokens))]
    stops = {tokens[n][1:] for n in range(1, len(tokens)) if len(tokens[n]) > 2}
    stop = next(each for each in sorted(stops) if text.index(each) not in places)
    stopped = whole(client, stop=stop, **asked).choices[0]
    assert stopped.message.content == text[: text.index(stop)]
    assert stopped.logprobs and stopped.logprobs.content
    shown = [each.token for each in stopped.logprobs.content]
    assert "".join(shown) == stopped.message.content
    parts = [chunk.choices[0].logprobs for chunk in streamed(client, stop=stop, **asked)]
    assert [each.token for part in parts if part for each in part.content or []] == shown


def test_logprobs_add_up_to_the_content(client: OpenAI) -> None:
    answer = whole(client, logprobs=True, top_logprobs=3)
    logprobs = answer.choices[0].logprobs
    assert logprobs and logprobs.content
    assert "".join(each.token for each in logprobs.content) == answer.choices[0].message.content
    assert b"".join(bytes(each.bytes or []) for each in logprobs.content).decode() == answer.choices[0].message.content
    assert all(len(each.top_logprobs) == 3 for each in logprobs.content)
    parts = [chunk.choices[0].logprobs for chunk in streamed(client, logprobs=True, top_logprobs=3)]
    tokens = [each.token for part in parts if part for each in part.content or []]
    assert tokens == [each.token for each in logprobs.content]


def test_a_biased_token_is_always_chosen(client: OpenAI) -> None:
    answer = whole(client, logit_bias={"300": 100}, max_tokens=3, logprobs=True)
    logprobs = answer.choices[0].logprobs
    assert logprobs and logprobs.content and len({each.token for each in logprobs.content}) == 1


def test_parts_and_nulls_are_read_as_text(client: OpenAI) -> None:
    parts = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    assert whole(client, messages=parts).choices[0].message.content == whole(client).choices[0].message.content
    whole(client, stop=None, logit_bias=None, tools=None, response_format=None, user="me", parallel_tool_calls=True)


def test_the_tier_and_the_metadata_are_repeated(client: OpenAI) -> None:
    answer = whole(client, service_tier="flex", metadata={"a": "b"}, max_tokens=2)
    assert (answer.service_tier, answer.model_dump()["metadata"]) == ("default", {"a": "b"})
    chunks = streamed(client, service_tier="auto", max_tokens=2, stream_options={"include_usage": True})
    assert {chunk.service_tier for chunk in chunks} == {"default"}
    assert whole(client, max_tokens=2).service_tier is None


def test_unknown_fields_are_ignored(client: OpenAI) -> None:
    assert whole(client, extra_body={"options": {"x": 1}, "cache": True, "max_tokens": 12}).choices


def test_a_prompt_that_is_too_long_is_refused_before_the_stream(client: OpenAI) -> None:
    for stream in (False, True):
        with pytest.raises(BadRequestError) as refused:
            client.chat.completions.create(
                model="any", messages=[{"role": "user", "content": "word " * 5000}], max_tokens=2, stream=stream
            )
        assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "messages")
        words = r"This model's maximum context length is 2048 tokens. However, your messages resulted in "
        assert words in refused.value.message


def test_an_answer_is_a_generation_that_other_clients_see(client: OpenAI) -> None:
    answer = whole(client)
    base = str(client.base_url).removesuffix("/v1/")
    state = client.get(f"{base}/generations/{answer.id}", cast_to=object)
    assert isinstance(state, dict)
    assert (state["text"], state["state"]) == (answer.choices[0].message.content, "done")
