"""Fold of a log into the events of a response."""

import json
from typing import Any

import msgspec
from hypothesis import given

from protocol.messages import Done, DoneReason
from server.openai.ended import failure_of
from server.openai.facts import AnswerFacts
from server.openai.response_answer import ResponseAnswer
from server.openai.response_request import read_response
from tests.server.openai.test_choice import DONE, TEXTS, token

FACTS = AnswerFacts("resp_1", 1, "m", "M", "f")


def answered(pieces: list[str], done: Done = DONE) -> tuple[ResponseAnswer, list[dict[str, Any]]]:
    answer = ResponseAnswer(read_response(json.dumps({"input": "Hi"})), FACTS)
    events = list(answer.opening())
    for piece in pieces:
        events += answer.feed(0, token(piece))
    return answer, events + list(answer.feed(0, done))


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


def test_an_answer_that_failed_ends_with_its_error() -> None:
    for reason, status in ((DoneReason.FAILED, "failed"), (DoneReason.CANCELLED, "cancelled")):
        done = msgspec.structs.replace(DONE, reason=reason)
        answer, events = answered(["Yes"], done)
        assert not events[-1]["type"].startswith(("response.completed", "response.incomplete"))
        failure = failure_of(done)
        assert failure
        last = answer.failed(failure)
        assert (last["type"], last["response"]["status"]) == ("response.failed", status)
        assert last["response"]["error"]["code"] == "server_error"
        assert last["sequence_number"] == len(events)
