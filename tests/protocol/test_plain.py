"""Plain mode without a socket (PROTOCOL 10)."""

import pytest

from protocol.errors import CloseCode, ErrorCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Cancel,
    ClientMessage,
    DoneReason,
    Error,
    ErrorInfo,
    Generate,
    Params,
    ServerMessage,
    Status,
    Steer,
    Steered,
    Token,
    Tune,
    Tuned,
)
from protocol.plain import END_OF_ANSWER, MAX_WAITING_LINES, PlainSession
from tests.protocol.samples import WELCOME, done


def sent(session: PlainSession, message: ServerMessage) -> list[str]:
    """Return the raw text for ``message``."""
    session.record(message)
    return session.texts(message)


@pytest.fixture
def session() -> PlainSession:
    session = PlainSession()
    assert sent(session, WELCOME) == []
    return session


def answering(session: PlainSession, *more: str) -> None:
    """Return a session whose first prompt was accepted as g1; ``more`` lines wait behind it."""
    assert session.receive("\n".join(["first", *more])) == [Generate(prompt="first")]
    assert sent(session, Accepted(id="g1", epoch="e1", position=0)) == []


def said(session: PlainSession, *texts: str) -> list[str]:
    """Return the frames of answer g1 with these pieces."""
    frames = []
    for seq, text in enumerate(texts, start=1):
        frames += sent(session, Token(id="g1", seq=seq, n=1, text=text))
    return frames + sent(session, done("g1", "".join(texts), len(texts) + 1))


@pytest.mark.parametrize("frame", ["Hi", "Hi\n", "\n\n  Hi\t\r\n"])
def test_a_line_is_a_prompt_without_its_white_space(session: PlainSession, frame: str) -> None:
    assert session.receive(frame) == [Generate(prompt="Hi")]


@pytest.mark.parametrize("frame", ["", "\n", " \r\n\t"])
def test_blank_lines_mean_nothing(session: PlainSession, frame: str) -> None:
    assert session.receive(frame) == []
    assert session.pending() == []


def test_lines_wait_until_the_answer_before_them_has_ended(session: PlainSession) -> None:
    answering(session, "second", "third")
    assert session.pending() == []
    assert session.receive("fourth") == []
    for prompt in ("second", "third", "fourth"):
        said(session)
        assert session.pending() == [Generate(prompt=prompt)]
        assert session.pending() == []
        sent(session, Accepted(id="g1", epoch="e1", position=0))


def test_the_stop_line_overtakes_those_that_wait(session: PlainSession) -> None:
    answering(session, "second")
    assert session.receive("third\n /stop ") == [Cancel()]
    assert session.resolve_cancel(Cancel()) == ("g1",)


def test_waiting_messages_have_a_limit(session: PlainSession) -> None:
    answering(session)
    assert session.receive("again\n" * MAX_WAITING_LINES) == []
    (refusal,) = session.receive("one more")
    assert isinstance(refusal, RemoteProtocolError)
    assert refusal.code is ErrorCode.BUSY


def test_binary_is_refused(session: PlainSession) -> None:
    (refusal,) = session.receive(b"Hi")
    assert isinstance(refusal, RemoteProtocolError)
    assert refusal.code is ErrorCode.BAD_FRAME


@pytest.mark.parametrize(
    ("pieces", "frames"),
    [
        ((), []),
        (("Hi",), ["Hi"]),
        (("Hi", " there"), ["Hi there"]),
        (("One\nTwo\nThr", "ee\n"), ["One\nTwo", "\nThree"]),
        (("word " * 13, "more and more"), [("word " * 13).rstrip(), " more and more"]),
        (("a" * 200, "b"), ["a" * 200 + "b"]),
        (("Hi", "\n\n", "there"), ["Hi", "\n\nthere"]),
        (("Hi \n", "\n", " you", "\n\n"), ["Hi", " \n\n you"]),
        (("  ", "Hi"), ["  Hi"]),
        (("\n\n", "\n\n"), []),
    ],
)
def test_no_frame_of_an_answer_is_blank_but_its_end(
    session: PlainSession, pieces: tuple[str, ...], frames: list[str]
) -> None:
    answering(session)
    assert said(session, *pieces) == [*frames, END_OF_ANSWER]


def test_white_space_of_one_answer_does_not_begin_the_next(session: PlainSession) -> None:
    answering(session)
    said(session, "one\n\n")
    answering(session)
    assert said(session, "two") == ["two", END_OF_ANSWER]


def test_nothing_else_is_shown(session: PlainSession) -> None:
    answering(session)
    assert sent(session, Status(id="g1", position=0)) == []


def test_a_refused_prompt_ends_like_an_answer(session: PlainSession) -> None:
    session.receive("first\nsecond")
    error = Error(re="generate", code=ErrorCode.CONTEXT_OVERFLOW, message="too long", retryable=False)
    assert sent(session, error) == ["! too long", END_OF_ANSWER]
    assert session.pending() == [Generate(prompt="second")]


@pytest.mark.parametrize("re", ["cancel", None])
def test_another_error_ends_no_answer(session: PlainSession, re: str | None) -> None:
    error = Error(re=re, code=ErrorCode.NOTHING_TO_CANCEL, message="no", retryable=False)
    assert sent(session, error) == ["! no\n"]
    answering(session, "second")
    assert sent(session, error) == ["! no\n"]
    sent(session, Token(id="g1", seq=1, n=1, text="some text\n"))
    assert sent(session, error) == ["\n! no\n"]
    assert session.pending() == []


def test_a_failure_is_reported_before_the_end_mark(session: PlainSession) -> None:
    answering(session)
    failed = done("g1", "", 1, reason=DoneReason.FAILED, error=ErrorInfo(code="engine_failed", message="no memory"))
    *told, end = sent(session, failed)
    assert "".join(told).strip() == "! no memory"
    assert end == END_OF_ANSWER


def test_forgetting_leaves_nothing_to_stop(session: PlainSession) -> None:
    answering(session)
    assert session.watched == ("g1",)
    session.forget("g1")
    asked: list[ClientMessage | RemoteProtocolError] = session.receive("/stop")
    assert asked == [Cancel()]
    with pytest.raises(RemoteProtocolError):
        session.resolve_cancel(Cancel())


def test_the_third_binary_frame_in_a_row_closes(session: PlainSession) -> None:
    for frame in (b"1", b"2", b"3"):
        assert session.close_code is None
        session.receive(frame)
    assert session.close_code == CloseCode.BAD_FRAMES


def test_a_frame_of_too_many_lines_gets_one_error(session: PlainSession) -> None:
    results = session.receive("again\n" * 100_000)
    assert [type(result) for result in results] == [Generate, RemoteProtocolError]
    assert "99744 more are dropped" in str(results[1])


def test_a_line_steers_the_running_answer_at_once(session: PlainSession) -> None:
    answering(session, "second")
    assert session.receive("/steer  shorter\nthird") == [Steer(id="g1", content="shorter")]
    assert sent(session, Token(id="g1", seq=1, n=1, text="One two")) == []
    assert sent(session, Steered(id="g1", seq=2, content="shorter\nplease")) == ["One two", "\n> shorter\n> please\n"]
    assert sent(session, Token(id="g1", seq=3, n=1, text="Three")) == []
    assert sent(session, done("g1", "One twoThree", 4)) == ["Three", END_OF_ANSWER]


def test_an_instruction_before_any_text_stands_alone(session: PlainSession) -> None:
    answering(session)
    assert sent(session, Steered(id="g1", seq=1, content="shorter")) == ["> shorter\n"]


@pytest.mark.parametrize("line", ["/steer shorter", "/set temperature 0.2"])
def test_a_line_without_a_running_answer_changes_nothing(session: PlainSession, line: str) -> None:
    (problem,) = session.receive(line)
    assert isinstance(problem, RemoteProtocolError)
    assert session.texts(problem.as_message()) == [f"! {problem.message}\n"]


@pytest.mark.parametrize(
    ("line", "params"),
    [
        ("/set temperature 0.2", Params(temperature=0.2)),
        ("/set  stop  The end", Params(stop=("The end",))),
        ('/set stop ["a","b"]', Params(stop=("a", "b"))),
        ('/set logit_bias {"7":1}', Params(logit_bias={"7": 1.0})),
    ],
)
def test_a_line_tunes_the_running_answer_at_once(session: PlainSession, line: str, params: Params) -> None:
    answering(session, "second")
    assert session.receive(line) == [Tune(id="g1", params=params)]
    assert sent(session, Token(id="g1", seq=1, n=1, text="One")) == []
    change = Tuned(id="g1", seq=2, params={"temperature": 0.2, "stop": ["a"]})
    assert sent(session, change) == ["One", '\n> temperature: 0.2\n> stop: ["a"]\n']


@pytest.mark.parametrize("line", ["/set temperature warm", "/set temperature", "/set nothing 1", "/set json_schema {}"])
def test_a_line_with_a_wrong_parameter_is_refused(session: PlainSession, line: str) -> None:
    answering(session)
    (problem,) = session.receive(line)
    assert isinstance(problem, RemoteProtocolError)
    assert line.split()[1] in problem.message
    assert session.texts(problem.as_message()) == [f"! {problem.message}\n"]
