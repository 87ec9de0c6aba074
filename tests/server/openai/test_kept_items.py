"""Items as they are kept, and their pages."""

from typing import Any

import pytest

from protocol.messages import Generate
from server.openai import response_note
from server.openai.errors import RefusedError
from server.openai.facts import AnswerFacts
from server.openai.kept_items import kept_items, page_of
from server.openai.response_note import ResponseNote, decoded_note, encoded_note
from server.openai.response_request import read_response

FACTS = AnswerFacts("resp_1", 1, "m", "M", "f")
ITEMS: list[dict[str, Any]] = [{"id": f"i{number}"} for number in range(25)]


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["data"]]


def test_each_item_has_an_id_a_type_and_parts() -> None:
    kept = kept_items(
        [
            {"role": "user", "content": "Hi"},
            {"type": "message", "role": "assistant", "content": "Ho", "id": "mine"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "7"},
            {"type": "reasoning", "id": 7},
            {"role": "user", "content": [{"type": "input_text", "text": "Hu"}]},
        ],
        "resp_ab",
        3,
    )
    assert [item["id"] for item in kept] == ["msg_abi3", "mine", "fc_abi5", "fco_abi6", "rs_abi7", "msg_abi8"]
    assert [item["type"] for item in kept] == [
        "message",
        "message",
        "function_call",
        "function_call_output",
        "reasoning",
        "message",
    ]
    assert kept[0]["content"] == [{"type": "input_text", "text": "Hi"}]
    assert kept[1]["content"] == [{"type": "output_text", "text": "Ho", "annotations": [], "logprobs": []}]
    assert kept[4]["summary"] == []
    assert all(item["status"] == "completed" for item in kept)


def test_a_page_begins_after_an_item() -> None:
    first = page_of(ITEMS, {})
    assert (ids(first), first["has_more"]) == ([f"i{number}" for number in range(24, 4, -1)], True)
    assert (first["first_id"], first["last_id"]) == ("i24", "i5")
    second = page_of(ITEMS, {"after": first["last_id"]})
    assert (ids(second), second["has_more"]) == (["i4", "i3", "i2", "i1", "i0"], False)
    assert ids(page_of(ITEMS, {"order": "asc", "limit": "2", "after": "i1"})) == ["i2", "i3"]
    assert page_of([], {})["first_id"] is None


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "nobody"}, "after"),
    ],
)
def test_a_wrong_query_is_named(query: dict[str, str], param: str) -> None:
    with pytest.raises(RefusedError) as refused:
        page_of(ITEMS, query)
    assert refused.value.field == param


def test_a_note_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    note = ResponseNote(created=1, model="m", told={"a": [1]}, items=ITEMS, split=False)
    assert decoded_note(encoded_note(note)) == note
    monkeypatch.setattr(response_note, "MAX_BYTES", 100)
    with pytest.raises(RefusedError, match="without previous_response_id"):
        encoded_note(note)


def test_a_generation_without_a_note_is_no_response() -> None:
    assert decoded_note("") is None


def test_the_dialogue_has_the_earlier_items_but_not_their_instructions() -> None:
    first = read_response('{"input":"Hi","instructions":"Be brief."}')
    history = [*first.note(FACTS, []).items, {"type": "message", "role": "assistant", "content": "Ho"}]
    second = read_response('{"input":"Hu","previous_response_id":"resp_1"}')
    found: Generate = second.generate(FACTS, second.dialogue(history))
    assert [(message.role, message.content) for message in found.messages or ()] == [
        ("user", "Hi"),
        ("assistant", "Ho"),
        ("user", "Hu"),
    ]
    assert [item["id"] for item in second.note(FACTS, history[:1]).items] == ["msg_1i0", "msg_1i1"]


def test_after_an_answer_there_must_be_new_input() -> None:
    asked = read_response('{"previous_response_id":"resp_1"}')
    with pytest.raises(RefusedError, match="at least one item"):
        asked.dialogue([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}])
    assert asked.dialogue([{"role": "user", "content": "Hi"}]).messages
