"""Bytes that are not HTTP, or that two parsers could read as different requests (smuggling)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.attack import Attack, Raw, handshake
from tests.hostile.line import UPGRADE

HOST = b"host: 127.0.0.1:$PORT\r\n"
JSON = b"content-type: application/json\r\n"
POST = b"POST /generations HTTP/1.1\r\n" + HOST + JSON
GET = b"GET /healthz HTTP/1.1\r\n" + HOST
HIDDEN = b"GET /static/app.js HTTP/1.1\r\n" + HOST + b"\r\n"
"""Smuggled request, which the server must never treat as a request of its own."""

SMUGGLED = [
    POST + b"content-length: 2\r\ncontent-length: 20\r\n\r\n{}" + HIDDEN,
    POST + b"content-length: 2, 20\r\n\r\n{}" + HIDDEN,
    POST + b"content-length: 0\r\ncontent-length: 50\r\n\r\n" + HIDDEN,
    POST + b"content-length: +2\r\n\r\n{}" + HIDDEN,
    POST + b"content-length: -2\r\n\r\n{}" + HIDDEN,
    POST + b"content-length: 0x2\r\n\r\n{}" + HIDDEN,
    POST + b"content-length: 2 2\r\n\r\n{}" + HIDDEN,
    POST + b"content-length: " + b"9" * 30 + b"\r\n\r\n{}" + HIDDEN,
    POST + b"content-length: two\r\n\r\n{}" + HIDDEN,
    POST + b"content-length: \xb2\r\n\r\n{}" + HIDDEN,
    POST + b"content-length:\r\n\r\n{}" + HIDDEN,
    POST + b"transfer-encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    POST + b"transfer-encoding: chunked, identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    POST + b"transfer-encoding: identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    POST + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    POST + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    POST + b"transfer-encoding:\x0bchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    POST + b"transfer-encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + HIDDEN,
    b"GET /healthz HTTP/1.1\r\n" + HOST + HOST + b"\r\n" + HIDDEN,
    b"GET /healthz HTTP/1.1\r\n\r\n" + HIDDEN,
    b"GET /healthz HTTP/1.1\r\nhost\r\n\r\n" + HIDDEN,
    b"GET /healthz HTTP/1.1\r\n: x\r\n" + HOST + b"\r\n" + HIDDEN,
    GET + b"x-a: b\x00c\r\n\r\n" + HIDDEN,
    GET + b"x-a: b\rc\r\n\r\n" + HIDDEN,
    GET + b"x a: b\r\n\r\n" + HIDDEN,
    GET + b"x\xffa: b\r\n\r\n" + HIDDEN,
    b"GET /healthz HTTP/1.1 HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    b"GET\t/healthz\tHTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    b"GET /healthz HTTP/1.12\r\n" + HOST + b"\r\n" + HIDDEN,
    b"GET /healthz http/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    b"GET /healthz\r\n" + HOST + b"\r\n" + HIDDEN,
    b"GET /heal\x00thz HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    b"G\x00T /healthz HTTP/1.1\r\n" + HOST + b"\r\n" + HIDDEN,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
    b"\r\n\r\n\x00\x00\x00\r\n\r\n",
    b'{"type":"generate","prompt":"Hi"}\n\r\n\r\n',
    b"GET /" + b"a" * 100_000,
    b"GET / HTTP/1.1\r\n" + HOST + b"x: " + b"a" * 100_000,
    b"GET / HTTP/1.1\r\n" + HOST + b"".join(b"x-%d: y\r\n" % n for n in range(10_000)),
    b"\n" * 100_000,
]
"""Each is answered once, with 400, and the connection is closed."""

CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
CHUNKS = [
    b"zz\r\n{}\r\n0\r\n\r\n",
    b"-2\r\n{}\r\n0\r\n\r\n",
    b"0x2\r\n{}\r\n0\r\n\r\n",
    b"2\r\n{}x\r\n0\r\n\r\n",
    b"2 \r\n{}\r\nrubbish\r\n\r\n",
    b"\r\n{}\r\n0\r\n\r\n",
    b"f" * 40 + b"\r\n{}",
    b"2;" + b"x" * 100_000,
]

CLOSE = b"connection: close\r\n\r\n"
ANSWERED: list[tuple[bytes, tuple[int, ...]]] = [
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (403, 400)),
    (POST + b" content-length: 2\r\n\r\n{}" + HIDDEN, (415, 400)),
    (b"GET /healthz HTTP/1.0\r\n\r\n", (403,)),
    (b"GET http://evil.example/ HTTP/1.1\r\nhost: evil.example\r\n" + CLOSE, (403,)),
    (b"GET http://evil.example/healthz HTTP/1.1\r\n" + HOST + CLOSE, (404,)),
    (b"GET * HTTP/1.1\r\n" + HOST + CLOSE, (404,)),
    (b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n" + CLOSE, (403,)),
    (b"CONNECT 127.0.0.1:$PORT HTTP/1.1\r\n" + HOST + CLOSE, (404,)),
    (GET + b"expect: 200-maybe\r\n" + CLOSE, (200,)),
    (
        GET + b"upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\nconnection: upgrade, http2-settings\r\n" + CLOSE,
        (200,),
    ),
    (GET + b"origin: http://127.0.0.1:$PORT\r\norigin: http://evil.example\r\n" + CLOSE, (403,)),
    (POST + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + GET + CLOSE, (400, 200)),
]

HANDSHAKES: list[tuple[int, str, str, str]] = [
    (400, "", "sec-websocket-version", "12"),
    (400, "", "sec-websocket-version", "x"),
    (400, "", "sec-websocket-version", ""),
    (400, "", "sec-websocket-key", ""),
    (400, "", "sec-websocket-key", "short"),
    (400, "", "sec-websocket-key", "not base64!"),
    (400, "", "sec-websocket-key", "AAAA" * 2000),
    (400, "streamui.v1", "sec-websocket-protocol", "streamui.v9"),
    (400, "streamui.v1", "sec-websocket-protocol", "mqtt, graphql-ws"),
    (400, "", "sec-websocket-protocol", "bad protocol name"),
]


def attacks() -> Iterator[Attack]:
    yield from (Raw("smuggling", sent, (400,)) for sent in SMUGGLED)
    yield from (Raw("chunks", CHUNKED + sent, (400,)) for sent in CHUNKS)
    yield from (Raw("answered", sent, statuses) for sent, statuses in ANSWERED)
    for status, told, name, value in HANDSHAKES:
        yield handshake("handshake", status, told, headers=((name, value),))
    yield Raw("upgrade", b"POST /ws HTTP/1.1\r\n" + HOST + _upgrade() + b"\r\n", (405,))
    yield Raw("upgrade", b"GET /nowhere HTTP/1.1\r\n" + HOST + _upgrade() + b"\r\n", (403,))


def _upgrade() -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in UPGRADE).encode()
