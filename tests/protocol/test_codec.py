"""Encoding and decoding of frames, with every possible fault of a frame."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import codec
from protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import Detach, Generate, Ping, Pong, StatusRequest, Steer, Token
from tests.protocol.samples import CLIENT, SERVER, WELCOME


def problems(frame: str) -> list[RemoteProtocolError]:
    results = codec.decode_client(frame)
    found = [r for r in results if isinstance(r, RemoteProtocolError)]
    assert found and len(found) == len(results)
    for problem in found:
        codec.encode(problem.as_message())
    return found


DEEP = "[" * 5000 + "]" * 5000
NOT_OBJECTS = ["[]", "[1]", '"x"', "5", "-1.5", "null", "true", "false", '[{"type":"ping"}]']
NOT_JSON = [
    "nope",
    "{",
    '{"type":"ping"',
    '{"type":"ping",}',
    "{'type':'ping'}",
    '{"type":"ping"} {"type":"ping"}',
    '{"type":"ping"}x',
    '{"type":"generate","prompt":NaN}',
    '{"type":"generate","prompt":"x","params":{"temperature":Infinity}}',
    '{"type":"generate","prompt":"x","params":{"seed":%s, nope}}' % ("9" * 5000),
    '{"type":"generate","prompt":"x","params":{"seed":%s,"top_p":NaN}}' % ("9" * 5000),
    '{"type":"generate","prompt":"x","params":{"seed":' + "9" * 5000 + ',"x":' + "[" * 200_000 + "}}",
    '{"type":"generate","prompt":"tab\there"}',
    '{"type":"ping","nonce":"\ud800"}',
    "\ufeff" + '{"type":"ping"}',
    "\x00",
    DEEP,
    '{"a":' * 5000 + "1" + "}" * 5000,
    '{"type":"ping","x":' + DEEP + "}",
    '{"type":"generate","prompt":"x","params":' + DEEP + "}",
]


@pytest.mark.parametrize("frame", [*NOT_OBJECTS, *NOT_JSON], ids=lambda f: ascii(f[:30]))
def test_frames_without_an_object_are_refused(frame: str) -> None:
    (problem,) = problems(frame)
    assert (problem.code, problem.re, problem.id) == (ErrorCode.BAD_JSON, None, None)
    assert 'like {"type":"generate","prompt":"Hi"}' in problem.message


@pytest.mark.parametrize(("frame", "kind"), [("[]", "array"), ('"x"', "string"), ("5", "number"), ("null", "null")])
def test_value_that_is_no_object_is_reported_by_its_kind(frame: str, kind: str) -> None:
    assert problems(frame)[0].message.endswith(kind)


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\uDBFF x", "\\ud83d\\ud83d", "\\udc00\\ud800"])
def test_an_escaped_lone_surrogate_is_reported(escape: str) -> None:
    (problem,) = problems('{"type":"generate","prompt":"' + escape + '"}')
    assert problem.code is ErrorCode.BAD_JSON
    assert "without its other half" in problem.message


def test_half_a_character_behind_a_huge_number_can_be_told() -> None:
    (problem,) = problems('{"x":' + "9" * 5000 + ',"type":"\\ud800"}')
    assert "\\ud800" in problem.message


def test_an_escaped_pair_is_one_character() -> None:
    assert codec.decode_client('{"type":"ping","nonce":"\\ud83d\\ude42"}') == [Ping(nonce="🙂")]


def test_deep_json_is_reported() -> None:
    assert "too deep" in problems(DEEP)[0].message


@pytest.mark.parametrize("frame", ["", " ", "\n", " \r\n\t\n"])
def test_a_blank_frame_is_nothing(frame: str) -> None:
    assert codec.decode_client(frame) == []


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"ping"}\n{"type":"detach","id":"g"}',
        '\n{"type":"ping"}\r\n\n  {"type":"detach","id":"g"}  \n',
    ],
)
def test_several_objects_in_one_frame(frame: str) -> None:
    assert codec.decode_client(frame) == [Ping(), Detach(id="g")]


def test_an_object_may_span_lines() -> None:
    assert codec.decode_client('{\n  "type": "detach",\n  "id": "g"\n}\n') == [Detach(id="g")]


def test_a_slip_in_an_object_that_spans_lines_is_one_error() -> None:
    (problem,) = problems('{\n  "type": "detach",\n  "id": "g",\n}\n')
    assert problem.code is ErrorCode.BAD_JSON
    assert "trailing comma" in problem.message


def test_a_bad_line_leaves_the_others() -> None:
    frame = '{"type":"nope"}\n{"type":"ping"}\nx\n{"type":"detach"}\n[]\n{"type":"detach","id":"g"}'
    results = codec.decode_client(frame)
    assert [r.code if isinstance(r, RemoteProtocolError) else r for r in results] == [
        ErrorCode.UNKNOWN_TYPE,
        Ping(),
        ErrorCode.BAD_JSON,
        ErrorCode.MISSING_FIELD,
        ErrorCode.BAD_JSON,
        Detach(id="g"),
    ]


def test_every_line_of_rubbish_gets_its_error() -> None:
    assert len(problems("x\ny\nz")) == 3


def test_one_frame_has_a_bounded_number_of_lines() -> None:
    assert len(codec.decode_client('{"type":"ping"}\n' * codec.MAX_FRAME_OBJECTS)) == codec.MAX_FRAME_OBJECTS
    (problem,) = problems('{"type":"ping"}\n' * (codec.MAX_FRAME_OBJECTS + 1))
    assert problem.code is ErrorCode.BAD_FRAME
    assert "256" in problem.message and "257" in problem.message


def test_sixteen_bad_objects_get_their_errors() -> None:
    assert {p.code for p in problems("x\n" * codec.MAX_FRAME_ERRORS)} == {ErrorCode.BAD_JSON}


@pytest.mark.parametrize("bad", ["x", "{}", '{"type":"generate"}', '{"type":"detach","id":"a","id":"a"}'])
def test_the_bad_objects_after_that_are_counted_and_the_good_ones_read(bad: str) -> None:
    lines = [bad] * 10 + ['{"type":"ping"}'] + [bad] * 10 + ['{"type":"detach","id":"g"}']
    results = codec.decode_client("\n".join(lines))
    assert [r for r in results if not isinstance(r, RemoteProtocolError)] == [Ping(), Detach(id="g")]
    errors = [r for r in results if isinstance(r, RemoteProtocolError)]
    assert len(errors) == codec.MAX_FRAME_ERRORS + 1
    assert results[-1] is errors[-1]
    assert errors[-1].code is ErrorCode.BAD_FRAME
    assert errors[-1].message.startswith("4 more objects")


def test_a_long_broken_object_is_one_error() -> None:
    (problem,) = problems("{\n" + '"a": 1,\n' * 100 + "}")
    assert problem.code is ErrorCode.BAD_JSON


@pytest.mark.parametrize(
    ("frame", "key", "re", "id"),
    [
        ('{"type":"ping","type":"ping"}', "type", "ping", None),
        ('{"type":"detach","id":"a","id":"b"}', "id", "detach", "b"),
        ('{"type":"generate","id":"g","prompt":"x","params":{"seed":1,"se\\u0065d":1}}', "seed", "generate", "g"),
        ('{"type":"hello","attach":[{"id":"a","after":1,"after":2}]}', "after", "hello", None),
        ('{"type":"generate","prompt":"x","params":{"logit_bias":{"1":0,"1":0}}}', "1", "generate", None),
    ],
)
def test_a_key_that_stands_twice_is_refused(frame: str, key: str, re: str, id: str | None) -> None:
    (problem,) = problems(frame)
    assert (problem.code, problem.field, problem.re, problem.id) == (ErrorCode.INVALID_FIELD, key, re, id)
    assert problem.message == f"{key} is given twice in one object; leave one of them out"


def test_one_key_in_several_objects_is_no_repetition() -> None:
    frame = '{"type":"generate","messages":[{"role":"user","content":"a"},{"role":"user","content":"\\"role\\":1"}]}'
    assert not isinstance(codec.decode_client(frame)[0], RemoteProtocolError)


def test_text_is_kept_as_it_is() -> None:
    text = 'é🙂\u2028\x00\ufeff\U0010ffff\r\n\t"\\ 漢'
    assert codec.decode_client(codec.encode(Ping(nonce=text))) == [Ping(nonce=text)]


@pytest.mark.parametrize(
    "body",
    [
        '{"prompt":"Hi"}',
        ' {"type":"generate","prompt":"Hi"}\n',
        '\n{\n"prompt":"Hi" }',
        '{"prompt":"Hi","type":"generate"}',
    ],
)
def test_the_body_of_a_request_may_leave_the_type_out(body: str) -> None:
    assert codec.decode_generate(body) == Generate(prompt="Hi")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ("", ErrorCode.BAD_JSON, None),
        ("[]", ErrorCode.BAD_JSON, None),
        ("{}", ErrorCode.MISSING_FIELD, "prompt"),
        ("{ }", ErrorCode.MISSING_FIELD, "prompt"),
        ('{"prompt":"Hi"}\n{"prompt":"Ho"}', ErrorCode.BAD_JSON, None),
        ('{"prompt":"Hi","prompt":"Ho"}', ErrorCode.INVALID_FIELD, "prompt"),
        ('{"prompt":"Hi","params":{"temperature":3}}', ErrorCode.INVALID_FIELD, "params.temperature"),
        ('{"type":"cancel"}', ErrorCode.INVALID_FIELD, "type"),
        ('{"type":null,"prompt":"Hi"}', ErrorCode.INVALID_FIELD, "type"),
        ('{"type":"sing","prompt":"Hi"}', ErrorCode.UNKNOWN_TYPE, "type"),
    ],
)
def test_the_body_of_a_request_is_refused_as_a_frame_is(body: str, code: ErrorCode, field: str | None) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        codec.decode_generate(body)
    assert (refused.value.code, refused.value.field) == (code, field)


def test_encode_refuses_half_a_character() -> None:
    with pytest.raises(LocalProtocolError):
        codec.encode(Token(id="g", seq=1, n=1, text="\ud83d"))


# --- the client's side ---


def test_the_client_ignores_what_later_versions_add() -> None:
    frame = '{"type":"news","x":1}\n{"type":"pong","nonce":"n","later":{"a":[1]}}'
    assert codec.decode_server(frame) == [Pong(nonce="n")]


def test_the_client_ignores_them_inside_objects_too() -> None:
    fields = json.loads(codec.encode(WELCOME))
    fields["model"]["later"] = fields["limits"]["later"] = fields["active"][0]["later"] = {}
    assert codec.decode_server(json.dumps(fields)) == [WELCOME]


@pytest.mark.parametrize(
    "frame",
    [
        "x",
        "[]",
        "5",
        '{"id":"g"}',
        '{"type":5}',
        '{"type":"token","id":"g"}',
        '{"type":"token","id":"g","seq":0,"n":1,"text":"x"}',
        '{"type":"token","id":"g","seq":1,"n":0,"text":"x"}',
        '{"type":"token","id":"g","seq":"1","n":1,"text":"x"}',
        '{"type":"pong","nonce":"\ud800"}',
        '{"type":"news"',
        '{"type":"news","x":' + DEEP + "}",
    ],
    ids=lambda f: ascii(f[:40]),
)
def test_the_client_refuses_what_no_server_may_send(frame: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        codec.decode_server(frame)
    assert caught.value.code is ErrorCode.BAD_FRAME


# --- whatever comes ---

SCALARS: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
FIELDS = st.sampled_from(
    ["type", "id", "params", "messages", "stop", "role", "content", "attach", "logit_bias", "`x` - at `$"]
)
KINDS = st.sampled_from(["hello", "generate", "cancel", "attach", "detach", "status", "ping", "nope"])


@given(st.text(st.characters(codec=None)))
def test_any_text_gets_messages_or_errors(frame: str) -> None:
    for result in codec.decode_client(frame):
        if isinstance(result, RemoteProtocolError):
            codec.encode(result.as_message())


@given(st.fixed_dictionaries({"type": KINDS | VALUES}), st.dictionaries(FIELDS | st.text(max_size=5), VALUES))
def test_any_object_gets_one_answer(first: dict[str, Any], rest: dict[str, Any]) -> None:
    (result,) = codec.decode_client(json.dumps(rest | first))
    if isinstance(result, RemoteProtocolError):
        codec.encode(result.as_message())
        assert result.message and "\n" not in result.message


@given(st.sampled_from(CLIENT), st.data())
def test_a_valid_frame_with_something_cut_or_put_in(message: Any, data: st.DataObject) -> None:
    frame = codec.encode(message)
    start = data.draw(st.integers(0, len(frame)))
    end = data.draw(st.integers(start, min(len(frame), start + 8)))
    put = data.draw(
        st.sampled_from(["", '"', "{", "[", "}", "\n", "\\", "null", "1e999", "-", "\\ud800", "9" * 5000]) | st.text()
    )
    for result in codec.decode_client(frame[:start] + put + frame[end:]):
        if isinstance(result, RemoteProtocolError):
            codec.encode(result.as_message())


@given(st.sampled_from(CLIENT), FIELDS, VALUES, st.data())
def test_a_valid_object_with_one_value_changed(message: Any, name: str, value: Any, data: st.DataObject) -> None:
    fields = json.loads(codec.encode(message))
    spots = [fields, *(v for v in fields.values() if isinstance(v, dict))]
    spots += [v for f in fields.values() if isinstance(f, list) for v in f if isinstance(v, dict)]
    spot = data.draw(st.sampled_from(spots))
    spot[data.draw(st.sampled_from([*spot, name]))] = value
    (result,) = codec.decode_client(json.dumps(fields))
    if isinstance(result, RemoteProtocolError):
        codec.encode(result.as_message())
        if result.code is not ErrorCode.BAD_JSON:
            assert result.field is not None


@given(st.sampled_from(SERVER), st.text(st.characters(codec=None)), st.integers(0, 200))
def test_a_client_meets_rubbish_with_one_error_type(message: Any, put: str, at: int) -> None:
    frame = codec.encode(message)
    try:
        codec.decode_server(frame[:at] + put + frame[at:])
    except RemoteProtocolError:
        pass


@given(st.text(), st.integers(1, 2**53 - 1))
def test_any_text_survives_the_wire(text: str, seq: int) -> None:
    token = Token(id="g", seq=seq, n=1, text=text)
    assert codec.decode_server(codec.encode(token)) == [token]


def test_status_without_id_is_about_the_server() -> None:
    assert codec.decode_client('{"type":"status"}') == [StatusRequest()]


def test_the_body_of_a_steer_is_its_content_and_key() -> None:
    assert codec.decode_steer('{"content":"shorter"}', "g1") == Steer(id="g1", content="shorter")
    assert codec.decode_steer('{"content":"a","key":"k1"}', "g1") == Steer(id="g1", content="a", key="k1")
    for body, code in (
        ('{"content":" "}', ErrorCode.INVALID_FIELD),
        ("{}", ErrorCode.MISSING_FIELD),
        ('{"content":"a","id":"g2"}', ErrorCode.UNKNOWN_FIELD),
    ):
        with pytest.raises(RemoteProtocolError) as caught:
            codec.decode_steer(body, "g1")
        assert caught.value.code is code
