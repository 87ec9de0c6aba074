"""Slow clients: heads, bodies and `hello`s that never end, against servers with short time limits."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.attack import Attack, Raw, Socket
from tests.hostile.wire import HOST, POST

HEADS: list[tuple[bytes, tuple[int, ...]]] = [
    (b"", ()),
    (b"G", (408,)),
    (b"GET / HTTP/1.1\r\n", (408,)),
    (b"GET / HTTP/1.1\r\n" + HOST + b"x-slow: ", (408,)),
    (b"GET /ws HTTP/1.1\r\n" + HOST + b"upgrade: websocket\r\nconnection: upgrade\r\n", (408,)),
]
"""Bytes to send, and the statuses of the responses before the server closes. Nothing more is ever sent."""

JSON = b" HTTP/1.1\r\n" + HOST + b"content-type: application/json\r\n"
FORM = b" HTTP/1.1\r\n" + HOST + b"content-type: application/x-www-form-urlencoded\r\n"

BODIES: list[tuple[str, bytes]] = [
    ("open", POST + b"content-length: 100\r\n\r\n"),
    ("open", POST + b'content-length: 100\r\n\r\n{"prompt":'),
    ("open", POST + b"transfer-encoding: chunked\r\n\r\n"),
    ("open", POST + b"transfer-encoding: chunked\r\n\r\n5\r\n{"),
    ("open", POST + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n"),
    ("open", b"POST /generate" + JSON + b"content-length: 9\r\n\r\n"),
    ("open", b"POST /generate/stream" + JSON + b"content-length: 9\r\n\r\n"),
    ("open", b"POST /api/conversations" + JSON + b"content-length: 9\r\n\r\n"),
    ("open", b"POST /api/conversations/import" + JSON + b"content-length: 67108864\r\n\r\n["),
    ("open", b"PATCH /api/conversations/x" + JSON + b"content-length: 9\r\n\r\n"),
    ("open", b"POST /channel" + JSON + b"content-length: 9\r\n\r\n"),
    ("locked", b"POST /channel" + JSON + b"content-length: 9\r\n\r\n"),
    ("locked", b"POST /login" + FORM + b"content-length: 9\r\n\r\n"),
]
"""Unfinished requests with a body, each answered with 408. On a server with tokens, only endpoints that need none."""

WITHOUT_HELLO: list[tuple[tuple[str | bytes, ...], tuple[str, ...]]] = [
    ((), ()),
    (('{"type":"ping"}',), ()),
    (('{"type":"generate","prompt":"Hi"}',), ("unexpected_message",)),
    (("{",), ("bad_json",)),
    ((b"\x81\xfe\x10\x00",), ()),
]
"""Frames in place of `hello`, and the errors before the close with 4408."""


def attacks() -> Iterator[Attack]:
    for at in ("open", "locked"):
        yield from (Raw("slow head", sent, statuses, at) for sent, statuses in HEADS)
    yield from (Raw("slow body", sent, (408,), at) for at, sent in BODIES)
    yield from (Socket("no hello", sent, codes, 4408, at="locked") for sent, codes in WITHOUT_HELLO)
