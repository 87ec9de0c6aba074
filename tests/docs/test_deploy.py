"""The site of docs/deploy/nginx.conf in front of the real server. Only addresses and certificates are replaced."""

import asyncio
import dataclasses
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from protocol.codec import MAX_FRAME_BYTES
from server.transports.conversation_files import MOST_BYTES
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.nginx import nginx
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"


def site() -> str:
    """Start the site without TLS."""
    text = (DEPLOY / "nginx.conf").read_text()
    text, certificates = re.subn(r"^ *ssl_.*\n", "", text, flags=re.MULTILINE)
    text, upstreams = re.subn(r"127\.0\.0\.1:8000", "127.0.0.1:UPSTREAM", text)
    text, listens = re.subn(r"listen 443 ssl http2;\n *listen \[::\]:443 ssl http2;", "listen 127.0.0.1:PORT;", text)
    assert (certificates, upstreams, listens) == (2, 1, 1)
    return text


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncIterator[RunningServer]:
    async with serving(ScriptedModel()) as server:
        with nginx(server.port, tmp_path, site()) as port:
            yield dataclasses.replace(server, port=port)


async def test_a_websocket_passes_before_the_end_of_an_answer(proxied: RunningServer) -> None:
    proxied.model.gate.close()
    async with connect(f"ws://127.0.0.1:{proxied.port}/ws", proxy=None) as socket:
        assert json.loads(await socket.recv())["type"] == "welcome"
        await socket.send('{"type":"generate","prompt":"Hi"}')
        await proxied.held()
        proxied.model.gate.step(8)  # a character takes up to four steps, and the prompt its own
        async with asyncio.timeout(DEADLINE):
            while json.loads(await socket.recv())["type"] != "token":
                pass
        assert proxied.registry.active


async def test_a_stream_passes_before_its_end(proxied: RunningServer) -> None:
    proxied.model.gate.close()
    async with proxied.listen("POST", "/generate/stream", '{"prompt":"Hi"}') as listener:
        await proxied.held()
        proxied.model.gate.step(8)  # a character takes up to four steps, and the prompt its own
        await listener.take("token")
        proxied.model.gate.open()
        await listener.take("done")


async def test_the_proxys_id_is_the_servers(proxied: RunningServer) -> None:
    answer = await proxied.ask("GET", "/readyz")
    assert answer.status == 200
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])


async def test_metrics_stay_inside(proxied: RunningServer) -> None:
    assert (await proxied.ask("GET", "/metrics")).status == 404


@pytest.mark.parametrize(("size", "status"), [(MOST_BYTES, 200), (MOST_BYTES + 1, 413)])
async def test_a_file_of_chats_passes_as_large_as_the_server_takes_it(
    proxied: RunningServer, size: int, status: int
) -> None:
    empty = b'{"format":"streamui.conversations","version":1,"conversations":[]}'
    answer = await proxied.ask("POST", "/api/conversations/import", empty.ljust(size).decode())
    assert answer.status == status


async def test_no_other_body_is_let_in_that_is_larger_than_a_frame(proxied: RunningServer) -> None:
    assert (await proxied.ask("POST", "/api/conversations", " " * (MAX_FRAME_BYTES + 1))).status == 413


@pytest.fixture(params=["", "/"], ids=["the path is passed on", "the path is removed"])
async def below(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunningServer]:
    """Start a site with docs/deploy/nginx-sub-path.conf. A slash after the upstream's address makes nginx remove the
    path."""
    part = (DEPLOY / "nginx-sub-path.conf").read_text()
    part = part.replace("127.0.0.1:8000;", f"127.0.0.1:8000{request.param};", 1).replace(
        "127.0.0.1:8000", "127.0.0.1:UPSTREAM"
    )
    site = f"server {{ listen 127.0.0.1:PORT;\n{part}\nlocation / {{ return 404; }} }}"
    async with serving(ScriptedModel(), root_path="/chat") as server:
        with nginx(server.port, tmp_path, site) as port:
            yield dataclasses.replace(server, port=port)


async def test_below_a_path_everything_is_there(below: RunningServer) -> None:
    page = await below.ask("GET", "/chat/")
    assert page.status == 200
    links = re.findall(r'(?:src|href)="(/chat/static/[^"]*)"', page.body)
    assert len(links) >= 5
    for link in (*links, "/chat/service-worker.js", "/chat/healthz", "/chat/api/conversations"):
        assert (await below.get(link)).status == 200, link
    moved = await below.ask("GET", "/chat")
    assert moved.status == 301
    assert moved.headers["location"].endswith("/chat/")
    assert (await below.ask("GET", "/chat/metrics")).status == 404
    assert (await below.ask("GET", "/")).status == 404


async def test_below_a_path_every_transport_passes(below: RunningServer) -> None:
    async with connect(f"ws://127.0.0.1:{below.port}/chat/ws", proxy=None) as socket:
        assert json.loads(await socket.recv())["type"] == "welcome"
    below.model.gate.close()
    async with below.listen("POST", "/chat/generate/stream", '{"prompt":"Hi"}') as listener:
        await below.held()
        below.model.gate.step(8)
        await listener.take("token")
        below.model.gate.open()
        await listener.take("done")
    begun = await below.ask("POST", "/chat/generations", '{"id":"g1","prompt":"Hi"}')
    assert begun.headers["location"] == "/chat/generations/g1"
    assert (await below.ask("GET", "/chat/generations/g1/poll?wait=0")).status in (200, 204)


async def test_below_a_path_a_file_of_chats_passes(below: RunningServer) -> None:
    empty = b'{"format":"streamui.conversations","version":1,"conversations":[]}'
    answer = await below.ask("POST", "/chat/api/conversations/import", empty.ljust(2 << 20).decode())
    assert answer.status == 200


def test_the_unit_gives_a_drain_the_time_it_needs() -> None:
    unit = (DEPLOY / "streamui.service").read_text()
    drain, stop = (int(re.search(rf"{name}=(\d+)$", unit, re.M)[1]) for name in ("STREAMUI_DRAIN", "TimeoutStopSec"))  # type: ignore[index]
    assert stop > drain + 5
