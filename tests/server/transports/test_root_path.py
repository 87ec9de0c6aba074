"""A server below a path, behind a proxy that removes the path and behind one that doesn't."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import connect

from server.guard.guard import Guard
from server.guard.token_store import TokenStore, hash_of
from server.guard.tokens import Tokens, new_token
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving

ROOT = "/tools/chat"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with serving(ScriptedModel(), root_path=ROOT) as server:
        yield server


@pytest.fixture(params=[ROOT, ""], ids=["left there", "removed"])
def prefix(request: pytest.FixtureRequest) -> str:
    """Return what a proxy puts before the path of a request for ``ROOT`` and a path of the server."""
    return str(request.param)


@pytest.mark.parametrize("page", ["/", "/c/0f9b3598e9c977ac"])
async def test_every_address_in_the_page_is_below_the_root_path(server: RunningServer, prefix: str, page: str) -> None:
    body = (await server.get(prefix + page)).body
    addresses = re.findall(r'(?:src|href|action)="(/[^"]*)"', body)
    assert len(addresses) > 5
    for address in addresses:
        assert address.startswith(f"{ROOT}/"), address
        assert (await server.get(prefix + address.removeprefix(ROOT))).status == 200, address


async def test_the_offline_page_has_its_files_below_the_root_path(server: RunningServer, prefix: str) -> None:
    body = (await server.get(f"{prefix}/static/offline/offline.html")).body
    addresses = re.findall(r'(?:src|href)="(/[^"]*)"', body)
    assert len(addresses) == 5
    for address in addresses:
        assert address.startswith(f"{ROOT}/static/"), address


async def test_the_manifest_names_addresses_beside_it(server: RunningServer, prefix: str) -> None:
    manifest = json.loads((await server.get(f"{prefix}/static/manifest.webmanifest")).body)
    assert (manifest["start_url"], manifest["scope"]) == ("../", "../")
    for icon in manifest["icons"]:
        assert (await server.get(f"{prefix}/static/{icon['src']}")).status == 200


async def test_the_root_path_itself_leads_to_the_page(server: RunningServer) -> None:
    answer = await server.get(ROOT)
    assert answer.status == 307
    assert answer.headers["location"].endswith(f"{ROOT}/")


@pytest.mark.parametrize("path", [f"{ROOT}x", f"{ROOT}{ROOT}/", "/tools", "/tools/"])
async def test_another_path_is_not_found(server: RunningServer, path: str) -> None:
    assert (await server.get(path)).status == 404


async def test_a_location_is_below_the_root_path(server: RunningServer, prefix: str) -> None:
    made = await server.ask("POST", f"{prefix}/api/conversations", '{"id":"frogs"}')
    assert made.headers["location"] == f"{ROOT}/api/conversations/frogs"
    begun = await server.ask("POST", f"{prefix}/generations", '{"id":"g1","prompt":"Hi"}')
    assert begun.headers["location"] == f"{ROOT}/generations/g1"


async def test_every_transport_works(server: RunningServer, prefix: str) -> None:
    async with connect(f"ws://127.0.0.1:{server.port}{prefix}/ws", proxy=None) as socket:
        assert json.loads(await socket.recv())["type"] == "welcome"
    async with server.listen("GET", f"{prefix}/channel") as listener:
        await listener.take("welcome")
    opened = await server.ask("POST", f"{prefix}/channel", "{}")
    assert opened.status in (200, 201)


@pytest.fixture
async def locked(tmp_path: Path) -> AsyncIterator[tuple[RunningServer, str]]:
    """A server with tokens, and a token."""
    store, token = TokenStore(tmp_path), new_token()
    assert store.add("alice", hash_of(token))
    async with serving(ScriptedModel(), guard=Guard(tokens=Tokens(store)), root_path=ROOT) as server:
        yield server, token


async def test_logging_in_and_out_stays_below_the_root_path(locked: tuple[RunningServer, str], prefix: str) -> None:
    server, token = locked
    sent_away = await server.ask("GET", f"{prefix}/c/frogs")
    assert sent_away.headers["location"] == f"{ROOT}/login?conversation=frogs"
    page = await server.ask("GET", f"{prefix}/login")
    assert f'action="{ROOT}/login"' in page.body
    assert (await server.get(f"{prefix}/static/icon.svg")).status == 200
    headers = {"origin": f"http://127.0.0.1:{server.port}", "content-type": FORM}
    form = urlencode({"token": token, "conversation": "frogs"})
    admitted = await server.ask("POST", f"{prefix}/login", form, headers)
    assert admitted.headers["location"] == f"{ROOT}/c/frogs"
    cookie = admitted.headers["set-cookie"]
    assert f"Path={ROOT};" in f"{cookie};"
    session = {"cookie": cookie.partition(";")[0]}
    assert (await server.ask("GET", f"{prefix}/api/conversations", headers=session)).status == 200
    left = await server.ask("POST", f"{prefix}/logout", "", {**headers, **session})
    assert left.headers["location"] == f"{ROOT}/login"
    assert f"Path={ROOT};" in f"{left.headers['set-cookie']};"
    assert (await server.ask("GET", f"{prefix}/api/conversations", headers=session)).status == 401
