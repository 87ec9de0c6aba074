"""Plain mode without a socket (PROTOCOL 10)."""

import pytest

from protocol.errors import CloseCode, ErrorCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Alternative,
    Alternatives,
    AlternativesRequest,
    Cancel,
    ClientMessage,
    DoneReason,
    Error,
    ErrorInfo,
    ForkPoint,
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
from protocol.plain import END_OF_ANSWER, MAX_COMMANDS, MAX_WAITING_LINES, PlainSession
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


@pytest.mark.parametrize("line", ["/steer", "/set", "/set "])
def test_a_command_without_its_text_is_refused(session: PlainSession, line: str) -> None:
    answering(session)
    (problem,) = session.receive(line)
    assert isinstance(problem, RemoteProtocolError)


@pytest.mark.parametrize(("line", "seq"), [("/alternatives", 4), ("/alternatives 2", 2), (" /alternatives  -1\r", 3)])
def test_a_line_asks_for_alternatives_at_once(session: PlainSession, line: str, seq: int) -> None:
    answering(session, "second")
    sent(session, Token(id="g1", seq=2, n=2, text="One two"))
    sent(session, Steered(id="g1", seq=3, content="shorter"))
    assert session.receive(line) == [AlternativesRequest(id="g1", seq=seq)]


def test_an_answer_that_is_done_has_places_until_the_next_one(session: PlainSession) -> None:
    answering(session)
    said(session, "One", " two")
    assert session.receive("/alternatives") == [AlternativesRequest(id="g1", seq=3)]
    session.receive("second")
    sent(session, Accepted(id="g2", epoch="e1", position=0))
    assert session.receive("/alternatives") == [AlternativesRequest(id="g2", seq=1)]


def test_alternatives_are_lines_beside_the_answer(session: PlainSession) -> None:
    found = Alternatives(
        id="g1",
        seq=2,
        tokens=(
            Alternative(token=' \n"cat', logprob=-0.1, chosen=True),
            Alternative(token="</s>", logprob=-7.0, end=True),
        ),
    )
    lines = '> place 2\n>  90.5 %  " \\n\\"cat"  chosen\n>   0.1 %  "</s>"  ends the answer\n'
    answering(session)
    assert sent(session, found) == [lines]
    sent(session, Token(id="g1", seq=1, n=1, text="One\nTwo\n"))
    assert sent(session, found) == [f"\n{lines}"]
    sent(session, Token(id="g1", seq=2, n=1, text="Three"))
    assert sent(session, done("g1", "One\nTwo\nThree", 3)) == ["\nThree", END_OF_ANSWER]


@pytest.mark.parametrize(
    ("line", "point"),
    [
        ("/fork 1", ForkPoint(id="g1", seq=1)),
        ("/fork -2 Green and red", ForkPoint(id="g1", seq=2, text="Green and red")),
        ('/fork 3 " dog"', ForkPoint(id="g1", seq=3, text=" dog")),
        ('/fork 3 "dog', ForkPoint(id="g1", seq=3, text='"dog')),
        ("/fork 3 7", ForkPoint(id="g1", seq=3, text="7")),
    ],
)
def test_a_fork_waits_like_a_prompt_for_the_place_of_its_moment(
    session: PlainSession, line: str, point: ForkPoint
) -> None:
    answering(session)
    sent(session, Token(id="g1", seq=3, n=3, text="One two three"))
    assert session.receive(f"{line}\nsecond") == []
    sent(session, Token(id="g1", seq=4, n=1, text=" four"))
    sent(session, done("g1", "One two three four", 5))
    assert session.pending() == [Generate(from_=point)]
    assert session.pending() == []


@pytest.mark.parametrize("line", ["/alternatives", "/alternatives 1", "/fork 1 dog"])
def test_a_place_needs_an_answer(session: PlainSession, line: str) -> None:
    (problem,) = session.receive(line)
    assert isinstance(problem, RemoteProtocolError)
    assert session.texts(problem.as_message()) == ["! there is no answer yet; send a prompt first\n"]


@pytest.mark.parametrize(
    "line",
    [
        "/alternatives cat", "/alternatives 0", "/alternatives -3", "/alternatives 1 2",
        "/alternatives 9999999999999999", "/fork", "/fork dog", "/fork -3 dog", "/fork 1 " + "x" * 70_000, '/fork 1 ""',
    ],
)  # fmt: skip
def test_a_line_with_a_wrong_place_is_refused_and_ends_no_answer(session: PlainSession, line: str) -> None:
    answering(session, "second")
    sent(session, Token(id="g1", seq=2, n=2, text="One two"))
    (problem,) = session.receive(line)
    assert isinstance(problem, RemoteProtocolError)
    assert session.texts(problem.as_message()) == [f"! {problem.message}\n"]
    assert session.pending() == []


def test_a_frame_of_too_many_commands_gets_one_error_for_the_rest(session: PlainSession) -> None:
    *refused, rest = session.receive("/fork\n" * 100_000)
    assert len(refused) == MAX_COMMANDS
    assert f"{100_000 - MAX_COMMANDS} of them are dropped" in str(rest)
