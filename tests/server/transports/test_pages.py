"""The page, its files, and the headers that guard them."""

import pytest

from tests.server.transports.running import RunningServer

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types streamui-worker streamui-service-worker"
)


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/static/app.js", "/static/nothing.js", "/nowhere"], ids=lambda path: path
)
async def test_every_answer_has_the_headers(server: RunningServer, path: str) -> None:
    headers = (await server.get(path)).headers
    assert headers["content-security-policy"] == CSP
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize("path", ["/", "/c/0f9b3598e9c977ac"])
async def test_the_page_is_html_and_is_not_kept(server: RunningServer, path: str) -> None:
    answer = await server.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "<title>" in answer.body


async def test_the_page_has_no_inline_script_or_style(server: RunningServer) -> None:
    body = (await server.get("/")).body
    assert "<style" not in body
    assert "style=" not in body
    assert " on" not in "".join(tag for tag in body.split("<") if tag.startswith("body"))
    for script in body.split("<script")[1:]:
        assert "src=" in script.split(">")[0]


@pytest.mark.parametrize(
    ("file", "type"), [("app.js", "text/javascript"), ("stream-ui.js", "text/javascript"), ("style.css", "text/css")]
)
async def test_files_have_their_type(server: RunningServer, file: str, type: str) -> None:
    answer = await server.get(f"/static/{file}")
    assert answer.status == 200
    assert answer.headers["content-type"].split(";")[0] == type
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.body


async def test_the_service_worker_sees_every_address_and_is_never_kept(server: RunningServer) -> None:
    answer = await server.get("/service-worker.js")
    assert answer.status == 200
    assert answer.headers["content-type"].split(";")[0] == "text/javascript"
    assert answer.headers["cache-control"] == "no-cache"
    assert "/static/offline/offline.html" in answer.body


@pytest.mark.parametrize(
    ("file", "type"),
    [("manifest.webmanifest", "application/manifest+json"), ("icon.svg", "image/svg+xml")],
)
async def test_files_of_the_installed_page_have_their_type(server: RunningServer, file: str, type: str) -> None:
    answer = await server.get(f"/static/{file}")
    assert answer.status == 200
    assert answer.headers["content-type"].split(";")[0] == type


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pyproject.toml",
        "/static/%2e%2e/pyproject.toml",
        "/static/..%2fpyproject.toml",
        "/static/..%5cpyproject.toml",
        "/static//etc/passwd",
        "/static/%2fetc/passwd",
        "/static/",
        "/static/protocol",
    ],
)
async def test_nothing_outside_the_frontend_is_served(server: RunningServer, path: str) -> None:
    assert (await server.get(path)).status == 404


@pytest.mark.parametrize("path", ["/", "/healthz", "/static/app.js"])
async def test_pages_are_only_read(server: RunningServer, path: str) -> None:
    assert (await server.get(path, "POST")).status == 405
    assert (await server.get(path, "HEAD")).status == 200
