"""The fuzz targets accept the committed inputs, and detect the faults that they are for."""

from pathlib import Path
from typing import Any

import pytest

from protocol import codec
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Cancel, Hello, Pong
from protocol.plain import PlainSession
from protocol.session import ClientSession, ServerSession
from tests.fuzz.run import CORPUS
from tests.fuzz.targets import TARGETS

INPUTS = [(folder.name, file) for folder in sorted(CORPUS.iterdir()) for file in sorted(folder.iterdir())]


def test_every_target_has_something_to_start_from() -> None:
    assert {name for name, _ in INPUTS} == set(TARGETS)


@pytest.mark.parametrize(("name", "file"), INPUTS, ids=lambda value: getattr(value, "name", value))
def test_seed_inputs_of_the_fuzzer_pass(name: str, file: Path) -> None:
    TARGETS[name](file.read_bytes())


def raise_value_error(*_: object) -> Any:
    raise ValueError


def leave_open(session: ClientSession, frame: str) -> list[object]:
    session.cursors["g1"].chars += 1
    return []


@pytest.mark.parametrize(
    ("name", "data", "owner", "method", "fault"),
    [
        ("decode_client", b"x", codec, "decode_client", raise_value_error),
        (
            "decode_client",
            b"x",
            codec,
            "decode_client",
            lambda _: [RemoteProtocolError(ErrorCode.BUSY, "a\nb")],
        ),
        ("decode_server", b"x", codec, "decode_server", raise_value_error),
        ("decode_server", b"x", codec, "decode_server", lambda frame: [Pong(nonce=frame + "x")]),
        ("server_session", b"\x00x", ServerSession, "receive", lambda *_: []),
        ("server_session", b"\x00x", ServerSession, "_count_bad_frames", raise_value_error),
        ("client_session", b"x", ClientSession, "receive", leave_open),
        ("client_session", b"x", ClientSession, "_apply", raise_value_error),
        ("plain_session", b"x", PlainSession, "pending", lambda _: [Hello()]),
        ("plain_session", b"x", PlainSession, "_text", lambda *_: [" "]),
        ("plain_session", b"/stop", PlainSession, "receive", lambda *_: [Cancel()]),
    ],
)
def test_a_fault_is_noticed(
    name: str, data: bytes, owner: Any, method: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, method, fault)
    with pytest.raises((AssertionError, ValueError)):
        TARGETS[name](data)
