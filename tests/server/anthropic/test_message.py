"""Fold of a log into the events of Anthropic's API, and the errors."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from protocol.messages import ChatMessage, Done, DoneReason
from server.anthropic.errors import anthropic_error
from server.anthropic.message_answer import MessageAnswer
from server.anthropic.message_request import MessageRequest, read_count, read_message
from server.openai.errors import ErrorKind, ErrorReply, RefusedError, error_body
from server.openai.facts import AnswerFacts
from tests.server.openai.test_choice import DONE, TEXTS, token

FACTS = AnswerFacts("msg_1", 1, "m", "M", "f")
HELLO = [{"role": "user", "content": "Hi"}]


def request(**fields: Any) -> MessageRequest:
    return read_message(json.dumps({"messages": HELLO, "max_tokens": 9, **fields}))


def dialogue(*messages: dict[str, Any], **fields: Any) -> tuple[ChatMessage, ...]:
    return read_count(json.dumps({"messages": messages, **fields})).dialogue.messages


def answered(
    pieces: list[str], done: Done = DONE, asked: MessageRequest | None = None
) -> tuple[MessageAnswer, list[dict[str, Any]]]:
    answer = MessageAnswer(asked or request(), FACTS)
    events = list(answer.opening(5))
    for piece in pieces:
        events += answer.feed(token(piece))
    return answer, events + list(answer.feed(done))


def rebuilt(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the content that a client builds from the events, after a check of their order."""
    blocks: list[dict[str, Any]] = []
    is_open = False
    for event in events:
        kind = event["type"].removeprefix("content_block_")
        if kind == "start":
            assert not is_open and event["index"] == len(blocks)
            blocks.append(dict(event["content_block"]))
            is_open = True
        elif kind in ("delta", "stop"):
            assert is_open and event["index"] == len(blocks) - 1
            is_open = kind == "delta"
        if kind == "delta":
            name = event["delta"]["type"].removesuffix("_delta")
            assert event["delta"][name]
            blocks[-1][name] += event["delta"][name]
    assert not is_open
    return blocks


@given(TEXTS)
def test_the_events_build_the_final_content(words: list[str]) -> None:
    answer, events = answered(words)
    assert [event["type"] for event in (events[0], *events[-2:])] == ["message_start", "message_delta", "message_stop"]
    whole = answer.whole()
    assert rebuilt(events) == whole["content"]
    assert (events[-2]["usage"], events[-2]["delta"]["stop_reason"]) == (whole["usage"], whole["stop_reason"])


def test_thinking_is_a_block_of_its_own() -> None:
    answer, _ = answered(["<thi", "nk>One", " two</think>", "\n\nThree"])
    assert answer.whole()["content"] == [
        {"type": "thinking", "thinking": "One two", "signature": "msg_1"},
        {"type": "text", "text": "Three"},
    ]


@pytest.mark.parametrize(
    ("thinking", "shown"),
    [
        ({"type": "disabled"}, []),
        ({"type": "adaptive", "display": "omitted"}, [{"type": "thinking", "thinking": "", "signature": "msg_1"}]),
        ({"type": "adaptive"}, [{"type": "thinking", "thinking": "One", "signature": "msg_1"}]),
    ],
)
def test_thinking_is_sent_as_the_client_wants_it(thinking: dict[str, str], shown: list[dict[str, str]]) -> None:
    answer, events = answered(["<think>One</think>Two"], asked=request(thinking=thinking))
    assert rebuilt(events) == answer.whole()["content"] == [*shown, {"type": "text", "text": "Two"}]


@pytest.mark.parametrize(
    ("done", "reason", "sequence"),
    [
        (DONE, "end_turn", None),
        (msgspec.structs.replace(DONE, stop_string="###"), "stop_sequence", "###"),
        (msgspec.structs.replace(DONE, stop_string="<|im_end|>"), "end_turn", None),
        (msgspec.structs.replace(DONE, reason=DoneReason.LENGTH, limit="max_tokens"), "max_tokens", None),
        (
            msgspec.structs.replace(DONE, reason=DoneReason.LENGTH, limit="context"),
            "model_context_window_exceeded",
            None,
        ),
    ],
)
def test_a_message_says_why_it_ended(done: Done, reason: str, sequence: str | None) -> None:
    answer, events = answered(["Hi"], done, request(stop_sequences=["###"]))
    for found in (answer.whole(), events[-2]["delta"]):
        assert (found["stop_reason"], found["stop_sequence"]) == (reason, sequence)


def test_a_failed_answer_has_no_end() -> None:
    _, events = answered(["Hi"], msgspec.structs.replace(DONE, reason=DoneReason.FAILED))
    assert [event["type"] for event in events[2:]] == ["content_block_start", "content_block_delta"]


def test_neighbouring_messages_of_one_role_are_joined() -> None:
    found = dialogue(HELLO[0], HELLO[0], {"role": "assistant", "content": "A"}, HELLO[0], system="S")
    assert [(message.role, message.content) for message in found] == [
        ("system", "S"),
        ("user", "Hi\nHi"),
        ("assistant", "A"),
        ("user", "Hi"),
    ]


def test_blocks_of_thoughts_calls_and_results_are_parts_of_the_dialogue() -> None:
    blocks = [
        {"type": "thinking", "thinking": "One", "signature": "x"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "Two"},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "R"}]},
        {"type": "tool_result", "tool_use_id": "u"},
        {"type": "text", "text": "And now?"},
    ]
    found = dialogue(HELLO[0], {"role": "assistant", "content": blocks}, {"role": "user", "content": results})
    assert found[1].content == "<think>\nOne\n</think>\n\nTwo"
    assert [(call.id, call.function.name, call.function.arguments) for call in found[1].tool_calls or ()] == [
        ("t", "f", '{"a":1}')
    ]
    assert [(message.role, message.content, message.tool_call_id) for message in found[2:]] == [
        ("tool", "R", "t"),
        ("tool", "", "u"),
        ("user", "And now?", None),
    ]


CALLED = '<tool_call>\n{"name": "f", "arguments": {"a": 1}}\n</tool_call>'


def test_calls_are_blocks_after_the_text() -> None:
    asked = request(tools=[{"name": "f", "input_schema": {"type": "object"}}])
    answer, events = answered(["So: ", CALLED, CALLED], asked=asked)
    text, *calls = answer.whole()["content"]
    assert text["text"].strip() == "So:"
    assert [(call["type"], call["name"], call["input"]) for call in calls] == [("tool_use", "f", {"a": 1})] * 2
    assert calls[0]["id"] != calls[1]["id"]
    assert events[-2]["delta"]["stop_reason"] == answer.whole()["stop_reason"] == "tool_use"
    starts = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
    assert starts == ["text", "tool_use", "tool_use"]
    parts = [
        event["delta"]["partial_json"]
        for event in events
        if event["type"] == "content_block_delta" and event["index"] == 1
    ]
    assert json.loads("".join(parts)) == {"a": 1}


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, "none"),
        ({"output_config": {"effort": "low"}}, "low"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, "high"),
    ],
)
def test_the_template_gets_the_effort(fields: dict[str, Any], effort: str | None) -> None:
    assert request(**fields).generate(FACTS).reasoning_effort == effort


def test_null_is_the_same_as_left_out() -> None:
    asked = request(system=None, stop_sequences=None, tools=None, thinking=None, output_config={"format": None})
    assert (asked.params.stop, asked.params.json_schema, asked.stream) == (None, None, False)


@pytest.mark.parametrize(
    ("status", "sent", "kind"),
    [
        (400, 400, "invalid_request_error"),
        (401, 401, "authentication_error"),
        (403, 403, "permission_error"),
        (404, 404, "not_found_error"),
        (405, 405, "invalid_request_error"),
        (413, 413, "request_too_large"),
        (429, 429, "rate_limit_error"),
        (500, 500, "api_error"),
        (503, 529, "overloaded_error"),
    ],
)
def test_an_error_has_the_type_of_its_status(status: int, sent: int, kind: str) -> None:
    headers = {"retry-after": "1"}
    reply = anthropic_error(ErrorReply(status, error_body("words", ErrorKind(status, "x", None)), headers))
    assert (reply.status, reply.headers) == (sent, headers)
    assert reply.body == {"type": "error", "error": {"type": kind, "message": "words"}}


def test_an_effort_that_is_no_word_is_named() -> None:
    with pytest.raises(RefusedError) as refused:
        request(output_config={"effort": 7})
    assert refused.value.field == "output_config.effort"
