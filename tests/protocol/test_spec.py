"""The generated specification is up to date and agrees with the codec."""

import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from protocol import codec, spec
from protocol.errors import CLOSES, ERRORS, RemoteProtocolError
from protocol.messages import CLIENT_TYPES, SERVER_TYPES
from tests.protocol.samples import CLIENT, SERVER
from tests.protocol.test_document import CLIENT_SECTIONS, FOLDER, SERVER_SECTIONS, TEXT, examples, section

SCHEMA: Final = spec.schema()
ASYNCAPI: Final = spec.asyncapi()


def validator(side: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMA | {"anyOf": [{"$ref": f"#/$defs/{side}"}]})


CLIENT_SCHEMA: Final = validator("ClientMessage")
SERVER_SCHEMA: Final = validator("ServerMessage")


def allowed(text: str) -> bool:
    return bool(CLIENT_SCHEMA.is_valid(json.loads(text)))


def decoded(text: str) -> bool:
    (result,) = codec.decode_client(text)
    return not isinstance(result, RemoteProtocolError)


# --- what is committed ---


@pytest.mark.parametrize("name", [spec.SCHEMA_FILE, spec.ASYNCAPI_FILE, spec.DOCUMENT])
def test_committed_spec_is_current(name: str, tmp_path: Path) -> None:
    shutil.copy(FOLDER / spec.DOCUMENT, tmp_path)
    spec.write(tmp_path)
    assert (FOLDER / name).read_bytes() == (tmp_path / name).read_bytes(), "stale: run `make spec`"


def test_a_changed_diagram_is_made_again(tmp_path: Path) -> None:
    stale = TEXT.replace("queued --> loading: load", "queued --> done: luck")
    assert stale != TEXT
    assert spec.with_generated_parts(stale) == TEXT


def test_a_changed_row_of_a_parameter_is_made_again() -> None:
    stale = TEXT.replace("| `top_k` | whole,", "| `top_k` | number,")
    assert stale != TEXT
    assert spec.with_generated_parts(stale) == TEXT


MARKERS: list[str] = [
    "<!-- diagram: generation; `make spec` -->",
    "<!-- end of diagram -->",
    "<!-- parameters; `make spec` -->",
    "<!-- end of parameters -->",
]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_document_without_its_markers_is_refused(marker: str) -> None:
    with pytest.raises(ValueError, match="needs markers for"):
        spec.with_generated_parts(TEXT.replace(marker, ""))


def test_a_step_that_stays_is_not_drawn() -> None:
    table = {("a", "go"): "b", ("a", "run"): "b", ("b", "wait"): "b", ("b", "stop"): "c"}
    assert spec.diagram(table).splitlines()[2:-1] == [
        "    [*] --> a",
        "    a --> b: go, run",
        "    b --> c: stop",
        "    c --> [*]",
    ]


# --- the schema ---


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_sides_hold_every_type() -> None:
    for side, types in (("ClientMessage", CLIENT_TYPES), ("ServerMessage", SERVER_TYPES)):
        named = [choice["$ref"].removeprefix("#/$defs/") for choice in SCHEMA["$defs"][side]["oneOf"]]
        assert {SCHEMA["$defs"][name]["properties"]["type"]["const"]: name for name in named} == {
            tag: cls.__name__ for tag, cls in types.items()
        }


@pytest.mark.parametrize("message", CLIENT, ids=lambda m: type(m).__name__)
def test_schema_allows_client_messages(message: Any) -> None:
    assert allowed(codec.encode(message))


@pytest.mark.parametrize("message", SERVER, ids=lambda m: type(m).__name__)
def test_schema_allows_server_messages(message: Any) -> None:
    fields = json.loads(codec.encode(message))
    SERVER_SCHEMA.validate(fields)
    SERVER_SCHEMA.validate(fields | {"later": 1})
    for name in fields:
        lacking = {key: value for key, value in fields.items() if key != name}
        required = name in SCHEMA["$defs"][type(message).__name__]["required"]
        assert SERVER_SCHEMA.is_valid(lacking) is not required


@pytest.mark.parametrize("frame", [e for heading, _ in CLIENT_SECTIONS for e in examples(section(heading))])
def test_client_examples_are_allowed(frame: str) -> None:
    assert allowed(frame)


@pytest.mark.parametrize("frame", [e for heading, _ in SERVER_SECTIONS for e in examples(section(heading))])
def test_server_examples_are_allowed(frame: str) -> None:
    SERVER_SCHEMA.validate(json.loads(frame))


GOOD: list[str] = [
    '{"type":"generate","prompt":"x","messages":null,"id":null,"raw":true,"on_detach_ms":null}',
    '{"type":"generate","prompt":"\\ufeff"}',
    '{"type":"generate","prompt":"x","params":{"seed":-1,"stop":["x"],"logit_bias":{"0":-100}}}',
    '{"type":"generate","messages":[{"role":"assistant","content":""},{"role":"user","content":"x"}]}',
    '{"type":"generate","conversation":"c","content":"x","parent":null,"message_id":"m"}',
    '{"type":"generate","conversation":"c","content":"x","prompt":null,"messages":null}',
    '{"type":"generate","conversation":"c","content":null,"parent":"m","message_id":null}',
    '{"type":"generate","prompt":"x","conversation":null,"content":null,"parent":null,"message_id":null}',
    '{"type":"generate","prompt":"x","truncation":"disabled"}',
    '{"type":"generate","prompt":null,"truncation":"auto","messages":[{"role":"user","content":"x"}]}',
    '{"type":"generate","conversation":"c","content":"x","truncation":"auto"}',
    '{"type":"watch"}',
    '{"type":"draft"}',
    '{"type":"draft","messages":null,"conversation":null,"content":null,"parent":null,"model":null}',
    '{"type":"draft","conversation":"c","content":" ","parent":null,"model":"m"}',
    '{"type":"draft","messages":[{"role":"user","content":"x"}]}',
    '{"type":"cancel","id":"g","all":false}',
    '{"type":"cancel","id":null,"all":true}',
    '{"type":"hello","attach":[{"id":"a"},{"id":"b","epoch":"e","after":9007199254740991}]}',
    '{"type":"status","id":null}',
]

BAD: list[str] = [
    "{}",
    '{"type":"nope"}',
    '{"type":1}',
    '{"type":"generate"}',
    '{"type":"generate","prompt":null}',
    '{"type":"generate","prompt":"x","messages":[{"role":"user","content":"x"}]}',
    '{"type":"generate","prompt":""}',
    '{"type":"generate","prompt":" \\n\\u3000\\u001c\\u0085\\u2028"}',
    '{"type":"generate","promt":"x","prompt":"x"}',
    '{"type":"generate","prompt":"x","conversation":"c"}',
    '{"type":"generate","prompt":"x","conversation":"c","content":"x"}',
    '{"type":"generate","conversation":"c"}',
    '{"type":"generate","conversation":"c","parent":null}',
    '{"type":"generate","conversation":"c","content":" "}',
    '{"type":"generate","conversation":"c","content":"x","raw":true}',
    '{"type":"generate","conversation":"c","parent":"m","message_id":"n"}',
    '{"type":"generate","conversation":"a b","content":"x"}',
    '{"type":"generate","prompt":"x","content":"x"}',
    '{"type":"generate","prompt":"x","parent":"m"}',
    '{"type":"generate","prompt":"x","message_id":"m"}',
    '{"type":"generate","prompt":"x","truncation":"auto"}',
    '{"type":"generate","conversation":"c","content":"x","truncation":"off"}',
    '{"type":"watch","id":"c"}',
    '{"type":"draft","id":"c"}',
    '{"type":"draft","content":"x"}',
    '{"type":"draft","messages":[{"role":"user","content":"x"}],"parent":"m"}',
    '{"type":"draft","conversation":"c"}',
    '{"type":"draft","conversation":"c","parent":"m"}',
    '{"type":"draft","messages":[{"role":"user","content":"x"}],"conversation":"c","content":"x"}',
    '{"type":"draft","messages":[{"role":"user","content":" "}]}',
    '{"type":"draft","messages":[]}',
    '{"type":"generate","messages":[]}',
    '{"type":"generate","messages":[{"role":"user"}]}',
    '{"type":"generate","messages":[{"role":"user","content":" "}]}',
    '{"type":"generate","messages":[{"role":"bot","content":"x"}]}',
    '{"type":"generate","messages":[{"role":"user","content":"x"}],"raw":true}',
    '{"type":"generate","prompt":"x","raw":1}',
    '{"type":"generate","prompt":"x","on_detach_ms":-1}',
    '{"type":"generate","prompt":"x","params":null}',
    '{"type":"generate","prompt":"x","params":{"temperature":"1"}}',
    '{"type":"generate","prompt":"x","params":{"temperature":2.1}}',
    '{"type":"generate","prompt":"x","params":{"repeat_penalty":0}}',
    '{"type":"generate","prompt":"x","params":{"stop":[""]}}',
    '{"type":"generate","prompt":"x","params":{"stop":"x"}}',
    '{"type":"generate","prompt":"x","params":{"logit_bias":{"a":1}}}',
    '{"type":"generate","prompt":"x","params":{"json_schema":[]}}',
    json.dumps({"type": "generate", "prompt": "x", "params": {"logit_bias": {str(i): 1 for i in range(1025)}}}),
    json.dumps({"type": "hello", "attach": [{"id": "a"}] * 257}),
    '{"type":"cancel","id":"g","all":true}',
    '{"type":"attach"}',
    '{"type":"attach","id":"a b"}',
    '{"type":"attach","id":"a\\n"}',
    '{"type":"attach","id":"a","after":-1}',
    '{"type":"detach","id":null}',
    '{"type":"ping","nonce":1}',
    '{"type":"hello","token":"x","user":"y"}',
]

UNSAID: list[str] = [
    '{"type":"detach","id":"a","id":"b"}',
    '{"type":"ping","nonce":"\\ud800"}',
    '{"type":"generate","prompt":"x","params":{"top_k":1.0}}',
    '{"type":"generate","prompt":"x","params":{"top_k":1e1}}',
    '{"type":"generate","messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}',
    '{"type":"draft","messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]}',
]
"""Invalid messages that a schema can't detect; spec.UNSAID lists the rules in words."""


@pytest.mark.parametrize("text", GOOD)
def test_schema_and_codec_allow_the_same(text: str) -> None:
    assert (allowed(text), decoded(text)) == (True, True)


@pytest.mark.parametrize("text", BAD)
def test_schema_and_codec_refuse_the_same(text: str) -> None:
    assert (allowed(text), decoded(text)) == (False, False)


@pytest.mark.parametrize("text", UNSAID)
def test_schema_allows_faults_that_only_the_codec_finds(text: str) -> None:
    assert (allowed(text), decoded(text)) == (True, False)


@pytest.mark.parametrize("character", [chr(c) for c in range(0x3001) if chr(c).isspace()] + ["\u200b", "\u180e", "x"])
def test_the_schema_knows_what_is_blank(character: str) -> None:
    text = json.dumps({"type": "generate", "prompt": character})
    assert allowed(text) is decoded(text) is not character.isspace()


BAD_SERVER: list[dict[str, Any]] = [
    {"type": "token", "id": "g", "seq": 0, "n": 1, "text": "x"},
    {"type": "token", "id": "g", "seq": 1, "n": 1, "text": ""},
    {"type": "goodbye", "code": 999, "reconnect_ms": 0},
    {"type": "status", "position": None},
    json.loads(codec.encode(SERVER[7])) | {"phase": "done"},
    json.loads(codec.encode(SERVER[7])) | {"sha256": "x"},
    json.loads(codec.encode(SERVER[7])) | {"reason": "bored"},
]


@pytest.mark.parametrize("fields", BAD_SERVER)
def test_schema_refuses_messages_that_no_server_may_send(fields: dict[str, Any]) -> None:
    assert not SERVER_SCHEMA.is_valid(fields)


# --- AsyncAPI (asyncapi.test.js asks the official parser) ---


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [value["$ref"]] if "$ref" in value else [r for inner in value.values() for r in references(inner)]
    return [r for inner in value for r in references(inner)] if isinstance(value, list) else []


def test_asyncapi_refers_to_what_it_holds() -> None:
    for reference in references(ASYNCAPI):
        place: Any = ASYNCAPI
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_asyncapi_has_each_message_in_its_direction() -> None:
    for action, side, types in (("receive", "client", CLIENT_TYPES), ("send", "server", SERVER_TYPES)):
        operation = ASYNCAPI["operations"][action]
        assert operation["action"] == action
        assert [ref["$ref"].rpartition("/")[2] for ref in operation["messages"]] == [f"{side}.{tag}" for tag in types]


def test_asyncapi_has_every_code() -> None:
    assert set(ASYNCAPI["x-error-codes"]) == {code.value for code in ERRORS}
    assert set(ASYNCAPI["x-close-codes"]) == {str(int(code)) for code in CLOSES}
    assert ASYNCAPI["x-close-codes"]["4508"]["reconnect"] is True
    assert {"state": "decode", "event": "end", "next": "done"} in ASYNCAPI["x-states"]["generation"]
