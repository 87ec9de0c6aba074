"""Tables of error and close codes, and the two exception types."""

import pytest

from protocol import codec
from protocol.errors import (
    CLOSES,
    ERRORS,
    CloseCode,
    ErrorCode,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)
from protocol.messages import Error


def test_every_code_has_its_facts() -> None:
    assert set(ERRORS) == set(ErrorCode)
    assert set(CLOSES) == set(CloseCode)
    assert all(facts[1] for facts in [*ERRORS.values(), *CLOSES.values()])


def test_only_waiting_helps_with_these() -> None:
    assert {code for code, facts in ERRORS.items() if facts.retryable} == {
        ErrorCode.BUSY,
        ErrorCode.RATE_LIMITED,
        ErrorCode.ENGINE_FAILED,
        ErrorCode.STORAGE_FAILED,
    }


@pytest.mark.parametrize("code", CloseCode)
def test_44xx_asks_for_mending_and_45xx_for_another_try(code: CloseCode) -> None:
    if code >= 4000:
        assert CLOSES[code].reconnect is (code >= 4500)


def test_the_two_kinds_are_apart() -> None:
    assert issubclass(RemoteProtocolError, ProtocolError)
    assert issubclass(LocalProtocolError, ProtocolError)
    assert not issubclass(RemoteProtocolError, LocalProtocolError)


@pytest.mark.parametrize("code", ErrorCode)
def test_as_message_takes_retryable_from_the_table(code: ErrorCode) -> None:
    problem = RemoteProtocolError(code, "why", field="f", re="generate", id="g1", retry_after_ms=5)
    assert problem.as_message() == Error(
        re="generate", id="g1", code=code, message="why", retryable=ERRORS[code].retryable, retry_after_ms=5
    )
    assert str(problem) == f"{code.value}: why"


def test_an_error_without_a_message_to_blame() -> None:
    wire = codec.encode(RemoteProtocolError(ErrorCode.BAD_JSON, "why").as_message())
    assert wire == '{"type":"error","code":"bad_json","message":"why","retryable":false}'
