"""Fold of a log into the events of a response."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Done, DoneReason
from server.openai.errors import error_reply
from server.openai.facts import AnswerFacts
from server.openai.response_answer import ResponseAnswer
from server.openai.response_request import read_response
from tests.server.openai.test_choice import DONE, TEXTS, token

FACTS = AnswerFacts("resp_1", 1, "m", "M", "f")


def answered(pieces: list[str], done: Done = DONE) -> tuple[ResponseAnswer, list[dict[str, Any]]]:
    answer = ResponseAnswer(FACTS.id, read_response(json.dumps({"input": "Hi"})).note(FACTS, []))
    events = list(answer.opening())
    for piece in pieces:
        events += answer.feed(token(piece))
    return answer, events + list(answer.feed(done))


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
