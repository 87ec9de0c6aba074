"""Events for readers when a log is replaced, which this server does only for a cursor of another server."""

import pickle

import pytest

from protocol.client import Generation, RequestError, TextReplacedError
from protocol.messages import (
    Accepted,
    Attached,
    Cancel,
    ChatMessage,
    Error,
    Generate,
    Instruction,
    Snapshot,
    Steer,
    Token,
    Tune,
)
from tests.protocol.samples import CALL, done


def generation() -> Generation:
    made = Generation(Generate(id="g1", prompt="Hi"), lambda message: None)
    made.apply(Accepted(id="g1", epoch="e", position=0))
    return made


def token(seq: int, text: str) -> Token:
    return Token(id="g1", seq=seq, n=1, text=text)


async def take(made: Generation, count: int) -> list[object]:
    reader = aiter(made)
    return [await anext(reader) for _ in range(count)]


async def test_a_snapshot_takes_the_place_of_the_text() -> None:
    made = generation()
    made.apply(token(1, "a"))
    reader = aiter(made)
    assert [await anext(reader) for _ in range(2)] == [Accepted(id="g1", epoch="e", position=0), token(1, "a")]
    made.apply(Attached(id="g1", epoch="f", recovered=False, from_=0, to=2))
    assert made.text == "a"
    snapshot = Snapshot(id="g1", epoch="f", seq=2, text="xy")
    made.apply(snapshot)
    made.apply(token(3, "z"))
    assert [await anext(reader) for _ in range(2)] == [snapshot, token(3, "z")]
    assert made.bookmark == ("g1", "f", 3, "xyz")
    assert (await take(made, 3))[1:] == [snapshot, token(3, "z")]


async def test_a_log_that_starts_again_empties_the_text() -> None:
    made = generation()
    made.apply(token(1, "a"))
    made.apply(Attached(id="g1", epoch="f", recovered=True, from_=0, to=2))
    assert made.text == ""
    made.apply(token(1, "x"))
    assert (await take(made, 3))[1:] == [Snapshot(id="g1", epoch="f", seq=0, text=""), token(1, "x")]


async def test_pieces_continue_from_a_snapshot_that_begins_like_the_text() -> None:
    made = generation()
    made.apply(token(1, "a"))
    pieces = made.pieces()
    await anext(pieces)
    made.apply(Snapshot(id="g1", epoch="f", seq=2, text="a"))
    made.apply(Snapshot(id="g1", epoch="f", seq=4, text="abc"))
    assert (await anext(pieces)).text == "bc"
    made.apply(Snapshot(id="g1", epoch="h", seq=4, text="xbc"))
    with pytest.raises(TextReplacedError):
        await anext(pieces)


async def test_a_failure_comes_after_what_was_there() -> None:
    made = generation()
    made.apply(token(1, "a"))
    made.fail(ZeroDivisionError())
    made.fail(KeyError())
    read: list[object] = []
    with pytest.raises(ZeroDivisionError):
        async for event in made:
            read.append(event)
    assert read[1:] == [token(1, "a")]
    assert made.ended
    with pytest.raises(ZeroDivisionError):
        await made.done()


async def test_stop_cancels_once() -> None:
    asked: list[Cancel | Steer | Tune] = []
    made = Generation(Generate(id="g1", prompt="Hi"), lambda message: asked.append(message))
    made.stop()
    made.stop()
    assert asked == [Cancel(id="g1")]
    with pytest.raises(ValueError, match="name its generations"):
        Generation(Generate(prompt="Hi"), lambda message: None)


def test_an_error_can_be_sent_to_another_process() -> None:
    error = RequestError(Error(re="generate", id="g1", code="busy", message="full", retryable=True, retry_after_ms=5))
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.retryable, copy.retry_after_ms) == ("busy: full", True, 5)


def test_a_snapshot_brings_the_instructions_too() -> None:
    made = generation()
    made.apply(Accepted(id="g1", epoch="e", position=0))
    steered = (Instruction(seq=2, chars=2, content="shorter"), Instruction(seq=3, chars=2, content="in French"))
    made.apply(Snapshot(id="g1", epoch="e2", seq=4, text="🙂ab", steered=steered))
    said = [("assistant", "🙂a"), ("user", "shorter"), ("user", "in French"), ("assistant", "b")]
    assert [(message.role, message.content) for message in made.messages] == said


def test_message_of_an_answer_with_calls_has_them_beside_its_text() -> None:
    made, text = generation(), 'I add.<tool_call>{"name": "add"}</tool_call>'
    made.apply(token(1, text))
    assert [(message.content, message.tool_calls) for message in made.messages] == [(text, None)]
    made.apply(done("g1", text, 2, tool_calls=(CALL,), content="I add."))
    assert made.messages == (ChatMessage(role="assistant", content="I add.", tool_calls=(CALL,)),)
