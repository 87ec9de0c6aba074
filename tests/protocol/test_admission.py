"""Messages that may pass before and after `hello` on a server with tokens."""

import pytest

from protocol.admission import HELLO_SECONDS, Admission, Result
from protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import Attach, Generate, Hello, Ping

HELLO = Hello(token="t")
GENERATE = Generate(id="g", prompt="x")
BAD = RemoteProtocolError(ErrorCode.BAD_JSON, "no")


def guarded() -> Admission:
    return Admission(needed=True, opened=5.0)


def told(results: list[Result]) -> list[tuple[ErrorCode, str | None, str | None]]:
    return [(r.code, r.re, r.id) for r in results if isinstance(r, RemoteProtocolError)]


def test_without_a_token_to_ask_for_everything_passes() -> None:
    admission = Admission(needed=False, opened=5.0)
    assert admission.open
    assert admission.deadline is None
    assert admission.filter_admitted([GENERATE, BAD, HELLO, GENERATE]) == [GENERATE, BAD, HELLO, GENERATE]


@pytest.mark.parametrize("needed", [True, False])
def test_hello_may_come_once(needed: bool) -> None:
    admission = Admission(needed=needed, opened=5.0)
    admission.filter_admitted([HELLO])
    if needed:
        admission.admit()
    assert told(admission.filter_admitted([HELLO])) == [(ErrorCode.UNEXPECTED_MESSAGE, "hello", None)]


def test_before_hello_only_ping_and_errors_pass() -> None:
    admission = guarded()
    results = admission.filter_admitted([Ping(), BAD, GENERATE, Attach(id="h")])
    assert results[:2] == [Ping(), BAD]
    unexpected = ErrorCode.UNEXPECTED_MESSAGE
    assert told(results[2:]) == [(unexpected, "generate", "g"), (unexpected, "attach", "h")]
    assert not admission.open


def test_messages_after_hello_wait_for_admission() -> None:
    admission = guarded()
    assert admission.filter_admitted([Ping(), HELLO, GENERATE, BAD]) == [Ping(), HELLO]
    assert admission.filter_admitted([Ping(nonce="n")]) == []
    assert admission.admit() == [GENERATE, BAD, Ping(nonce="n")]
    assert admission.open
    assert admission.filter_admitted([GENERATE]) == [GENERATE]


def test_a_second_hello_behind_the_first_is_an_error() -> None:
    admission = guarded()
    assert admission.filter_admitted([HELLO, HELLO]) == [HELLO]
    assert told(admission.admit()) == [(ErrorCode.UNEXPECTED_MESSAGE, "hello", None)]


def test_messages_after_a_refused_hello_are_dropped() -> None:
    admission = guarded()
    admission.filter_admitted([HELLO, GENERATE])
    admission.refuse()
    assert not admission.open
    assert admission.admit() == []


def test_the_deadline_ends_with_hello() -> None:
    admission = guarded()
    assert admission.deadline == 5.0 + HELLO_SECONDS
    admission.filter_admitted([Ping()])
    assert admission.deadline is not None
    admission.filter_admitted([HELLO])
    assert admission.deadline is None


@pytest.mark.parametrize("admission", [guarded(), Admission(needed=False, opened=0.0)])
def test_there_is_nothing_to_judge_without_hello(admission: Admission) -> None:
    with pytest.raises(LocalProtocolError):
        admission.admit()
    with pytest.raises(LocalProtocolError):
        admission.refuse()
