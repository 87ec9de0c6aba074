"""The fuzz targets accept the committed inputs, and detect the faults that they are for."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocol import codec
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import CLIENT_TYPES, SERVER_TYPES, Cancel, ForkPoint, Hello, Params, Pong
from protocol.plain import COMMANDS, PlainSession
from protocol.session import ClientSession, ServerSession
from tests.fuzz.run import CORPUS, WORDS
from tests.fuzz.targets import TARGETS

INPUTS = [(folder.name, file) for folder in sorted(CORPUS.iterdir()) for file in sorted(folder.iterdir())]


def test_every_target_has_something_to_start_from() -> None:
    assert {name for name, _ in INPUTS} == set(TARGETS)


@pytest.mark.parametrize(("target", "types"), [("decode_client", CLIENT_TYPES), ("decode_server", SERVER_TYPES)])
def test_the_fuzzer_knows_every_message(target: str, types: dict[str, type[msgspec.Struct]]) -> None:
    """It has a seed input of each type, and words for each type and field."""
    inputs = b"".join(file.read_bytes() for name, file in INPUTS if name == target).decode(errors="replace")
    words = set(WORDS.read_text().splitlines())
    names = [f'"type":"{name}"' for name in types]
    fields = [field.encode_name for kind in types.values() for field in msgspec.structs.fields(kind)]
    assert [name for name in names if name not in inputs] == []
    assert [word for word in (*names, *(f'"{field}":' for field in fields)) if as_word(word) not in words] == []


def test_the_fuzzer_knows_every_parameter_and_command() -> None:
    words = set(WORDS.read_text().splitlines())
    fields = [field.encode_name for kind in (Params, ForkPoint) for field in msgspec.structs.fields(kind)]
    wanted = [*(f'"{field}":' for field in fields), *(f"{command} " for command in COMMANDS)]
    assert [word for word in wanted if as_word(word) not in words] == []


def as_word(text: str) -> str:
    """Return a line of the dictionary."""
    return '"' + text.replace('"', '\\"') + '"'


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
        ("plain_session", b"Hi\x1e/steer shorter", PlainSession, "_remark", lambda *_: [" "]),
        ("plain_session", b"Hi\x1e/alternatives", PlainSession, "_aside", lambda *_: " "),
        ("plain_session", b"/stop", PlainSession, "receive", lambda *_: [Cancel()]),
    ],
)
def test_a_fault_is_noticed(
    name: str, data: bytes, owner: Any, method: str, fault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, method, fault)
    with pytest.raises((AssertionError, ValueError)):
        TARGETS[name](data)
