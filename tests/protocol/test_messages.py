"""Message types of streamui.v1: each field's allowed values, and the encoded form."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from protocol import codec
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import CLIENT_TYPES, SERVER_TYPES, ClientMessage, Generate, Params, ServerMessage, Status
from tests.protocol.samples import CLIENT, SERVER, WELCOME, done


def decode(**fields: Any) -> ClientMessage | RemoteProtocolError:
    (result,) = codec.decode_client(json.dumps(fields))
    return result


@pytest.mark.parametrize("message", CLIENT, ids=lambda m: type(m).__name__)
def test_client_message_survives_the_wire(message: ClientMessage) -> None:
    assert codec.decode_client(codec.encode(message)) == [message]


@pytest.mark.parametrize("message", SERVER, ids=lambda m: type(m).__name__)
def test_server_message_survives_the_wire(message: ServerMessage) -> None:
    assert codec.decode_server(codec.encode(message)) == [message]


@pytest.mark.parametrize("message", [*CLIENT, *SERVER], ids=lambda m: type(m).__name__)
def test_type_comes_first_on_one_line(message: ClientMessage | ServerMessage) -> None:
    frame = codec.encode(message)
    assert frame.startswith('{"type":"')
    assert "\n" not in frame


def test_samples_hold_every_type() -> None:
    assert {type(m) for m in CLIENT} == set(CLIENT_TYPES.values())
    assert {type(m) for m in SERVER} == set(SERVER_TYPES.values())


@pytest.mark.parametrize(("tag", "cls"), [*CLIENT_TYPES.items(), *SERVER_TYPES.items()])
def test_the_tables_name_the_tags(tag: str, cls: type[msgspec.Struct]) -> None:
    assert cls.__struct_config__.tag == tag


@pytest.mark.parametrize(
    ("message", "wire"),
    [
        (SERVER[1], '{"type":"accepted","id":"g1","epoch":"e1","position":0}'),
        (SERVER[3], '{"type":"status","running":0,"queued":0}'),
        (SERVER[6], '{"type":"attached","id":"g1","epoch":"e1","recovered":true,"from":3,"to":5}'),
        (SERVER[10], '{"type":"error","code":"bad_json","message":"no","retryable":false}'),
        (SERVER[12], '{"type":"pong"}'),
        (Status(id="g", tokens_per_second=0.0), '{"type":"status","id":"g","tokens_per_second":0.0}'),
        (Generate(prompt="Hi"), '{"type":"generate","prompt":"Hi"}'),
        (Generate(prompt="Hi", on_detach_ms=None), '{"type":"generate","prompt":"Hi","on_detach_ms":null}'),
        (Generate(prompt="Hi", on_detach_ms=0), '{"type":"generate","prompt":"Hi","on_detach_ms":0}'),
    ],
)
def test_required_fields_are_sent_and_absent_ones_are_not(message: ServerMessage | Generate, wire: str) -> None:
    assert codec.encode(message) == wire


def test_welcome_sends_what_is_false_or_empty() -> None:
    fields = json.loads(codec.encode(msgspec.structs.replace(WELCOME, active=())))
    assert fields["auth"] is False
    assert fields["active"] == []


def test_done_leaves_out_what_was_not_reached() -> None:
    fields = json.loads(codec.encode(done("g", "ab", 3)))
    assert fields["timings"] == {"total": 12.5, "queued": 0.5}
    assert "error" not in fields


def test_messages_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Params().temperature = 1.0  # type: ignore[misc]


def test_on_detach_ms_tells_absent_from_null() -> None:
    absent, null = decode(type="generate", prompt="x"), decode(type="generate", prompt="x", on_detach_ms=None)
    assert isinstance(absent, Generate) and absent.on_detach_ms is UNSET
    assert isinstance(null, Generate) and null.on_detach_ms is None


GOOD_PARAMS: list[tuple[str, Any]] = [
    ("temperature", 0),
    ("temperature", 2),
    ("temperature", 0.7),
    ("top_p", 0),
    ("top_p", 1),
    ("top_k", 0),
    ("top_k", 2**31 - 1),
    ("min_p", 0),
    ("min_p", 1.0),
    ("max_tokens", 1),
    ("max_tokens", 2**31 - 1),
    ("stop", ["x"]),
    ("stop", ["é" * 256] * 16),
    ("seed", -1),
    ("seed", 0),
    ("seed", 2**32 - 1),
    ("presence_penalty", -2),
    ("presence_penalty", 2),
    ("frequency_penalty", -2),
    ("frequency_penalty", 2),
    ("repeat_penalty", 1e-9),
    ("repeat_penalty", 2),
    ("typical_p", 0),
    ("typical_p", 1),
    ("top_n_sigma", -1),
    ("top_n_sigma", 100),
    ("xtc_probability", 0),
    ("xtc_probability", 1),
    ("xtc_threshold", 0),
    ("xtc_threshold", 1),
    ("repeat_last_n", 0),
    ("repeat_last_n", 2**31 - 1),
    ("dry_multiplier", 0),
    ("dry_multiplier", 100),
    ("dry_base", 1),
    ("dry_base", 100),
    ("dry_allowed_length", 1),
    ("dry_allowed_length", 2**31 - 1),
    ("dry_penalty_last_n", 0),
    ("dry_penalty_last_n", 2**31 - 1),
    ("dry_sequence_breakers", []),
    ("dry_sequence_breakers", ["x" * 64] * 16),
    ("json_schema", {}),
    ("json_schema", {"enum": ["x" * 65_000]}),
    ("logit_bias", {}),
    ("logit_bias", {"0": -100, "15043": 100}),
]


@pytest.mark.parametrize(("name", "value"), GOOD_PARAMS)
def test_param_in_range(name: str, value: Any) -> None:
    result = decode(type="generate", prompt="x", params={name: value})
    assert isinstance(result, Generate)
    got = getattr(result.params, name)
    assert (list(got) if isinstance(got, tuple) else got) == value


@pytest.mark.parametrize("name", Params.__struct_fields__)
def test_param_null_means_the_default(name: str) -> None:
    assert decode(type="generate", prompt="x", params={name: None}) == Generate(prompt="x")


NUMBER, WHOLE = ["1", True, [], {}], ["1", True, [], {}, 1.5]
BAD_PARAMS: list[tuple[str, list[Any], str]] = [
    ("temperature", [-0.01, 2.01, 10**400, *NUMBER], "a number from 0 to 2"),
    ("top_p", [-0.01, 1.01, *NUMBER], "a number from 0 to 1"),
    ("top_k", [-1, 2**31, 10**30, *WHOLE], "a whole number from 0 to 2147483647"),
    ("min_p", [-0.01, 1.01, *NUMBER], "a number from 0 to 1"),
    ("max_tokens", [0, -1, 2**31, *WHOLE], "a whole number from 1 to 2147483647"),
    ("stop", ["x", 1, [], ["x"] * 17], "a list of 1 to 16 items"),
    ("seed", [-2, 2**32, *WHOLE], "a whole number from -1 to 4294967295"),
    ("presence_penalty", [-2.01, 2.01, *NUMBER], "a number from -2 to 2"),
    ("frequency_penalty", [-2.01, 2.01, *NUMBER], "a number from -2 to 2"),
    ("repeat_penalty", [0, -1, 2.01, *NUMBER], "a number above 0 and up to 2"),
    ("typical_p", [-0.01, 1.01, *NUMBER], "a number from 0 to 1"),
    ("top_n_sigma", [-1.01, 100.5, *NUMBER], "a number from -1 to 100"),
    ("xtc_probability", [-0.01, 1.01, *NUMBER], "a number from 0 to 1"),
    ("xtc_threshold", [-0.01, 1.01, *NUMBER], "a number from 0 to 1"),
    ("repeat_last_n", [-1, 2**31, *WHOLE], "a whole number from 0 to 2147483647"),
    ("dry_multiplier", [-0.01, 100.5, *NUMBER], "a number from 0 to 100"),
    ("dry_base", [0.99, 100.5, *NUMBER], "a number from 1 to 100"),
    ("dry_allowed_length", [0, 2**31, *WHOLE], "a whole number from 1 to 2147483647"),
    ("dry_penalty_last_n", [-1, 2**31, *WHOLE], "a whole number from 0 to 2147483647"),
    ("dry_sequence_breakers", ["x", 1, ["x"] * 17], "a list of at most 16 items"),
    ("json_schema", ["x", 1, []], "an object"),
    ("json_schema", [{"enum": ["x" * 65_536]}], "an object of up to 65536 bytes"),
    ("logit_bias", ["x", 1, []], "an object"),
    ("logit_bias", [{"1": -100.5}, {"1": 101}, {"1": "1"}, {"1": None}], "a number from -100 to 100"),
    ("logit_bias", [{"x": 1}, {"": 1}, {"-1": 1}, {"1\n": 1}, {"1" * 11: 1}], "a token id in decimal digits"),
]


@pytest.mark.parametrize(("name", "value", "expected"), [(n, v, e) for n, values, e in BAD_PARAMS for v in values])
def test_param_out_of_range_is_named_with_its_range(name: str, value: Any, expected: str) -> None:
    result = decode(type="generate", id="g1", prompt="x", params={name: value})
    assert isinstance(result, RemoteProtocolError)
    assert (result.code, result.field, result.re, result.id) == (
        ErrorCode.INVALID_FIELD,
        f"params.{name}",
        "generate",
        "g1",
    )
    assert f"params.{name}" in result.message
    assert expected in result.message


@pytest.mark.parametrize(("value", "index"), [([""], 0), (["a", "b" * 257], 1), (["a", "b", 3], 2), ([None], 0)])
def test_stop_string_is_named_by_its_index(value: list[Any], index: int) -> None:
    result = decode(type="generate", prompt="x", params={"stop": value})
    assert isinstance(result, RemoteProtocolError)
    assert result.field == f"params.stop[{index}]"
    assert result.message.startswith(f"params.stop[{index}] must be a string of 1 to 256 characters")


@pytest.mark.parametrize("id", ["a", "Z9._-", "x" * 64])
def test_good_id(id: str) -> None:
    assert decode(type="detach", id=id) == CLIENT_TYPES["detach"](id=id)


@pytest.mark.parametrize("id", ["", "x" * 65, "a b", "a\n", "é", "a/b", "a:b", 5, None, ["a"]])
@pytest.mark.parametrize("type", ["detach", "attach"])
def test_bad_id(type: str, id: Any) -> None:
    result = decode(type=type, id=id)
    assert isinstance(result, RemoteProtocolError)
    assert (result.code, result.field, result.re, result.id) == (ErrorCode.INVALID_FIELD, "id", type, None)
    assert "1 to 64" in result.message


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"type": "hello", "token": 5}, "token"),
    ({"type": "hello", "token": "x" * 4097}, "token"),
    ({"type": "hello", "client": "x" * 257}, "client"),
    ({"type": "hello", "attach": {}}, "attach"),
    ({"type": "hello", "attach": [{"id": "a"}, {"id": ""}]}, "attach[1].id"),
    ({"type": "hello", "attach": [{"id": "a", "after": -1}]}, "attach[0].after"),
    ({"type": "generate", "prompt": 5}, "prompt"),
    ({"type": "generate", "prompt": "x", "raw": 1}, "raw"),
    ({"type": "generate", "prompt": "x", "params": None}, "params"),
    ({"type": "generate", "prompt": "x", "on_detach_ms": -1}, "on_detach_ms"),
    ({"type": "generate", "prompt": "x", "top_logprobs": -1}, "top_logprobs"),
    ({"type": "generate", "prompt": "x", "top_logprobs": 21}, "top_logprobs"),
    ({"type": "generate", "prompt": "x", "top_logprobs": True}, "top_logprobs"),
    ({"type": "generate", "prompt": "x", "on_detach_ms": 2**31}, "on_detach_ms"),
    ({"type": "generate", "prompt": "x", "on_detach_ms": 1.5}, "on_detach_ms"),
    ({"type": "generate", "messages": []}, "messages"),
    ({"type": "generate", "messages": ["x"]}, "messages[0]"),
    ({"type": "generate", "messages": [{"role": "bot", "content": "x"}]}, "messages[0].role"),
    ({"type": "generate", "messages": [{"role": "user", "content": None}]}, "messages[0].content"),
    ({"type": "cancel", "all": "yes"}, "all"),
    ({"type": "attach", "id": "a", "after": -1}, "after"),
    ({"type": "attach", "id": "a", "after": 2**53}, "after"),
    ({"type": "attach", "id": "a", "epoch": 1}, "epoch"),
    ({"type": "status", "id": 1}, "id"),
    ({"type": "ping", "nonce": 1}, "nonce"),
    ({"type": "ping", "nonce": "x" * 129}, "nonce"),
]


@pytest.mark.parametrize(("fields", "path"), BAD_FIELDS)
def test_bad_field_is_named(fields: dict[str, Any], path: str) -> None:
    result = decode(**fields)
    assert isinstance(result, RemoteProtocolError)
    assert (result.code, result.field, result.re) == (ErrorCode.INVALID_FIELD, path, fields["type"])
    assert result.message.startswith(f"{path} must be ")


@pytest.mark.parametrize("name", ["conversation", "content", "parent", "message_id"])
def test_a_prompt_is_no_turn_of_a_conversation(name: str) -> None:
    result = decode(type="generate", prompt="x", **{name: "x"})
    assert isinstance(result, RemoteProtocolError)
    assert (result.code, result.field) == (ErrorCode.INVALID_FIELD, name)
