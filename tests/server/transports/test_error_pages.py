"""Errors for a person in a browser, and for every other client."""

import json
import logging
import re

import pytest

from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
OTHERS: tuple[dict[str, str], ...] = (
    {},
    {"accept": "*/*"},
    {"accept": "application/json"},
    {"accept": "text/event-stream"},
)


def is_page(body: str, title: str) -> bool:
    return body.startswith("<!doctype html>") and f"<h1>{title}</h1>" in body


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/api",
        "/api/conversations/unknown",
        "/api/conversations/unknown/export",
        "/generations/unknown",
        "/c/a/b",
        "/static/",
        "/static/nothing.js",
        "/static/vendor/katex/nothing.js",
        "/static/bundle/0123/app.js",
        "/login/x",
        "/<script>alert(1)</script>",
    ],
)
async def test_an_unknown_address_is_a_page_for_a_browser_and_json_for_others(server: RunningServer, path: str) -> None:
    page = await server.get(path, headers=BROWSER)
    assert page.status == 404
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert is_page(page.body, "Page not found")
    assert "alert" not in page.body
    for headers in OTHERS:
        answer = await server.get(path, headers=headers)
        told = json.loads(answer.body)
        assert (answer.status, told["type"], told["code"]) == (404, "error", "unknown_id")
        assert path in told["message"] or "unknown" in path
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/nowhere", "/static/nothing.js", "/static/vendor/katex/nothing.js"])
async def test_error_page_has_its_files(server: RunningServer, path: str) -> None:
    page = await server.get(path, headers=BROWSER)
    links = re.findall(r'(?:src|href)="([^"]+)"', page.body)
    assert len(links) == 5
    for link in links:
        assert (await server.get(link)).status == 200, link
    assert "require-trusted-types-for 'script'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/generate", "/generations", "/channel/c1"])
async def test_an_address_with_another_method_is_told_as_such(server: RunningServer, path: str) -> None:
    page = await server.get(path, headers=BROWSER)
    assert page.status == 405
    assert is_page(page.body, "Page not found")
    assert "POST" in page.headers["allow"]
    answer = await server.get(path)
    assert (answer.status, json.loads(answer.body)["code"]) == (405, "bad_frame")
    assert "POST" in answer.headers["allow"]


async def test_a_name_that_is_not_the_servers_is_told_to_the_admin(server: RunningServer) -> None:
    page = await server.get("/", headers={**BROWSER, "host": "evil.example"})
    assert page.status == 403
    assert is_page(page.body, "Access denied")
    assert "--allow-host NAME" in page.body
    assert (await server.get("/", headers={"host": "evil.example"})).headers["content-type"].startswith("text/plain")


async def test_too_many_requests_are_reported_with_the_time_to_wait(model: ScriptedModel) -> None:
    async with serving(model, guard=Guard(limits=UsageLimits(messages=1))) as server:
        pages = [await server.get("/", headers=BROWSER) for _ in range(30)]
    page = next(page for page in pages if page.status == 429)
    assert is_page(page.body, "Too many requests")
    assert int(page.headers["retry-after"]) >= 1


async def test_the_state_of_a_failed_server_stays_readable_in_a_browser(server: RunningServer) -> None:
    server.registry.parts.died("tokens", "a test", level=logging.INFO)
    answer = await server.get("/healthz", headers=BROWSER)
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert "a test" in answer.body


async def test_successful_responses_are_unchanged(server: RunningServer) -> None:
    for path in ("/", "/healthz", "/static/app.js", "/api/conversations", "/service-worker.js"):
        assert (await server.get(path, headers=BROWSER)).body == (await server.get(path)).body


async def test_a_fault_of_the_server_is_a_page_too(model: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise RuntimeError("a test")

    async with serving(model) as server:
        monkeypatch.setattr("server.transports.pages.FileResponse", fail)
        page = await server.get("/service-worker.js", headers=BROWSER)
        other = await server.get("/service-worker.js")
    assert (page.status, other.status) == (500, 500)
    assert is_page(page.body, "Something went wrong")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "a test" not in page.body
