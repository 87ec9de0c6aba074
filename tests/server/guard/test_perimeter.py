"""Host names that are not the server's, and pages of other origins."""

from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from protocol.messages import Welcome
from server.guard.guard import Guard
from server.guard.token_store import TokenStore
from server.guard.tokens import Tokens
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.guard.conftest import Keys, bearer
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

EVIL = ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example:{port}", "a b", ""]
PATHS = ["/", "/healthz", "/static/app.js", "/generations/g1", "/nowhere"]


@pytest.fixture
async def named(no_errors_logged: None) -> AsyncIterator[RunningServer]:
    guard = Guard(hosts=("chat.example",), origins=("https://app.example",))
    async with serving(ScriptedModel(), guard=guard) as server:
        yield server


@pytest.mark.parametrize("host", EVIL)
@pytest.mark.parametrize("path", PATHS)
async def test_a_name_that_points_here_and_is_not_ours_is_403(server: RunningServer, host: str, path: str) -> None:
    reply = await server.ask("GET", path, headers={"host": host.format(port=server.port)})
    assert reply.status == 403
    assert "--allow-host" in reply.body
    assert "content-security-policy" in reply.headers


@pytest.mark.parametrize("host", ["localhost:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}", "LocalHost"])
async def test_our_names_are_let_in(server: RunningServer, host: str) -> None:
    assert (await server.ask("GET", "/healthz", headers={"host": host.format(port=server.port)})).status == 200


async def test_a_name_that_the_operator_gave_is_ours(named: RunningServer) -> None:
    assert (await named.ask("GET", "/healthz", headers={"host": "chat.example"})).status == 200
    assert (await named.ask("GET", "/healthz", headers={"host": "www.chat.example"})).status == 403


ORIGINS = [
    "null",
    "https://evil.example",
    "http://localhost:{port}",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "http://127.0.0.1:{port}.evil.example",
    "file://",
    "",
]


@pytest.mark.parametrize("given", ORIGINS)
@pytest.mark.parametrize(("method", "path"), [("POST", "/generations"), ("GET", "/channel"), ("OPTIONS", "/generate")])
async def test_a_page_of_another_origin_is_403(server: RunningServer, given: str, method: str, path: str) -> None:
    headers = {"origin": given.format(port=server.port)}
    reply = await server.ask(method, path, '{"prompt":"Hi"}' if method == "POST" else None, headers)
    assert reply.status == 403
    assert "--allow-origin" in reply.body
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert server.registry.active == []


@pytest.mark.parametrize("given", ORIGINS)
async def test_a_page_of_another_origin_opens_no_socket(
    server: RunningServer, given: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with server.socket(additional_headers={"origin": given.format(port=server.port)}):
            pass
    assert refused.value.response.status_code == 403
    assert b"--allow-origin" in (refused.value.response.body or b"")
    await server.get("/healthz")
    caplog.clear()  # uvicorn complains of every refusal


async def test_a_name_that_is_not_ours_opens_no_socket(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"origin": f"http://evil.example:{server.port}"}
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            f"ws://evil.example:{server.port}/ws", host="127.0.0.1", proxy=None, additional_headers=headers
        ):
            pass
    assert refused.value.response.status_code == 403
    assert b"--allow-host" in (refused.value.response.body or b"")
    await server.get("/healthz")
    caplog.clear()


async def test_our_own_page_is_let_in(server: RunningServer) -> None:
    headers = {"origin": f"http://127.0.0.1:{server.port}"}
    async with server.socket(additional_headers=headers) as socket:
        await Peer(socket).take(Welcome)
    assert (await server.ask("POST", "/generations", '{"prompt":"Hi"}', headers)).status == 201


async def test_a_page_that_the_operator_names_is_let_in_and_may_read(named: RunningServer) -> None:
    headers = {"origin": "https://app.example"}
    async with named.socket(additional_headers=headers) as socket:
        await Peer(socket).take(Welcome)
    reply = await named.ask("POST", "/generations", '{"prompt":"Hi"}', headers)
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (201, "https://app.example")
    assert "access-control-allow-credentials" not in reply.headers
    asked = {**headers, "access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    preflight = await named.ask("OPTIONS", "/generate", headers=asked)
    assert preflight.status == 200
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert "*" not in preflight.headers.values()


@pytest.mark.parametrize("headers", [{}, {"origin": "https://app.example"}], ids=["own", "foreign"])
async def test_a_file_that_the_own_page_has_is_not_reused_for_a_foreign_page(
    named: RunningServer, headers: dict[str, str]
) -> None:
    for path in ("/static/app.js", "/embed/stream-ui.js"):
        reply = await named.get(path, headers=headers)
        assert reply.status == 200
        assert reply.headers["vary"].lower().split(", ").count("origin") == 1, path
        assert reply.headers.get("access-control-allow-origin") == headers.get("origin")


async def test_a_preflight_needs_no_token(model: ScriptedModel, keys: Keys) -> None:
    guard = Guard(tokens=Tokens(TokenStore(keys.folder)), origins=("https://app.example",))
    async with serving(model, guard=guard) as server:
        headers = {"origin": "https://app.example", "access-control-request-method": "GET"}
        assert (await server.ask("OPTIONS", "/generations/g1", headers=headers)).status == 200
        reply = await server.ask("GET", "/generations/g1", headers={"origin": "https://app.example"})
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (401, "https://app.example")
        reply = await server.ask("GET", "/generations/g1", headers={**headers, **bearer(keys.alice)})
        assert reply.status == 404


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_requests_of_other_sites_are_403_and_links_are_allowed(server: RunningServer, site: str) -> None:
    loaded = {"sec-fetch-site": site, "sec-fetch-mode": "no-cors"}
    assert (await server.ask("GET", "/channel", headers=loaded)).status == 403
    followed = {"sec-fetch-site": site, "sec-fetch-mode": "navigate"}
    assert (await server.ask("GET", "/", headers=followed)).status == 200


async def test_without_tokens_nobody_from_elsewhere_is_let_in(server: RunningServer) -> None:
    """A proxy on this machine names the client that it forwards for."""
    elsewhere = {"x-forwarded-for": "192.0.2.7"}
    reply = await server.ask("GET", "/generations/g1", headers=elsewhere)
    assert reply.status == 403
    assert "--auth token" in reply.body


async def test_with_tokens_who_has_one_may_be_elsewhere(locked: RunningServer, keys: Keys) -> None:
    elsewhere = {"x-forwarded-for": "192.0.2.7"}
    assert (await locked.ask("GET", "/generations/g1", headers={**elsewhere, **bearer(keys.alice)})).status == 404
    assert (await locked.ask("GET", "/generations/g1", headers=elsewhere)).status == 401
