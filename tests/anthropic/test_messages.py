"""Messages with Anthropic's official client: whole answers, streams, counts and errors."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from anthropic import Anthropic, BadRequestError, NotFoundError
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import BaseModel

HELLO: Any = [{"role": "user", "content": "Hello"}]
FIXED: Any = {"model": "any", "max_tokens": 12, "extra_body": {"temperature": 0, "seed": 7}}


def whole(client: Anthropic, **fields: Any) -> Message:
    """Return a whole message, checked against the client's types."""
    message = client.messages.create(**{"messages": HELLO, **FIXED, **fields})
    assert isinstance(message, Message)
    return Message.model_validate(message.model_dump())


def streamed(client: Anthropic, **fields: Any) -> list[RawMessageStreamEvent]:
    return list(client.messages.create(**{"messages": HELLO, **FIXED, **fields, "stream": True}))


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


CALL: Any = {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}}


class City(BaseModel):
    """Type for the client's own parsing. Its answers are short, whatever the model says."""

    size: Literal["small", "large"]
    coast: bool


def test_a_message_has_text_usage_and_the_true_model(client: Anthropic) -> None:
    message = whole(client)
    assert (message.type, message.role, message.model) == ("message", "assistant", "starter")
    assert message.id.startswith("msg_") and text_of(message)
    assert message.usage.output_tokens <= 12
    assert message.stop_reason in ("end_turn", "max_tokens")


def test_the_answer_is_that_of_a_chat(client: Anthropic) -> None:
    body = {"messages": HELLO, "max_tokens": 12, "temperature": 0, "seed": 7}
    chat: Any = client.post("/v1/chat/completions", body=body, cast_to=object)
    assert text_of(whole(client)) == chat["choices"][0]["message"]["content"]


def test_a_stream_has_the_same_message(client: Anthropic) -> None:
    events = streamed(client)
    kinds = [event.type for event in events]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    deltas = [event.delta for event in events if event.type == "content_block_delta"]
    assert "".join(delta.text for delta in deltas if delta.type == "text_delta") == text_of(whole(client))


def test_the_clients_own_helper_follows_a_stream(client: Anthropic) -> None:
    with client.messages.stream(messages=HELLO, **FIXED) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    once_more = whole(client)
    assert text == text_of(message) == text_of(once_more)
    assert message.stop_reason == once_more.stop_reason
    assert message.usage.output_tokens == once_more.usage.output_tokens


def test_the_first_event_has_the_size_of_the_prompt(client: Anthropic) -> None:
    first = streamed(client)[0]
    assert first.type == "message_start"
    count = client.messages.count_tokens(model="any", messages=HELLO)
    assert first.message.usage.input_tokens == count.input_tokens > 0


def test_the_parts_of_the_prompt_add_up(client: Anthropic) -> None:
    usage = whole(client).usage
    count = client.messages.count_tokens(model="any", messages=HELLO)
    assert usage.input_tokens + (usage.cache_read_input_tokens or 0) == count.input_tokens


def test_max_tokens_ends_a_message(client: Anthropic) -> None:
    message = whole(client, max_tokens=2)
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 2)


def test_a_message_ends_before_a_stop_sequence(client: Anthropic) -> None:
    text = text_of(whole(client))
    stop = text[3:6]
    message = whole(client, stop_sequences=["never written", stop])
    assert text_of(message) == text[: text.index(stop)]
    assert (message.stop_reason, message.stop_sequence) == ("stop_sequence", stop)
    delta = next(event for event in streamed(client, stop_sequences=[stop]) if event.type == "message_delta")
    assert (delta.delta.stop_reason, delta.delta.stop_sequence) == ("stop_sequence", stop)


def test_system_and_content_may_be_blocks(client: Anthropic) -> None:
    blocks: Any = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]
    assert text_of(whole(client, system="Be brief.")) == text_of(whole(client, system=blocks, messages=parts))
    assert whole(client, system="Be brief.").usage.input_tokens


def test_a_last_message_of_the_assistant_is_continued(client: Anthropic) -> None:
    begun = text_of(whole(client))[:5]
    message = whole(client, messages=[*HELLO, {"role": "assistant", "content": begun}])
    assert not text_of(message).startswith(begun)


def test_an_answer_is_parsed_into_a_type(client: Anthropic) -> None:
    message = client.messages.parse(messages=HELLO, output_format=City, **{**FIXED, "max_tokens": 200})
    assert isinstance(message.parsed_output, City)


def test_the_sampling_of_both_names_is_taken(client: Anthropic) -> None:
    sampling = {"top_p": 0.9, "top_k": 1, "temperature": 1.0, "min_p": 0.1, "seed": 7}
    message = whole(client, extra_body=sampling, metadata={"user_id": "me"}, service_tier="auto")
    assert text_of(message)
    whole(client, thinking={"type": "enabled", "budget_tokens": 1024}, cache_control={"type": "ephemeral"})


def test_tools_of_anthropics_own_are_left_out(client: Anthropic) -> None:
    tools: Any = [{"type": "web_search_20250305", "name": "web_search"}]
    assert text_of(whole(client, tools=tools)) == text_of(whole(client))
    own: Any = [{"name": "f", "input_schema": {"type": "object"}}]
    assert text_of(whole(client, tools=own, tool_choice={"type": "none"})) == text_of(whole(client))


def test_the_beta_client_has_the_same_answers(client: Anthropic) -> None:
    message = client.beta.messages.create(messages=HELLO, betas=["interleaved-thinking-2025-05-14"], **FIXED)
    assert message.content[0].type == "text" and message.content[0].text == text_of(whole(client))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"role": "narrator", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages"),
        ({"system": 7}, "system"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": [7]}, "stop_sequences"),
        ({"stop_sequences": ["x"] * 17}, "stop_sequences"),
        ({"stream": "yes"}, "stream"),
        ({"thinking": {"type": "hard"}}, "thinking.type"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {"$ref": "#/x"}}}}, "output_config.format"),
        ({"tools": "x"}, "tools"),
        ({"tools": [{"name": "f f", "input_schema": {"type": "object"}}]}, "tools[0].name"),
        (
            {"tools": [{"type": "bash_20250124", "name": "b"}, {"name": "f", "input_schema": 7}]},
            "tools[1].input_schema",
        ),
        ({"tools": [{"name": "f"}, {"name": "f"}]}, "tools"),
        ({"tool_choice": {"type": "any"}}, "tool_choice"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool", "name": "g"}, "tools": [{"name": "f"}]}, "tool_choice"),
        ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": 1}}, "tool_choice.disable_parallel_tool_use"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "messages[0].content[0].tool_use_id"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_use"}]}]}, "messages[0].content[0]"),
        ({"messages": [*HELLO, {"role": "assistant", "content": [CALL]}]}, "messages"),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, "prompt is too long"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_wrong_field_is_named(client: Anthropic, fields: dict[str, Any], named: str, stream: bool) -> None:
    body = {"messages": HELLO, "model": "any", "max_tokens": 12, "stream": stream, **fields}
    with pytest.raises(BadRequestError) as refused:
        client.post("/v1/messages", body=body, cast_to=object)
    error: Any = refused.value.body
    assert (error["type"], error["error"]["type"]) == ("error", "invalid_request_error")
    assert named in error["error"]["message"]


def test_max_tokens_is_required_but_not_for_a_count(client: Anthropic) -> None:
    with pytest.raises(BadRequestError, match="max_tokens: Field required"):
        client.post("/v1/messages", body={"model": "any", "messages": HELLO}, cast_to=object)
    assert client.messages.count_tokens(model="any", messages=HELLO, system="Be brief.").input_tokens > 0


def test_a_prompt_that_is_too_long_is_counted(client: Anthropic) -> None:
    many: Any = [{"role": "user", "content": "word " * 5000}]
    assert client.messages.count_tokens(model="any", messages=many).input_tokens > 2048


def test_addresses_below_are_refused_in_the_same_form(client: Anthropic) -> None:
    with pytest.raises(NotFoundError) as refused:
        client.messages.batches.list()
    error: Any = refused.value.body
    assert (error["type"], error["error"]["type"]) == ("error", "not_found_error")


def test_the_models_are_listed(client: Anthropic) -> None:
    models = client.models.list()
    assert [(model.id, model.type, bool(model.display_name)) for model in models] == [("starter", "model", True)]
    assert client.models.retrieve("starter").id == "starter"
