"""Fold of a log into the events of a response."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Done, DoneReason
from server.openai.errors import RefusedError, error_reply
from server.openai.facts import AnswerFacts
from server.openai.response_answer import ResponseAnswer
from server.openai.response_request import PLACEHOLDER, read_response, response_request
from tests.server.openai.test_choice import DONE, TEXTS, token

FACTS = AnswerFacts("resp_1", 1, "m", "M", "f")


def answered(pieces: list[str], done: Done = DONE) -> tuple[ResponseAnswer, list[dict[str, Any]]]:
    answer = ResponseAnswer(FACTS.id, read_response(json.dumps({"input": "Hi"})).note(FACTS, []))
    events = list(answer.opening())
    for piece in pieces:
        events += answer.feed(token(piece))
    return answer, events + list(answer.feed(done))


def called(pieces: list[str]) -> tuple[ResponseAnswer, list[dict[str, Any]]]:
    """Return the answer to a request with a function, and its events."""
    body = {"input": "Hi", "tools": [{"type": "function", "name": "add"}, {"type": "web_search"}]}
    answer = ResponseAnswer(FACTS.id, read_response(json.dumps(body)).note(FACTS, []))
    events = list(answer.opening())
    for piece in pieces:
        events += answer.feed(token(piece))
    return answer, events + list(answer.feed(DONE))


CALLS = (
    '<think>Hm.</think>I add.<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call> Then '
    '<tool_call>{"name": "add"}</tool_call>'
)


@pytest.mark.parametrize("size", [1, 4, 19, 500])
def test_calls_are_items_of_their_own(size: int) -> None:
    answer, events = called([CALLS[start : start + size] for start in range(0, len(CALLS), size)])
    output = answer.whole()["output"]
    kinds = [item["type"] for item in output]
    assert kinds[:3] == ["reasoning", "message", "function_call"] and kinds[-1] == "function_call"
    calls = [item for item in output if item["type"] == "function_call"]
    assert [(call["name"], call["arguments"], call["status"]) for call in calls] == [
        ("add", '{"a": 1}', "completed"),
        ("add", "{}", "completed"),
    ]
    assert len({call["call_id"] for call in calls} | {call["id"] for call in calls}) == 4
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == output
    for call in calls:
        own = [event for event in events if event.get("item_id") == call["id"]]
        deltas = [each["delta"] for each in own if each["type"] == "response.function_call_arguments.delta"]
        assert "".join(deltas) == call["arguments"] and "" not in deltas
        assert own[-1]["type"] == "response.function_call_arguments.done"
        assert (own[-1]["name"], own[-1]["arguments"]) == (call["name"], call["arguments"])
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert answer.whole()["tools"] == [
        {"type": "function", "name": "add", "description": None, "parameters": None, "strict": False}
    ]


def test_items_of_calls_and_results_become_messages() -> None:
    items = [
        {"role": "user", "content": "2 + 3, and 4 + 5?"},
        {"role": "assistant", "content": "I add."},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "add", "arguments": ""},
        {"type": "function_call_output", "call_id": "c1", "output": "5"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "9"}]},
    ]
    messages = read_response(json.dumps({"input": items})).dialogue([]).messages
    assert [(each.role, each.content, each.tool_call_id) for each in messages] == [
        ("user", "2 + 3, and 4 + 5?", None),
        ("assistant", "I add.", None),
        ("tool", "5", "c1"),
        ("tool", "9", "c2"),
    ]
    assert [(call.id, call.function.arguments) for call in messages[1].tool_calls or ()] == [("c1", "{}"), ("c2", "{}")]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [7]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice"),
        ({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "output": "5"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, "input"),
    ],
)
def test_wrong_tools_are_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_response(json.dumps({"input": "Hi", **fields})).dialogue([])
    assert refused.value.field == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"reasoning": {"effort": 7}}, "reasoning.effort"),
        ({"metadata": {"a": 7}}, "metadata"),
        ({"metadata": {"a": "x" * 513}}, "metadata"),
        ({"metadata": {"a" * 65: "x"}}, "metadata"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read_response(json.dumps({"input": "Hi", **fields}))
    assert (refused.value.field, refused.value.kind.status) == (param, 400)
    assert param in refused.value.message


def test_metadata_is_repeated_up_to_its_limits() -> None:
    metadata = {f"{n:064}": "x" * 512 for n in range(16)}
    assert read_response(json.dumps({"input": "Hi", "metadata": metadata})).told["metadata"] == metadata


def test_the_effort_reaches_the_template() -> None:
    request = read_response(json.dumps({"input": "Hi", "reasoning": {"effort": "low"}}))
    assert request.generate(FACTS, request.dialogue([])).reasoning_effort == "low"


def test_a_thought_belongs_to_the_answer_after_it() -> None:
    def thought(text: str) -> dict[str, Any]:
        return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": text}]}

    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    items = [
        {"role": "user", "content": "Hi"},
        *(thought("I greet."), {"role": "assistant", "content": "Hello"}),
        *(thought("Unsaid."), {"role": "user", "content": "Add"}),
        *({"type": "reasoning", "summary": [], "content": None}, thought("I call."), call),
        {"type": "function_call_output", "call_id": "c", "output": "5"},
    ]
    messages = read_response(json.dumps({"input": items})).dialogue([]).messages
    assert [(each.role, each.content) for each in messages] == [
        ("user", "Hi"),
        ("assistant", "<think>\nI greet.\n</think>\n\nHello"),
        ("user", "Add"),
        ("assistant", "<think>\nI call.\n</think>\n\n"),
        ("tool", "5"),
    ]
    assert messages[3].tool_calls
    with pytest.raises(RefusedError) as refused:
        read_response(json.dumps({"input": [{"type": "reasoning", "content": [7]}]}))
    assert refused.value.field == "input[0].content[0]"


def rebuilt(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the output that a client builds from the events, after a check of their order."""
    items: list[dict[str, Any]] = []
    is_open = False
    for event in events[2:-1]:
        kind, index = event["type"].removeprefix("response."), event["output_index"]
        if kind == "output_item.added":
            assert not is_open and index == len(items)
            items.append(event["item"])
            is_open = True
            continue
        assert is_open and index == len(items) - 1
        assert event.get("item_id", items[index]["id"]) == items[index]["id"]
        if kind == "content_part.added":
            items[index]["content"].append(dict(event["part"]))
        elif kind.endswith(".delta"):
            items[index]["content"][0]["text"] += event["delta"]
        elif kind.endswith("text.done"):
            assert event["text"] == items[index]["content"][0]["text"]
        elif kind == "content_part.done":
            assert event["part"]["text"] == items[index]["content"][0]["text"]
        else:
            assert kind == "output_item.done"
            items[index], is_open = event["item"], False
    assert not is_open
    return items


@given(TEXTS)
def test_the_events_build_the_final_output(words: list[str]) -> None:
    answer, events = answered(words)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    last = events[-1]
    assert last["type"] == "response.completed"
    assert last["response"] == answer.whole()
    assert rebuilt(events) == last["response"]["output"]


def test_thinking_is_an_item_of_its_own() -> None:
    _, events = answered(["<think>", "Hm", "</think>", "Yes"])
    thought, message = events[-1]["response"]["output"]
    assert (thought["type"], thought["id"], thought["content"][0]["text"]) == ("reasoning", "rs_10", "Hm")
    assert (message["type"], message["id"], message["content"][0]["text"]) == ("message", "msg_11", "Yes")


def test_an_empty_answer_has_an_empty_message() -> None:
    _, events = answered([])
    assert [item["content"][0]["text"] for item in events[-1]["response"]["output"]] == [""]


def test_an_answer_that_was_cut_is_incomplete() -> None:
    answer, events = answered(["Yes"], msgspec.structs.replace(DONE, reason=DoneReason.LENGTH))
    response = answer.whole()
    assert (events[-1]["type"], response["status"]) == ("response.incomplete", "incomplete")
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("reason", "status"),
    [(DoneReason.FAILED, "failed"), (DoneReason.INTERRUPTED, "failed"), (DoneReason.CANCELLED, "cancelled")],
)
def test_an_answer_that_failed_ends_with_its_error(reason: DoneReason, status: str) -> None:
    answer, events = answered(["Yes"], msgspec.structs.replace(DONE, reason=reason))
    last = events[-1]
    assert (last["type"], last["response"]["status"]) == ("response.failed", status)
    assert last["response"] == answer.whole()
    assert last["response"]["output"][0]["status"] == "incomplete"
    assert (last["response"]["error"] or {}).get("code") == ("server_error" if status == "failed" else None)


def test_a_stream_that_can_not_be_read_further_ends_as_failed() -> None:
    answer = ResponseAnswer(FACTS.id, read_response('{"input":"Hi"}').note(FACTS, []))
    events = [*answer.opening(), *answer.feed(token("Yes"))]
    last = answer.failed(error_reply(RemoteProtocolError(ErrorCode.BUSY, "going down")))
    assert (last["type"], last["sequence_number"]) == ("response.failed", len(events))
    assert last["response"]["error"] == {"code": "server_error", "message": "going down"}
    assert last["response"]["output"][0]["content"][0]["text"] == "Yes"


def test_a_response_in_the_background_waits_in_the_queue_first() -> None:
    answer = ResponseAnswer(FACTS.id, read_response('{"input":"Hi","background":true}').note(FACTS, []))
    events = [*answer.opening(), *answer.began(), *answer.began(), *answer.feed(token("Yes"))]
    assert [event["type"] for event in events[:4]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.output_item.added",
    ]
    assert [event["response"]["status"] for event in events[:3]] == ["queued", "queued", "in_progress"]
    assert answer.whole(waiting=True)["status"] == "queued"


def test_a_warm_up_has_no_output_whatever_was_computed() -> None:
    note = response_request({"input": [], "instructions": "Be brief."}, warm=True).note(FACTS, [])
    answer = ResponseAnswer(FACTS.id, note)
    done = msgspec.structs.replace(DONE, reason=DoneReason.LENGTH)
    events = [*answer.opening(), *answer.began(), *answer.feed(token("Yes")), *answer.feed(done)]
    assert [event["type"] for event in events] == ["response.created", "response.completed"]
    response = answer.whole()
    assert (response["output"], response["usage"]["output_tokens"]) == ([], 0)
    assert response["usage"]["total_tokens"] == response["usage"]["input_tokens"]


@pytest.mark.parametrize(
    ("reason", "status", "cut"),
    [
        (DoneReason.CANCELLED, "incomplete", "steered"),
        (DoneReason.STOP, "completed", None),
        (DoneReason.LENGTH, "incomplete", "max_output_tokens"),
        (DoneReason.FAILED, "failed", None),
    ],
)
def test_only_an_answer_that_was_stopped_is_steered(reason: DoneReason, status: str, cut: str | None) -> None:
    answer = ResponseAnswer(FACTS.id, read_response('{"input":"Hi"}').note(FACTS, []))
    events = [*answer.opening(), *answer.feed(token("Yes"))]
    answer.steered = True
    events += answer.feed(msgspec.structs.replace(DONE, reason=reason))
    response = events[-1]["response"]
    assert (response["status"], (response["incomplete_details"] or {}).get("reason")) == (status, cut)
    if cut:
        assert rebuilt(events) == response["output"]


@pytest.mark.parametrize("items", [[], [{"role": "system", "content": "x"}], [{"role": "user", "content": " "}]])
def test_the_prompt_of_a_warm_up_ends_with_the_user(items: list[Any]) -> None:
    asked = response_request({"input": items, "instructions": "Be brief."}, warm=True)
    generate = asked.generate(FACTS, asked.dialogue([]))
    assert generate.messages and generate.messages[-1].content == PLACEHOLDER
    assert generate.params and generate.params.max_tokens == 1
