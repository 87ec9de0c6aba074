"""Functions and thinking behind an upstream: what it is sent, and its calls in the answer."""

import json
from typing import Any

import pytest

from protocol.messages import CalledFunction, ChatMessage, NamedFunction, NamedTool, Tool, ToolCall, ToolFunction
from server.engine.base import FinishReason
from server.generations.call_log import CallLog
from server.writers.upstream.kinds import KINDS
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import ANSWER, Reply, words
from tests.server.writers.upstream.writing import Writing, writing

ADD = Tool(function=ToolFunction(name="add", parameters={"type": "object", "properties": {"a": {"type": "integer"}}}))
LOOK = Tool(function=ToolFunction(name="look"))
CALLS = (("add", '{"a": 1, "b": "}"}'), ("look", ""))


def calls_of(desk: Writing, id: str) -> list[tuple[str, str]]:
    """Return the calls that every reader finds in the text of an answer."""
    log = CallLog(id, {"add", "look"})
    for number, piece in enumerate(desk.news.pieces(id), start=1):
        log.append(number, piece.text)
    log.end()
    return [(call.function.name, call.function.arguments) for call in log.whole or ()]


@pytest.mark.parametrize("kind", KINDS)
def test_calls_of_each_kind_are_text_with_marks(kind: str) -> None:
    with Scripted(kind, lambda seen: Reply(calls=CALLS, bytewise=True)) as scripted, writing(scripted) as desk:
        desk.ask("a", tools=(ADD, LOOK))
        ended = desk.news.finished("a")
        assert (ended.reason, ended.error) == (FinishReason.STOP, None)
        assert desk.news.text("a").startswith(f"{ANSWER}<tool_call>\n")
        assert calls_of(desk, "a") == [("add", '{"a": 1, "b": "}"}'), ("look", "{}")]
        (seen,) = scripted.answers
        assert [(tool["type"], tool["function"]["name"]) for tool in seen.body["tools"]] == [
            ("function", "add"),
            ("function", "look"),
        ]
        assert "tool_choice" not in seen.body


def test_without_functions_a_call_fails_the_answer() -> None:
    with Scripted("vllm", lambda seen: Reply(calls=CALLS)) as scripted, writing(scripted) as desk:
        desk.ask("a")
        assert "called a function, and none were given" in str(desk.news.finished("a").error)


@pytest.mark.parametrize(
    ("choice", "told", "sent"),
    [
        ("auto", ["add", "look"], None),
        ("required", ["add", "look"], "required"),
        (NamedTool(function=NamedFunction(name="look")), ["look"], "required"),
        ("none", None, None),
    ],
)
def test_the_choice_of_a_function_is_passed_on(choice: Any, told: list[str] | None, sent: str | None) -> None:
    with Scripted("vllm", lambda seen: Reply(calls=CALLS if sent else ())) as scripted, writing(scripted) as desk:
        desk.ask("a", tools=(ADD, LOOK), tool_choice=choice, parallel_tool_calls=False)
        assert desk.news.finished("a").reason is FinishReason.STOP
        body = scripted.answers[0].body
        assert [tool["function"]["name"] for tool in body.get("tools", ())] == (told or [])
        assert (body.get("tool_choice"), body.get("parallel_tool_calls")) == (sent, False if told else None)


def test_an_answer_without_the_call_that_it_must_have_fails() -> None:
    with Scripted("vllm") as scripted, writing(scripted) as desk:
        desk.ask("a", tools=(ADD,), tool_choice="required")
        ended = desk.news.finished("a")
        assert ended.reason is FinishReason.FAILED
        assert ended.error == "the model called no function, though one was required; ask again"


def test_calls_and_results_of_the_dialogue_are_passed_on() -> None:
    call = ToolCall(id="c1", function=CalledFunction(name="add", arguments='{"a":1}'))
    messages = (
        ChatMessage(role="user", content="Add"),
        ChatMessage(role="assistant", content="", tool_calls=(call,)),
        ChatMessage(role="tool", content="", tool_call_id="c1"),
    )
    with Scripted("vllm") as scripted, writing(scripted) as desk:
        desk.ask("a", messages=messages, tools=(ADD,))
        desk.news.finished("a")
        function = {"name": "add", "arguments": '{"a":1}'}
        assert scripted.answers[0].body["messages"] == [
            {"role": "user", "content": "Add"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"id": "c1", "type": "function", "function": function}],
            },
            {"role": "tool", "content": "", "tool_call_id": "c1"},
        ]


@pytest.mark.parametrize("kind", ["llama-server", "vllm"])
def test_an_answer_that_breaks_off_in_a_call_fails_and_is_not_continued(kind: str) -> None:
    cut = Reply(calls=CALLS, hold=len(words(ANSWER)) + 2, error={"code": 500, "message": "restarting"})
    with Scripted(kind, lambda seen: cut) as scripted, writing(scripted) as desk:
        desk.ask("a", tools=(ADD, LOOK))
        assert desk.news.finished("a").error == "the model's server broke off: restarting"
        assert len(scripted.answers) == 1


def test_an_answer_of_an_earlier_server_that_has_a_call_is_not_continued() -> None:
    with Scripted("llama-server") as scripted, writing(scripted) as desk:
        request = desk.prepared("a", tools=(ADD,), text=("Now ", '<tool_call>\n{"name": "add"'))
        ended = desk.writer.resumed(request, desk.writer.identity(request.model), 0)
        assert "while the model called a function" in str(ended.error)  # type: ignore[union-attr]


def test_a_broken_off_answer_before_its_call_continues_with_the_functions() -> None:
    with Scripted("llama-server") as scripted, writing(scripted) as desk:
        scripted.plan = lambda seen: Reply() if seen.before else Reply(hold=2, error={"code": 500})
        desk.ask("a", tools=(ADD,), params={"seed": 1}, reasoning_effort="none")
        desk.news.finished("a")
        assert desk.news.text("a") == ANSWER
        (rendered,) = [seen.body for seen in scripted.seen if seen.path == "/apply-template"]
        assert rendered["tools"][0]["function"]["name"] == "add"
        assert rendered["chat_template_kwargs"]["enable_thinking"] is False


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("vllm", {"chat_template_kwargs": {"reasoning_effort": "low"}}),
        ("openai", {"reasoning_effort": "low"}),
    ],
)
def test_the_effort_is_a_variable_of_the_template_or_a_field(kind: str, sent: dict[str, Any]) -> None:
    with Scripted(kind) as scripted, writing(scripted) as desk:
        desk.ask("a", reasoning_effort="low")
        desk.news.finished("a")
        body = scripted.answers[0].body
        found = {name: body[name] for name in ("chat_template_kwargs", "reasoning_effort") if name in body}
        assert json.dumps(found) == json.dumps(sent)
