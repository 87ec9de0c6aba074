"""The server's log: the form of a line, and what no line may contain."""

import asyncio
import io
import json
import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from protocol.conformance.http import fetch
from server.logs import JsonFormatter, TextFormatter, belonging_to, event, set_up
from tests.server.test_main import END, started

MARK = "Zebrafink"
"""A word that occurs nowhere in the server."""


def record(level: int = logging.INFO, text: str = "it happened", **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("server.there", level, "file.py", 1, text, (), None)
    made.fields = fields
    return made


def test_a_line_of_text_has_the_fields_behind_it() -> None:
    line = TextFormatter().format(record(ms=12.345, route="/ws", none=None, note='a "b"\nc', empty=""))
    assert line == r'INFO server.there: it happened ms=12.3 route=/ws note="a \"b\"\nc" empty=""'


def test_a_line_of_json_is_one_object() -> None:
    line = JsonFormatter().format(record(ms=12.345, note="a\nb é"))
    entry = json.loads(line)
    assert "\n" not in line
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "info",
        "logger": "server.there",
        "message": "it happened",
        "ms": 12.345,
        "note": "a\nb é",
    }


def test_record_has_its_fields_only_inside_the_block() -> None:
    with belonging_to(request="r1"), belonging_to(connection="c1"):
        inside = TextFormatter().format(record(own=1))
    assert inside == "INFO server.there: it happened request=r1 connection=c1 own=1"
    assert TextFormatter().format(record()) == "INFO server.there: it happened"


@pytest.fixture
def restored() -> Iterator[None]:
    """Restore the logging configuration after the test."""
    loggers = [logging.root, *map(logging.getLogger, ("server", "protocol", "llama.cpp"))]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.parametrize(("level", "told"), [("debug", ["d", "i", "w"]), ("info", ["i", "w"]), ("error", [])])
def test_the_level_is_for_our_own_loggers_and_never_lets_libraries_chatter(
    level: str, told: list[str], restored: None
) -> None:
    stream = io.StringIO()
    set_up("json", level, stream)
    for name in ("server.x", "uvicorn.error", "websockets.server", "asyncio"):
        logger = logging.getLogger(name)
        event(logger, logging.DEBUG, "d")
        event(logger, logging.INFO, "i")
    event(logging.getLogger("server.x"), logging.WARNING, "w")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["logger"], line["message"]) for line in lines] == [("server.x", message) for message in told]


@pytest.mark.parametrize(("error", "text"), [(ValueError(MARK), "ValueError"), (OSError(MARK), f"OSError: {MARK}")])
def test_the_text_of_an_exception_is_reported_only_where_it_is_about_the_machine(error: Exception, text: str) -> None:
    try:
        raise error
    except Exception as raised:
        made = record(logging.ERROR)
        made.exc_info = (type(raised), raised, raised.__traceback__)
    lines = TextFormatter().format(made).splitlines()
    assert lines[-1] == text
    assert __file__ in lines[1]
    assert json.loads(JsonFormatter().format(made))["exception"] == lines[1:]


def test_lost_task_logs_no_values() -> None:
    made = logging.LogRecord("asyncio", logging.ERROR, "f", 1, f"Task exception\nfuture: {MARK}", (), None)
    assert TextFormatter().format(made) == "ERROR asyncio: Task exception"


# A running server, at its most talkative.

BODY = {
    "messages": [{"role": "system", "content": f"{MARK} system"}, {"role": "user", "content": f"Hello {MARK}"}],
    "params": {"stop": [MARK], "max_tokens": 12, "json_schema": {"type": "object", "title": MARK}},
}
REFUSED = (
    f'{{"type":"{MARK}"}}',
    f'{{"type":"generate","prompt":"x","{MARK}":1}}',
    f'{{"type":"generate","params":{{"seed":"{MARK}"}},"prompt":"x"}}',
    f'{{"type":"hello","attach":[{{"id":"{MARK}"}}],"token":"{MARK}"}}',
    f"{MARK} is no JSON",
)


async def converse(address: str) -> str:
    """Send MARK in every field that takes text; return the model's answer."""
    base, secret = f"http://{address}", {"authorization": f"Bearer {MARK}", "cookie": f"session={MARK}"}
    async with connect(f"ws://{address}/ws?{MARK}=1", proxy=None, additional_headers=secret) as socket:
        await socket.send(json.dumps({"type": "generate", "id": "g1", **BODY, "params": {"max_tokens": 30, "seed": 1}}))
        frames = [json.loads(await socket.recv())]
        while frames[-1]["type"] != "done":
            frames.append(json.loads(await socket.recv()))
        for frame in REFUSED[:4]:
            await socket.send(frame)
            await socket.recv()
    async with connect(f"ws://{address}/ws", proxy=None) as socket:
        with pytest.raises(ConnectionClosed):
            for _ in range(4):
                await socket.send(REFUSED[4])
            while True:
                await socket.recv()
    async with connect(f"ws://{address}/ws?plain=1&x={MARK}", proxy=None) as socket:
        await socket.send(f"Hi {MARK}")
        await socket.recv()
    for method, path, body in (
        ("POST", "/generate", json.dumps(BODY)),
        ("POST", "/generate/stream", json.dumps(BODY)),
        ("POST", "/generate", MARK),
        ("GET", f"/generations/{MARK}", None),
        ("GET", f"/generations/g1/events?after={MARK}", None),
        ("GET", f"/nothing/{MARK}", None),
        ("POST", f"/channel/{MARK}", json.dumps({"type": "ping"})),
        ("GET", f"/static/{MARK}.js", None),
        ("GET", "/metrics", None),
    ):
        await fetch(method, base + path, None if body is None else body.encode(), secret)
    return "".join(frame.get("text", "") for frame in frames)


@pytest.mark.parametrize("format", ["json", "text"])
async def test_no_line_of_the_log_has_a_prompt_a_text_or_a_secret(tmp_path: Path, format: str) -> None:
    options = ("--log-level=debug", f"--log-format={format}")
    async with started(str(tmp_path), *options) as (process, address):
        async with asyncio.timeout(120):
            answer, (_, told) = await asyncio.gather(converse(address), spoken(process))
    assert len(answer) > 20
    assert "generation done" in told and "request" in told
    assert MARK.lower() not in told.lower()
    assert answer not in told
    assert [piece for piece in answer.split(". ") if len(piece) > 20 and piece in told] == []
    if format == "json":
        assert_belongs_together([json.loads(line) for line in told.splitlines()])


async def spoken(process: asyncio.subprocess.Process) -> tuple[str, str]:
    """Return all output of the process. It is stopped once it has logged no new requests for a while."""
    assert process.stderr is not None
    lines: list[str] = []
    while not any("/metrics" in line for line in lines):
        lines.append((await process.stderr.readline()).decode())
        assert lines[-1], lines[-5:]
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(END):
        out, err = await process.communicate()
    return out.decode(), "".join(lines) + err.decode()


def assert_belongs_together(entries: list[dict[str, Any]]) -> None:
    """Check an answer's lines: its connection, its request, and the duration of each phase."""
    (done,) = [e for e in entries if e["message"] == "generation done" and e["generation"] == "g1"]
    (accepted,) = [e for e in entries if e["message"] == "generation accepted" and e["generation"] == "g1"]
    assert accepted["prompt_tokens"] == done["prompt_tokens"]
    assert done["completion_tokens"] > 0
    assert 0 < done["first_token_ms"] <= done["total_ms"]
    opened = next(e for e in entries if e["message"] == "connection opened")
    assert (done["connection"], done["request"]) == (opened["connection"], opened["request"])
    requests = [e for e in entries if e["message"] == "request"]
    assert {"method": "WEBSOCKET", "route": "/ws", "status": 101}.items() <= next(
        e for e in requests if e["request"] == done["request"]
    ).items()
    assert {(e["method"], e.get("route"), e["status"]) for e in requests} >= {
        ("POST", "/generate", 200),
        ("POST", "/generate", 400),
        ("GET", "/generations/{id}", 404),
        ("POST", "/channel/{connection}", 404),
        ("GET", "/static", 404),
        ("GET", None, 404),
        ("GET", "/metrics", 200),
    }
