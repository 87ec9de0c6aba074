"""PROTOCOL.md and the code agree."""

import json
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import protocol
from protocol import codec
from protocol.admission import HELLO_FRAME_BYTES, HELLO_SECONDS
from protocol.errors import CLOSES, ERRORS, RemoteProtocolError
from protocol.messages import CLIENT_TYPES, MAX_ATTACH, SERVER_TYPES, DoneReason, GenerationState, Params
from protocol.states import GENERATION

FOLDER: Final = Path(protocol.__file__).parent
TEXT: Final = (FOLDER / "PROTOCOL.md").read_text(encoding="utf-8")


def section(start: str) -> str:
    """Return the text under the heading that starts with ``start``, up to the next heading of any level."""
    match = re.search(rf"^#+ {re.escape(start)}.*?\n(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert match, f"no section {start}"
    return match[1]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| `") or re.match(r"\| \d", line)]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def examples(text: str) -> list[str]:
    """Return the indented JSON of a section, one object per line."""
    joined = re.sub(r"\n     (?=[\"{])", "", text)
    found = [line.strip() for line in joined.splitlines() if line.startswith("    {")]
    return [line.replace("…64 digits…", "0" * 64) for line in found]


Sections = list[tuple[str, type[msgspec.Struct]]]


def heading(chapter: int, name: str) -> str:
    """Return the heading of the message ``name``."""
    match = re.search(rf"^### ({chapter}\.\d+ `{name}`)$", TEXT, re.MULTILINE)
    assert match, f"chapter {chapter} has no section about {name}"
    return match[1]


CLIENT_SECTIONS: Sections = [(heading(4, name), cls) for name, cls in CLIENT_TYPES.items()]
SERVER_SECTIONS: Sections = [(heading(5, name), cls) for name, cls in SERVER_TYPES.items()]


@pytest.mark.parametrize(("heading", "cls"), CLIENT_SECTIONS + SERVER_SECTIONS)
def test_every_field_of_every_message_is_described(heading: str, cls: type[msgspec.Struct]) -> None:
    text = section(heading)
    for name in cls.__struct_encode_fields__:
        assert re.search(rf"`{name}\??`", text), f"{heading} does not speak of {name}"


def test_every_param_is_described() -> None:
    assert [row[0].strip("`") for row in rows(section("4.2 `generate`").split("`params`, with")[1])] == list(
        Params.__struct_encode_fields__
    )


@pytest.mark.parametrize("frame", [e for heading, _ in CLIENT_SECTIONS for e in examples(section(heading))])
def test_client_examples_are_valid(frame: str) -> None:
    (message,) = codec.decode_client(frame)
    assert not isinstance(message, RemoteProtocolError)


@pytest.mark.parametrize("frame", [e for heading, _ in SERVER_SECTIONS for e in examples(section(heading))])
def test_server_examples_are_what_the_server_sends(frame: str) -> None:
    (message,) = codec.decode_server(frame)
    again: dict[str, Any] = json.loads(codec.encode(message))
    assert again == json.loads(frame)


def test_there_are_examples() -> None:
    assert sum(len(examples(section(heading))) for heading, _ in CLIENT_SECTIONS) >= 8
    assert sum(len(examples(section(heading))) for heading, _ in SERVER_SECTIONS) >= 8


def test_error_codes() -> None:
    table = {row[0].strip("`"): row[2] == "yes" for row in rows(section("8 "))}
    assert table == {code.value: facts.retryable for code, facts in ERRORS.items()}


def test_close_codes() -> None:
    table = {int(row[0]): row[2].startswith("yes") for row in rows(section("9 "))}
    assert table == {int(code): facts.reconnect for code, facts in CLOSES.items()}


def test_generation_states() -> None:
    lines = [line.strip("| ").split(" | ") for line in section("6 ").splitlines() if re.match(r"\| [a-z, ]+ \|", line)]
    written = {(state, following) for states, _, following in lines[1:] for state in states.split(", ")}
    assert written == {(state.value, following.value) for (state, _), following in GENERATION.items()}


@pytest.mark.parametrize("value", [*DoneReason, *(s for s in GenerationState if s is not GenerationState.DONE)])
def test_done_values(value: str) -> None:
    assert f"`{value}`" in section("5.7 ")


def test_the_limits() -> None:
    assert f"first {codec.MAX_FRAME_ERRORS} get theirs" in section("2 ")
    assert f"up to {MAX_ATTACH} `" in section("4.1 ")
    assert f"{HELLO_FRAME_BYTES:,} bytes" in section("3 ")
    assert f"within {HELLO_SECONDS:.0f} s after the socket opened" in section("3 ")
    assert f"| {codec.MAX_FRAME_BYTES:,} |" in section("7 ")
    assert f"{codec.MAX_FRAME_OBJECTS} lines" in section("7 ")


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda p: p.name)
def test_sections_that_the_code_cites_exist(file: Path) -> None:
    for number in re.findall(r"PROTOCOL (\d+(?:\.\d+)?)", file.read_text(encoding="utf-8")):
        assert re.search(rf"^(#+ )?{re.escape(number)}[ .]", TEXT, re.MULTILINE), number


@pytest.mark.parametrize("name", sorted(f.stem for f in FOLDER.glob("[!_]*.py") if "client" not in f.stem))
def test_every_module_of_the_core_has_its_own_tests(name: str) -> None:
    assert (Path(__file__).parent / f"test_{name}.py").exists()
