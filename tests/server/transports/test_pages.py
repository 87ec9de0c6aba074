"""The page, its files, and its security headers."""

import re

import pytest

from server.page.build import build
from server.page.bundle import BUNDLES, read_bundle
from server.page.sources import digest
from tests.server.transports.running import RunningServer

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; font-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types streamui-worker streamui-pdf streamui-service-worker"
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


def links_of(body: str) -> list[str]:
    """Return the scripts and styles that the page loads at once."""
    return re.findall(r'<(?:script|link rel="(?:stylesheet|modulepreload)")[^>]*(?:src|href)="([^"]+)"', body)


async def test_browser_that_has_the_page_gets_304(server: RunningServer) -> None:
    first = await server.get("/")
    etag = first.headers["etag"]
    for given in (etag, f'"other", {etag}', "*"):
        again = await server.get("/", headers={"if-none-match": given})
        assert (again.status, again.body) == (304, "")
        assert again.headers["etag"] == etag
        assert again.headers["cache-control"] == "no-cache"
        assert again.headers["content-security-policy"] == CSP
    assert (await server.get("/", headers={"if-none-match": '"other"'})).status == 200
    assert (await server.get("/c/0f9b3598e9c977ac", headers={"if-none-match": etag})).status == 304


async def test_the_module_for_foreign_pages_has_a_stable_address_and_imports_the_current_code(
    server: RunningServer,
) -> None:
    answer = await server.get("/embed/stream-ui.js")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    found = re.fullmatch(r'export \* from "\.\.(/static/(?:bundle|sources)/[0-9a-f]+)/stream-ui\.js";\n', answer.body)
    assert found, answer.body
    script = await server.get(f"{found[1]}/stream-ui.js")
    assert script.status == 200
    assert "immutable" in script.headers["cache-control"]
    assert (await server.get(f"{found[1]}/embed.css")).status == 200
    again = await server.get("/embed/stream-ui.js", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, "")


async def test_the_page_is_compressed_for_those_who_take_it(server: RunningServer) -> None:
    small = await server.get("/", headers={"accept-encoding": "gzip"})
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in (await server.get("/")).headers
    assert small.headers["etag"] == (await server.get("/")).headers["etag"]


async def test_page_files_are_served_and_cached(server: RunningServer) -> None:
    body = (await server.get("/")).body
    links = links_of(body)
    assert len(links) >= 3
    for link in (*links, *re.findall(r'"([^"]+\.(?:svg|png))"', body)):
        answer = await server.get(link)
        assert answer.status == 200, link
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable", link


async def test_without_a_bundle_the_page_loads_its_sources(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.page.links.read_bundle", lambda folder: None)
    links = links_of((await server.get("/")).body)
    folder = f"/static/sources/{digest()}"
    assert f"{folder}/app.js" in links
    assert f"{folder}/style.css" in links
    assert f"{folder}/chat-app.js" in links, "modules are loaded together, not one after the other"
    for link in links:
        answer = await server.get(link)
        assert answer.status == 200, link
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable", link


async def test_sources_below_another_digest_are_not_kept(server: RunningServer) -> None:
    await server.get("/")
    answer = await server.get("/static/sources/0123456789ab/app.js")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-cache"


@pytest.fixture
def bundle() -> str:
    """Return the name of the bundle; builds it if the checkout has none."""
    return (read_bundle() or build()).name


async def test_a_bundle_is_sent_compressed_or_as_it_is(server: RunningServer, bundle: str) -> None:
    path = f"/static/bundle/{bundle}/app.js"
    small = await server.get(path, headers={"accept-encoding": "br, gzip"})
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == (BUNDLES / bundle / "app.js.gz").read_bytes()
    plain = await server.get(path)
    assert "content-encoding" not in plain.headers
    assert plain.content == (BUNDLES / bundle / "app.js").read_bytes()
    for answer in (small, plain):
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    "path",
    [
        "/static/bundle/",
        "/static/bundle/bundle.json",
        "/static/bundle/NAME",
        "/static/bundle/NAME/",
        "/static/bundle/NAME/app.js.gz",
        "/static/bundle/NAME/../bundle.json",
        "/static/bundle/NAME/..%2fbundle.json",
        "/static/bundle/../../pyproject.toml",
        "/static/bundle/0123/app.js",
        "/static/sources/0123/../../../pyproject.toml",
        "/static/sources/0123/..%2f..%2fpyproject.toml",
        "/static/sources/0123/",
        "/static/sources/0123",
    ],
)
async def test_nothing_but_its_files_is_served_of_a_bundle(server: RunningServer, bundle: str, path: str) -> None:
    assert (await server.get(path.replace("NAME", bundle))).status == 404


async def test_the_page_has_no_inline_script_or_style(server: RunningServer) -> None:
    body = (await server.get("/")).body
    assert "<style" not in body
    assert "style=" not in body
    assert " on" not in "".join(tag for tag in body.split("<") if tag.startswith("body"))
    for script in body.split("<script")[1:]:
        assert "src=" in script.split(">")[0]


@pytest.mark.parametrize(
    ("file", "type"), [("app.js", "text/javascript"), ("chat-app.js", "text/javascript"), ("style.css", "text/css")]
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
