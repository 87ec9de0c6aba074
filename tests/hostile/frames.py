"""Invalid frames of a WebSocket: as frames, as JSON, as messages."""

from __future__ import annotations

from collections.abc import Iterator

from protocol.codec import MAX_FRAME_BYTES, MAX_FRAME_OBJECTS
from tests.hostile.attack import Attack, Socket
from tests.hostile.change_frames import CHANGES, FORKS
from tests.hostile.line import BINARY, CLOSE, PING, TEXT, frame, frame_head

LONG = "x" * 65
GIVEN = '{"type":"generate","conversation":"nobody","results":'
FUNCTION = '{"function":{"name":"f"}}]}'

MESSAGES: dict[str, list[tuple[str, str]]] = {
    "hello": [
        ('{"type":"hello","token":7}', "invalid_field"),
        ('{"type":"hello","token":"' + "x" * 4097 + '"}', "invalid_field"),
        ('{"type":"hello","client":"' + "x" * 257 + '"}', "invalid_field"),
        ('{"type":"hello","attach":"all"}', "invalid_field"),
        ('{"type":"hello","attach":[{"epoch":"e"}]}', "missing_field"),
        ('{"type":"hello","attach":[' + ",".join(['{"id":"x"}'] * 257) + "]}", "invalid_field"),
        ('{"type":"hello","attach":[{"id":"nobody"}]}', "unknown_id"),
        ('{"type":"hello","admin":true}', "unknown_field"),
    ],
    "generate": [
        *FORKS,
        ('{"type":"generate"}', "missing_field"),
        ('{"type":"generate","prompt":null}', "missing_field"),
        ('{"type":"generate","prompt":""}', "empty_prompt"),
        ('{"type":"generate","prompt":"\\u2028\\u3000"}', "empty_prompt"),
        ('{"type":"generate","prompt":7}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","prompt":"Ho"}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","messages":[]}', "invalid_field"),
        ('{"type":"generate","messages":[]}', "invalid_field"),
        ('{"type":"generate","messages":{}}', "invalid_field"),
        ('{"type":"generate","messages":[{"role":"robot","content":"x"}]}', "invalid_field"),
        ('{"type":"generate","messages":[{"role":"tool","content":"x"}]}', "missing_field"),
        ('{"type":"generate","messages":[{"role":"tool","content":"x","tool_call_id":7}]}', "invalid_field"),
        ('{"type":"generate","messages":[{"role":"user","content":"x","tool_call_id":"c"}]}', "invalid_field"),
        (
            '{"type":"generate","messages":[{"role":"user","content":"x","tool_calls":[{"id":"c","function":'
            '{"name":"f","arguments":"{}"}}]}]}',
            "invalid_field",
        ),
        ('{"type":"generate","prompt":"x","tools":{}}', "invalid_field"),
        ('{"type":"generate","prompt":"x","tools":[{"type":"web_search","function":{"name":"f"}}]}', "invalid_field"),
        ('{"type":"generate","prompt":"x","tools":[{"function":{"name":"<|im_end|>"}}]}', "invalid_field"),
        ('{"type":"generate","prompt":"x","tools":[{"function":{"name":"f","extra":1}}]}', "unknown_field"),
        (
            '{"type":"generate","prompt":"x","tools":[' + ",".join(['{"function":{"name":"f"}}'] * 129) + "]}",
            "invalid_field",
        ),
        ('{"type":"generate","prompt":"x","tool_choice":"required"}', "invalid_field"),
        ('{"type":"generate","prompt":"x","tool_choice":"f"}', "invalid_field"),
        ('{"type":"generate","prompt":"x","chat_template_kwargs":[]}', "invalid_field"),
        (
            '{"type":"generate","prompt":"x","chat_template_kwargs":{"a":"' + "x" * 65_536 + '"}}',
            "invalid_field",
        ),
        ('{"type":"generate","prompt":"x","reasoning_effort":""}', "invalid_field"),
        (
            '{"type":"generate","prompt":"x","tool_choice":"required","tools":[{"function":{"name":"f","strict":true,'
            '"parameters":{"properties":{"a":{"$ref":"file:///etc/passwd"}}}}}]}',
            "unsupported",
        ),
        ('{"type":"generate","messages":[{"role":"user"}]}', "missing_field"),
        ('{"type":"generate","messages":[{"role":"user","content":[]}]}', "invalid_field"),
        ('{"type":"generate","messages":[{"role":"system","content":"x"}]}', "invalid_field"),
        ('{"type":"generate","messages":[{"role":"user","content":"Hi","name":"x"}]}', "unknown_field"),
        ('{"type":"generate","prompt":"Hi","id":""}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","id":"' + LONG + '"}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","id":"a/../b"}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","id":"é"}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","raw":1}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","temporary":"yes"}', "invalid_field"),
        ('{"type":"generate","conversation":"c","content":"Hi","temporary":true}', "invalid_field"),
        ('{"type":"generate","messages":[{"role":"user","content":"Hi"}],"raw":true}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","top_logprobs":21}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","top_logprobs":-1}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","on_detach_ms":-1}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","on_detach_ms":2147483648}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","on_detach_ms":0.5}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","template":"{{x}}"}', "unknown_field"),
        ('{"type":"generate","prompt":"Hi","state":"AAAA"}', "unknown_field"),
        ('{"type":"generate","prompt":"Hi","conversation":"c"}', "invalid_field"),
        ('{"type":"generate","conversation":"nobody","content":"Hi"}', "unknown_id"),
        ('{"type":"generate","conversation":"nobody","content":" "}', "empty_prompt"),
        ('{"type":"generate","conversation":"nobody","parent":null}', "missing_field"),
        ('{"type":"generate","conversation":"nobody","parent":"m1"}', "unknown_id"),
        ('{"type":"generate","conversation":"a b","content":"Hi"}', "invalid_field"),
        (GIVEN + '[{"tool_call_id":"c","content":"2"}]}', "unknown_id"),
        (GIVEN + "[]}", "invalid_field"),
        (GIVEN + '{"tool_call_id":"c","content":"2"}}', "invalid_field"),
        (GIVEN + '[{"tool_call_id":"","content":"2"}]}', "invalid_field"),
        (GIVEN + '[{"tool_call_id":"c"}]}', "missing_field"),
        (GIVEN + '[{"tool_call_id":"c","content":{}}]}', "invalid_field"),
        (GIVEN + '[{"tool_call_id":"c","content":"2","name":"f"}]}', "unknown_field"),
        (GIVEN + '[{"tool_call_id":"c","content":"2"},{"tool_call_id":"c","content":"3"}]}', "invalid_field"),
        (GIVEN + '[{"tool_call_id":"c","content":"2"}],"content":"Hi"}', "invalid_field"),
        (GIVEN + '[{"tool_call_id":"c","content":"2"}],"parent":null}', "invalid_field"),
        (GIVEN + "[" + ",".join(f'{{"tool_call_id":"{n}","content":""}}' for n in range(257)) + "]}", "invalid_field"),
        ('{"type":"generate","prompt":"Hi","results":[{"tool_call_id":"c","content":"2"}]}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","content":"Hi"}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","parent":"m1"}', "invalid_field"),
        ('{"type":"generate","prompt":"Hi","message_id":"m1"}', "invalid_field"),
        ('{"type":"generate","prompt":"' + "x" * 3000 + '"}', "context_overflow"),
        ('{"type":"generate","prompt":"\\ud83d"}', "bad_json"),
    ],
    "draft": [
        ('{"type":"draft","content":"Hi"}', "invalid_field"),
        ('{"type":"draft","prompt":"Hi"}', "unknown_field"),
        ('{"type":"draft","messages":[]}', "invalid_field"),
        ('{"type":"draft","messages":[{"role":"robot","content":"x"}]}', "invalid_field"),
        ('{"type":"draft","messages":[{"role":"user","content":"x"}],"conversation":"c"}', "invalid_field"),
        ('{"type":"draft","conversation":"a b","content":"Hi"}', "invalid_field"),
        ('{"type":"draft","model":""}', "invalid_field"),
    ],
    **CHANGES,
    "cancel": [
        ('{"type":"cancel"}', "nothing_to_cancel"),
        ('{"type":"cancel","all":true}', "nothing_to_cancel"),
        ('{"type":"cancel","all":"yes"}', "invalid_field"),
        ('{"type":"cancel","id":"x","all":true}', "invalid_field"),
        ('{"type":"cancel","id":"nobody"}', "unknown_id"),
        ('{"type":"cancel","id":7}', "invalid_field"),
        ('{"type":"cancel","id":"*"}', "invalid_field"),
        ('{"type":"cancel","force":true}', "unknown_field"),
    ],
    "attach": [
        ('{"type":"attach"}', "missing_field"),
        ('{"type":"attach","id":null}', "invalid_field"),
        ('{"type":"attach","id":"nobody"}', "unknown_id"),
        ('{"type":"attach","id":"nobody","after":-1}', "invalid_field"),
        ('{"type":"attach","id":"nobody","after":9007199254740992}', "invalid_field"),
        ('{"type":"attach","id":"nobody","after":1.5}', "invalid_field"),
        ('{"type":"attach","id":"nobody","after":"1"}', "invalid_field"),
        ('{"type":"attach","id":"nobody","epoch":"a b"}', "invalid_field"),
        ('{"type":"attach","id":"nobody","epoch":"' + LONG + '"}', "invalid_field"),
        ('{"type":"attach","id":["nobody"]}', "invalid_field"),
        ('{"type":"attach","id":"nobody","principal":"alice"}', "unknown_field"),
    ],
    "detach": [
        ('{"type":"detach"}', "missing_field"),
        ('{"type":"detach","id":"nobody"}', "unknown_id"),
        ('{"type":"detach","id":"' + LONG + '"}', "invalid_field"),
        ('{"type":"detach","id":{}}', "invalid_field"),
        ('{"type":"detach","id":"x","all":true}', "unknown_field"),
    ],
    "status": [
        ('{"type":"status","id":"nobody"}', "unknown_id"),
        ('{"type":"status","id":""}', "invalid_field"),
        ('{"type":"status","id":0}', "invalid_field"),
        ('{"type":"status","of":"alice"}', "unknown_field"),
    ],
    "ping": [
        ('{"type":"ping","nonce":"' + "x" * 129 + '"}', "invalid_field"),
        ('{"type":"ping","nonce":7}', "invalid_field"),
        ('{"type":"ping","nonce":{}}', "invalid_field"),
        ('{"type":"ping","nonce":"a","nonce":"b"}', "invalid_field"),
        ('{"type":"ping","payload":"x"}', "unknown_field"),
    ],
    "watch": [
        ('{"type":"watch","id":"c"}', "unknown_field"),
        ('{"type":"watch","principal":"alice"}', "unknown_field"),
        ('{"type":"watch","type":"watch"}', "invalid_field"),
    ],
}
"""Invalid messages by type; each is sent alone."""

PARAMS: list[tuple[str, str]] = [
    ('"temperature":2.01', "invalid_field"),
    ('"temperature":-0.01', "invalid_field"),
    ('"temperature":"0"', "invalid_field"),
    ('"temperature":1e999', "invalid_field"),
    ('"temperature":NaN', "bad_json"),
    ('"top_p":1.01', "invalid_field"),
    ('"top_k":-1', "invalid_field"),
    ('"top_k":2147483648', "invalid_field"),
    ('"min_p":-1', "invalid_field"),
    ('"typical_p":2', "invalid_field"),
    ('"top_n_sigma":101', "invalid_field"),
    ('"xtc_probability":2', "invalid_field"),
    ('"xtc_threshold":-1', "invalid_field"),
    ('"max_tokens":0', "invalid_field"),
    ('"max_tokens":2147483648', "invalid_field"),
    ('"max_tokens":1.5', "invalid_field"),
    ('"stop":[]', "invalid_field"),
    ('"stop":"x"', "invalid_field"),
    ('"stop":[""]', "invalid_field"),
    ('"stop":["' + "x" * 257 + '"]', "invalid_field"),
    ('"stop":[' + ",".join(['"x"'] * 17) + "]", "invalid_field"),
    ('"seed":4294967296', "invalid_field"),
    ('"seed":-2', "invalid_field"),
    ('"presence_penalty":3', "invalid_field"),
    ('"frequency_penalty":-3', "invalid_field"),
    ('"repeat_penalty":0', "invalid_field"),
    ('"repeat_last_n":-1', "invalid_field"),
    ('"dry_multiplier":101', "invalid_field"),
    ('"dry_base":0.5', "invalid_field"),
    ('"dry_allowed_length":0', "invalid_field"),
    ('"dry_penalty_last_n":-1', "invalid_field"),
    ('"dry_sequence_breakers":[' + ",".join(['"x"'] * 17) + "]", "invalid_field"),
    ('"dry_sequence_breakers":["' + LONG + '"]', "invalid_field"),
    ('"logit_bias":{"x":1}', "invalid_field"),
    ('"logit_bias":{"1":101}', "invalid_field"),
    ('"logit_bias":{"-1":1}', "invalid_field"),
    ('"logit_bias":{' + ",".join(f'"{n}":1' for n in range(1025)) + "}", "invalid_field"),
    ('"json_schema":true', "invalid_field"),
    ('"json_schema":{"pattern":"' + "x" * 65_536 + '"}', "invalid_field"),
    ('"json_schema":{"pattern":"(?=(a+)+$)"}', "unsupported"),
    (
        '"json_schema":{"allOf":[' + ",".join(f'{{"pattern":"[ab]*a[ab]{{{n}}}"}}' for n in range(10, 40)) + "]}",
        "unsupported",
    ),
    ('"json_schema":{"x-guidance":{"lenient":true},"not":{}}', "unsupported"),
    ('"json_schema":{"$ref":"file:///etc/passwd"}', "unsupported"),
    ('"json_schema":{"$ref":"http://127.0.0.1:$PORT/healthz"}', "unsupported"),
    ('"temprature":1', "unknown_field"),
    ('"temperature":1,"temperature":0', "invalid_field"),
]

TEXTS: list[tuple[str, tuple[str, ...]]] = [
    ("hello", ("bad_json",)),
    ("{", ("bad_json",)),
    ("[]", ("bad_json",)),
    ("null", ("bad_json",)),
    ("{}", ("missing_field",)),
    ('{"type":null}', ("invalid_field",)),
    ('{"type":{}}', ("invalid_field",)),
    ('{"type":"sing"}', ("unknown_type",)),
    ('{"type":"GENERATE","prompt":"Hi"}', ("unknown_type",)),
    ('{"type":"welcome"}', ("unknown_type",)),
    ('{"type":"done","id":"x"}', ("unknown_type",)),
    ('{"type":"' + "x" * 100_000 + '"}', ("unknown_type",)),
    ('{"type":"ping","type":"generate","prompt":"Hi"}', ("invalid_field",)),
    ('{"type":"ping"} {"type":"ping"}', ("bad_json",)),
    ("{'type':'ping'}", ("bad_json",)),
    ('{"type":"ping",}', ("bad_json",)),
    ('{"type":"ping"}//', ("bad_json",)),
    ("\ufeff" + '{"type":"ping"}', ("bad_json",)),
    ("\x00", ("bad_json",)),
    ('{"a":' * 100_000, ("bad_json",)),
    ("[" * 100_000, ("bad_json",)),
    ('{"type":"ping","x":' + "[" * 5000 + "]" * 5000 + "}", ("bad_json",)),
    ("{}\n" * (MAX_FRAME_OBJECTS + 1), ("bad_frame",)),
    ("{}\n" * 20, ("missing_field",) * 16 + ("bad_frame",)),
    ('{"type":"sing"}\n{\n{"type":"cancel"}', ("unknown_type", "bad_json", "nothing_to_cancel")),
    ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", ("bad_json", "bad_json")),
]

OVERLONG = frame_head(TEXT, MAX_FRAME_BYTES + 1)
"""A head alone: the server must not wait for the rest."""

FRAMES: list[tuple[tuple[str | bytes, ...], tuple[str, ...], int | None]] = [
    ((frame(BINARY, b'{"type":"ping"}'),), ("bad_frame",), None),
    ((frame(BINARY, b""),), ("bad_frame",), None),
    ((frame(BINARY, b"x"),) * 3, ("bad_frame",) * 3, 4400),
    (("{", "{", "{"), ("bad_json",) * 3, 4400),
    (("{", frame(BINARY, b""), "x"), ("bad_json", "bad_frame", "bad_json"), 4400),
    (("{", "{", '{"type":"sing"}', "{", "{"), ("bad_json",) * 2 + ("unknown_type",) + ("bad_json",) * 2, None),
    (("{", "", "{", "\n\n", "{"), ("bad_json",) * 3, 4400),
    ((OVERLONG,), (), 1009),
    ((frame_head(TEXT, 2**40),), (), 1009),
    ((frame_head(BINARY, MAX_FRAME_BYTES + 1),), (), 1009),
    ((frame(TEXT, b" " * MAX_FRAME_BYTES, fin=False), frame_head(0, 1)), (), 1009),
    ((frame_head(TEXT, 2**63),), (), 1009),
    ((frame(TEXT, b"\xff\xfe"),), (), 1007),
    ((frame(TEXT, b"\xed\xa0\x80"),), (), 1007),
    ((frame(TEXT, b"{}", mask=False),), (), 1002),
    ((frame(TEXT, b"{}", reserved=4),), (), 1002),
    ((frame(TEXT, b"{}", reserved=1),), (), 1002),
    ((frame(3, b""),), (), 1002),
    ((frame(11, b""),), (), 1002),
    ((frame(0, b"{}"),), (), 1002),
    ((frame(TEXT, b"{", fin=False), frame(TEXT, b"}")), (), 1002),
    ((frame(PING, b"x" * 126),), (), 1002),
    ((frame(PING, b"", fin=False),), (), 1002),
    ((frame(CLOSE, b"\x03"),), (), 1002),
    ((frame(CLOSE, (999).to_bytes(2)),), (), 1002),
    ((frame(CLOSE, (1005).to_bytes(2)),), (), 1002),
    ((frame(CLOSE, (1000).to_bytes(2) + b"\xff"),), (), 1007),
    ((b"GET / HTTP/1.1\r\n\r\n",), (), 1002),
]
"""Frames, the expected errors, and the close code."""

BEFORE_HELLO: list[tuple[str, tuple[str, ...]]] = [
    ('{"type":"generate","prompt":"Hi"}', ("unexpected_message",)),
    ('{"type":"cancel"}', ("unexpected_message",)),
    ('{"type":"attach","id":"herss"}', ("unexpected_message",)),
    ('{"type":"detach","id":"herss"}', ("unexpected_message",)),
    ('{"type":"status"}', ("unexpected_message",)),
    ('{"type":"watch"}', ("unexpected_message",)),
    ('{"type":"sing"}', ("unknown_type",)),
    ('{"type":"generate","prompt":"Hi","conversation":"hersc"}', ("invalid_field",)),
]

REFUSED_HELLOS = (
    '{"type":"hello"}',
    '{"type":"hello","token":null}',
    '{"type":"hello","token":""}',
    '{"type":"hello","token":"sui_wrong"}',
    '{"type":"hello","token":"$REVOKED"}',
    '{"type":"hello","token":" $ALICE"}',
    '{"type":"hello","token":"$ALICE\\u0000"}',
    '{"type":"hello","token":"Bearer $ALICE"}',
    '{"type":"hello","token":"' + "x" * 4096 + '"}',
    '{"type":"hello","token":"sui_wrong"}\n{"type":"generate","prompt":"Hi"}',
)

REPLAYED: list[tuple[tuple[str, ...], tuple[str, ...]]] = [
    (('{"type":"hello"}', '{"type":"hello"}'), ("unexpected_message",)),
    (('{"type":"hello"}\n{"type":"hello"}\n{"type":"hello"}',), ("unexpected_message",) * 2),
    (
        (
            '{"type":"generate","id":"$FRESH","prompt":"Hi"}\n{"type":"generate","id":"$FRESH","prompt":"Ho"}',
            '{"type":"generate","id":"$FRESH","prompt":"Hi","raw":true}',
            '{"type":"generate","id":"$FRESH","prompt":"Hi","params":{"seed":1}}',
        ),
        ("id_conflict",) * 3,
    ),
    (('{"type":"watch"}', '{"type":"watch"}', '{"type":"watch"}'), ()),
]

PLAIN: list[tuple[str, tuple[bytes, ...], int]] = [
    ("?plain=1", (frame(BINARY, b"x"),) * 3, 4400),
    ("?plain=1", (OVERLONG,), 1009),
    ("?plain=1", (frame(TEXT, b"\xff"),), 1007),
    ("?close_when_idle=1", (frame(TEXT, b'{"type":"sing"}'),), 1000),
]


def attacks() -> Iterator[Attack]:
    yield Socket("draft", ('{"type":"draft","conversation":"nobody","content":"Hi"}',), ("unknown_id",), is_late=True)
    for name, rows in MESSAGES.items():
        yield from (Socket(name, (sent,), (code,)) for sent, code in rows)
    for given, code in PARAMS:
        yield Socket("params", ('{"type":"generate","prompt":"Hi","params":{' + given + "}}",), (code,))
    yield from (Socket("text", (sent,), codes) for sent, codes in TEXTS)
    yield from (Socket("frames", sent, codes, close) for sent, codes, close in FRAMES)
    yield from (Socket("before hello", (sent,), codes, at="locked") for sent, codes in BEFORE_HELLO)
    yield from (Socket("refused hello", (sent,), (), 4401, at="locked") for sent in REFUSED_HELLOS)
    yield Socket("long before hello", ('{"type":"ping"}' + " " * 65_536,), ("bad_frame",), 1009, at="locked")
    yield Socket("much before hello", ('{"type":"ping"}' + " " * 60_000,) * 5, ("bad_frame",), 1009, at="locked")
    yield from (Socket("replayed", sent, codes) for sent, codes in REPLAYED)
    hello = ('{"type":"hello","token":"$ALICE"}', '{"type":"hello","token":"$BOB"}')
    yield Socket("replayed", hello, ("unexpected_message",), at="locked")
    yield from (_plain(query, sent, close) for query, sent, close in PLAIN)


def _plain(query: str, sent: tuple[bytes, ...], close: int) -> Attack:
    codes = ("unknown_type",) if "idle" in query else ()
    return Socket("query", sent, codes, close, query=query)
