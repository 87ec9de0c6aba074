"""The size of prompts behind an upstream with a tokenizer, and dialogues that are too long for it."""

import json
from typing import Any

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import ChatMessage, Generate, Params
from server.engine.base import EngineDeadError
from server.writers.upstream.asked import read_asked
from tests.server.writers.upstream.scripted import COUNTING, Scripted
from tests.server.writers.upstream.scripted_reply import PROMPT, words
from tests.server.writers.upstream.writing import Writing, writing

CONTEXT = 2048
"""Context of the scripted llama-server, in tokens."""


def dialogue(turns: int, length: int, system: str = "") -> tuple[ChatMessage, ...]:
    """Return questions of ``length`` words with short answers, and a last question."""
    messages = [ChatMessage(role="system", content=system)] if system else []
    for number in range(turns):
        messages.append(ChatMessage(role="user", content=f"q{number}" + " word" * (length - 1)))
        messages.append(ChatMessage(role="assistant", content="Yes."))
    return (*messages, ChatMessage(role="user", content="last one"))


def asked_paths(scripted: Scripted) -> list[str]:
    return [each.path for each in scripted.seen if each.path in COUNTING]


def test_a_prompt_is_counted_by_the_upstream_with_its_own_template(llama: Scripted, desk: Writing) -> None:
    size = desk.writer.measure(Generate(messages=(ChatMessage(role="user", content="Hi"),)), "")
    assert (size.tokens, size.context, size.room, size.dropped) == (len(words(PROMPT)) + 1, CONTEXT, 1536, 0)
    assert asked_paths(llama) == ["/apply-template", "/tokenize"]
    continued = desk.writer.measure(Generate(messages=(ChatMessage(role="user", content="Hi"),)), "One two")
    assert continued.tokens == len(words(PROMPT + "One two")) + 1
    assert desk.writer.measure(Generate(prompt="one two three", raw=True), "").tokens == 4


def test_a_dialogue_that_is_too_long_is_counted_whole_without_truncation(desk: Writing) -> None:
    body = Generate(messages=dialogue(10, 300), truncation="disabled")
    size = desk.writer.measure(body, "")
    assert size.tokens > CONTEXT and size.dropped == 0


def test_the_oldest_turns_are_left_out_where_not_all_fit(llama: Scripted, desk: Writing) -> None:
    messages = dialogue(10, 300, system="Be brief.")
    body = Generate(messages=messages, truncation="auto", params=Params(max_tokens=48))
    prepared = desk.writer.prepare("a", body, written="", received=0, principal="")
    kept = read_asked(prepared.request.asked).messages
    assert prepared.dropped == len(messages) - len(kept) > 0
    assert (kept[0].content, kept[1].role, kept[-1].content) == ("Be brief.", "user", "last one")
    size = desk.writer.measure(body, "")
    assert (size.dropped, size.tokens <= size.room == 2000) == (prepared.dropped, True)


def test_a_last_turn_that_alone_is_too_long_is_sent_as_it_is(desk: Writing) -> None:
    body = Generate(messages=(*dialogue(2, 5), ChatMessage(role="user", content="word " * 5000)), truncation="auto")
    prepared = desk.writer.prepare("a", body, written="", received=0, principal="")
    assert [each.role for each in read_asked(prepared.request.asked).messages] == ["user"]


def test_a_dialogue_that_fits_in_any_case_is_not_counted(llama: Scripted, desk: Writing) -> None:
    body = Generate(messages=dialogue(3, 20), truncation="auto")
    assert desk.writer.prepare("a", body, written="", received=0, principal="").dropped == 0
    assert asked_paths(llama) == []


@pytest.mark.parametrize("answer", [(404, {}), (200, {"tokens": None}), (200, []), (503, {"error": "Loading"})])
def test_a_count_that_can_not_be_had_is_refused_and_leaves_out_nothing(
    answer: tuple[int, Any], llama: Scripted, desk: Writing
) -> None:
    llama.facts["/tokenize"] = [answer, answer]
    body = Generate(messages=dialogue(10, 300), truncation="auto")
    with pytest.raises(RemoteProtocolError, match="can't count tokens now") as raised:
        desk.writer.measure(body, "")
    assert raised.value.code is ErrorCode.ENGINE_FAILED
    assert desk.writer.prepare("a", body, written="", received=0, principal="").dropped == 0


def test_the_size_is_unknown_behind_another_kind_and_its_model_does_not_say_otherwise() -> None:
    with Scripted("vllm") as scripted, writing(scripted) as desk:
        assert "context" not in desk.writer.models[0].features
        with pytest.raises(RemoteProtocolError, match="isn't known here") as raised:
            desk.writer.measure(Generate(prompt="Hi"), "")
        assert raised.value.code is ErrorCode.UNSUPPORTED
        long = Generate(messages=dialogue(10, 3000), truncation="auto")
        assert desk.writer.prepare("a", long, written="", received=0, principal="").dropped == 0
        assert asked_paths(scripted) == []


def test_a_question_after_the_end_is_refused(llama: Scripted) -> None:
    with writing(llama) as desk:
        assert "context" in desk.writer.models[0].features
    with pytest.raises(EngineDeadError):
        desk.writer.measure(Generate(prompt="Hi"), "")


def test_the_key_is_not_in_an_error_about_a_count(llama: Scripted, desk: Writing) -> None:
    llama.facts["/tokenize"] = [(400, json.dumps({"error": "bad key sk-secret-key"}).encode())]
    with pytest.raises(RemoteProtocolError) as raised:
        desk.writer.measure(Generate(prompt="Hi"), "")
    assert "sk-secret-key" not in str(raised.value)
