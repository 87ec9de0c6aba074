"""Errors about an invalid message: the field, its allowed values, and a remedy."""

from typing import Any

import msgspec
import pytest

from protocol import codec
from protocol.diagnosis import repeated
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import CLIENT_TYPES, Params

TYPES = ", ".join(CLIENT_TYPES)
PARAMS = ", ".join(Params.__struct_fields__)

TOLD: list[tuple[str, ErrorCode, str, str]] = [
    ('{"id":"g"}', ErrorCode.MISSING_FIELD, "type", f"type is missing; it is one of: {TYPES}"),
    ('{"type":1}', ErrorCode.INVALID_FIELD, "type", f"type must be a string, one of: {TYPES}; not 1"),
    (
        '{"type":"genrate"}',
        ErrorCode.UNKNOWN_TYPE,
        "type",
        f'type "genrate" is not known (did you mean generate?); it is one of: {TYPES}',
    ),
    ('{"type":"zzz"}', ErrorCode.UNKNOWN_TYPE, "type", f'type "zzz" is not known; it is one of: {TYPES}'),
    (
        '{"type":"generate","promt":"x"}',
        ErrorCode.UNKNOWN_FIELD,
        "promt",
        '"promt" is not a field of generate (did you mean prompt?); '
        "the fields of generate are: id, prompt, messages, from, conversation, content, results, parent, message_id, "
        "model, raw, truncation, tools, tool_choice, parallel_tool_calls, reasoning_effort, chat_template_kwargs, "
        "params, top_logprobs, on_detach_ms, temporary",
    ),
    (
        '{"type":"generate","prompt":"x","params":{"temprature":1}}',
        ErrorCode.UNKNOWN_FIELD,
        "params.temprature",
        '"params.temprature" is not a field of generate (did you mean temperature?); '
        f"the fields of params are: {PARAMS}",
    ),
    (
        '{"type":"generate","messages":[{"role":"user","content":"x","name":"y"}]}',
        ErrorCode.UNKNOWN_FIELD,
        "messages[0].name",
        '"messages[0].name" is not a field of generate; the fields of messages[0] are: role, content, '
        "tool_calls, tool_call_id",
    ),
    (
        '{"type":"generate","messages":[{"role":"user","content":"a"},{"role":"user"}]}',
        ErrorCode.MISSING_FIELD,
        "messages[1].content",
        "messages[1].content is missing; it must be a string",
    ),
    (
        '{"type":"attach"}',
        ErrorCode.MISSING_FIELD,
        "id",
        "id is missing; it must be a string of 1 to 64 of A-Z a-z 0-9 . _ -",
    ),
    (
        '{"type":"generate","prompt":"x","params":{"temperature":3}}',
        ErrorCode.INVALID_FIELD,
        "params.temperature",
        "params.temperature must be a number from 0 to 2, not 3; or leave it out",
    ),
    (
        '{"type":"generate","prompt":"x","params":{"seed":1e999}}',
        ErrorCode.INVALID_FIELD,
        "params.seed",
        "params.seed must be a whole number from -1 to 4294967295, not a number too large to read; or leave it out",
    ),
    (
        '{"type":"generate","prompt":"x","params":{"stop":[]}}',
        ErrorCode.INVALID_FIELD,
        "params.stop",
        "params.stop must be a list of 1 to 16 items, not a list of 0; or leave it out",
    ),
    (
        '{"type":"generate","prompt":{}}',
        ErrorCode.INVALID_FIELD,
        "prompt",
        "prompt must be a string, not an object; or leave it out",
    ),
    (
        '{"type":"generate","messages":[{"role":"bot","content":"x"}]}',
        ErrorCode.INVALID_FIELD,
        "messages[0].role",
        'messages[0].role must be one of "assistant", "system", "tool", "user", not "bot"',
    ),
    (
        '{"type":"generate","prompt":"x","params":{"logit_bias":{"7":101}}}',
        ErrorCode.INVALID_FIELD,
        "params.logit_bias",
        "each value in params.logit_bias must be a number from -100 to 100",
    ),
    (
        '{"type":"detach","id":"%s"}' % ("é" * 100),
        ErrorCode.INVALID_FIELD,
        "id",
        f'id must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, not "{"é" * 39}...',
    ),
    (
        '{"type":"detach","id":"a","id":"a"}',
        ErrorCode.INVALID_FIELD,
        "id",
        "id is given twice in one object; leave one of them out",
    ),
    (
        '{"type":"ping","type":"status"}',
        ErrorCode.INVALID_FIELD,
        "type",
        "type is given twice, with different values; leave one of them out",
    ),
]


@pytest.mark.parametrize(("frame", "code", "field", "message"), TOLD)
def test_message_describes_the_fault(frame: str, code: ErrorCode, field: str, message: str) -> None:
    (problem,) = codec.decode_client(frame)
    assert isinstance(problem, RemoteProtocolError)
    assert (problem.code, problem.field, problem.message) == (code, field, message)


@pytest.mark.parametrize(
    ("frame", "re", "id"),
    [
        ('{"type":"detach","id":"g1","x":1}', "detach", "g1"),
        ('{"type":"nope","id":"g1"}', "nope", "g1"),
        ('{"type":"no pe","id":"g 1"}', None, None),
        ('{"type":5,"id":5}', None, None),
        ('{"type":"' + "x" * 65 + '","id":"' + "y" * 65 + '"}', None, None),
        ('{"id":"g1","params":{"seed":%s},"type":"generate"}' % ("9" * 5000), "generate", "g1"),
    ],
)
def test_re_and_id_are_salvaged_when_they_can_be_repeated(frame: str, re: str | None, id: str | None) -> None:
    (problem,) = codec.decode_client(frame)
    assert isinstance(problem, RemoteProtocolError)
    assert (problem.re, problem.id) == (re, id)


@pytest.mark.parametrize(
    "name", ["x` - at `$.params", "a` - at `$.b", "` - at `$.stop[3]", "` - at `key` in `$", "x" * 100_000, "\n", ""]
)
@pytest.mark.parametrize("outer", ["generate", "params"])
def test_a_field_name_cannot_lead_astray(outer: str, name: str) -> None:
    fields: dict[str, Any] = {"type": "generate", "prompt": "x", "params": {}}
    (fields if outer == "generate" else fields["params"])[name] = 1
    (problem,) = codec.decode_client(msgspec.json.encode(fields).decode())
    assert isinstance(problem, RemoteProtocolError)
    assert problem.code in (ErrorCode.UNKNOWN_FIELD, ErrorCode.INVALID_FIELD)
    assert len(problem.message) < 500


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"generate","params":{"seed":"x"},"params":3}',
        '{"type":"generate","messages":[{"role":"user","content":"x"},{"role":1}],"messages":[]}',
        '{"type":"generate","messages":[{"role":1}],"messages":{}}',
        '{"type":"generate","params":{"logit_bias":{"x":1}},"params":{}}',
    ],
)
def test_a_repeated_key_does_not_confuse_the_search(frame: str) -> None:
    (problem,) = codec.decode_client(frame)
    assert isinstance(problem, RemoteProtocolError)
    assert problem.code is ErrorCode.INVALID_FIELD
    assert problem.message.split(" must be ")[0] in (problem.field, f"each key in {problem.field}")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"a":1,"b":2}', None),
        ('{"a":{"a":1},"b":[{"a":1},{"a":1}]}', None),
        ('{"a":1,"b":2,"a":1}', "a"),
        ('{"a":1,"b":2,"b":1,"a":1}', "b"),
        ('{"x":[{"y":{"b":1,"b":1}}]}', "b"),
        ('{"A":1,"a":2,"\\u0061":3}', "a"),
        (' {"a":"a\\"a","a":1}\r', "a"),
    ],
)
def test_the_first_key_to_come_again(text: str, key: str | None) -> None:
    assert repeated(text) == key


def test_a_number_beyond_reading_has_no_repeated_key() -> None:
    assert repeated('{"a":%s}' % ("9" * 5000)) is None


class Thing(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    params: Params = Params()


@pytest.mark.parametrize(
    ("text", "code", "field", "words"),
    [
        ("{", ErrorCode.BAD_JSON, None, "not JSON: Input data was truncated"),
        ("[]", ErrorCode.BAD_JSON, None, "thing is a JSON object, not an array"),
        ("{}", ErrorCode.MISSING_FIELD, "name", "name is missing; it must be a string"),
        ('{"nam":1}', ErrorCode.UNKNOWN_FIELD, "nam", '"nam" is not a field of thing (did you mean name?); the fields'),
        ('{"name":1}', ErrorCode.INVALID_FIELD, "name", "name must be a string, not 1"),
        (
            '{"name":"x","params":{"top_p":2}}',
            ErrorCode.INVALID_FIELD,
            "params.top_p",
            "params.top_p must be a number from 0 to 1, not 2; or leave it out",
        ),
        ('{"name":"x","name":"y"}', ErrorCode.INVALID_FIELD, "name", "name is given twice in one object"),
    ],
)
def test_message_describes_a_fault_in_another_object(text: str, code: ErrorCode, field: str | None, words: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode_object(text, Thing, "thing")
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.message.startswith(words)


def test_an_object_that_is_right() -> None:
    assert codec.decode_object('{"name":"x"}', Thing, "thing") == Thing(name="x")
