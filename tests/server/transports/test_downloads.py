"""The endpoints of models and downloads: what they answer, who may use them, and a server that is killed meanwhile."""

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from protocol.conformance.http import fetch
from server.guard.guard import Guard
from server.guard.limits import ModelGetters
from server.guard.token_store import TokenStore, hash_of
from server.guard.tokens import Tokens
from server.models.local_models import LocalModels
from server.models.memory import ChatSizes
from tests.faults.lives import living
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.models.headers import header
from tests.server.models.small_hub import SmallHub
from tests.server.models.small_hub import serving as hub_serving
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving

AT = "/api/downloads"
CONTENT = header() + b"\0" * 300_000
CUT = 100_000
SOURCE = "maker/repo:Q4_K_M"
NAME = "streamui/maker/repo/tiny-Q4_K_M"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.models.fetching.PAUSE", 0.0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def hub() -> Iterator[SmallHub]:
    with hub_serving(SmallHub({"tiny-Q4_K_M.gguf": CONTENT, "tiny-Q8_0.gguf": CONTENT + b"8"})) as hub:
        yield hub
        if hub.gate:
            hub.gate.set()


@contextlib.asynccontextmanager
async def running(
    folder: Path, hub: SmallHub, guard: Guard | None = None, *, offline: bool = False
) -> AsyncIterator[RunningServer]:
    environ = {"HF_ENDPOINT": hub.url, "HOME": str(folder / "nobody")}
    models = LocalModels(folder / "models", folder, environ, ChatSizes(None, 4), offline=offline)
    async with serving(ScriptedModel(), guard=guard, local_models=models) as server:
        yield server


async def call(
    server: RunningServer, method: str, path: str, body: Any = None, token: str | None = None
) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {token}"} if token else None
    answer = await server.ask(
        method, path, body if body is None or isinstance(body, str) else json.dumps(body), headers
    )
    return answer.status, json.loads(answer.body)


async def until(server: RunningServer, state: str, token: str | None = None) -> dict[str, Any]:
    """Return the only download once it is in this state, by long poll as the page does it."""
    query = ""
    async with asyncio.timeout(DEADLINE):
        while True:
            status, told = await call(server, "GET", f"{AT}{query}", token=token)
            assert status == 200, told
            (download,) = told["downloads"]
            if download["state"] == state:
                return dict(download)
            query = f"?after={told['version']}&wait=25"


async def test_a_model_is_found_downloaded_listed_and_deleted(tmp_path: Path, hub: SmallHub) -> None:
    async with running(tmp_path, hub) as server:
        status, found = await call(server, "GET", "/api/hub?q=tiny")
        assert (status, found["repositories"][0]["repository"]) == (200, "maker/repo")
        status, found = await call(server, "GET", "/api/hub/maker/repo")
        assert (status, [each["source"] for each in found["models"]]) == (200, [SOURCE, "maker/repo:Q8_0"])
        status, download = await call(server, "POST", AT, {"source": SOURCE})
        assert (status, download["state"]) == (202, "waiting")
        done = await until(server, "done")
        assert (done["id"], done["name"], done["arrived"]) == (download["id"], NAME, len(CONTENT))
        status, listed = await call(server, "GET", "/api/models")
        assert (status, listed["may_get"], listed["offline"]) == (200, True, False)
        mine = next(each for each in listed["models"] if each["full_name"] == NAME)
        assert (mine["removable"], mine["in_use"], mine["size"]) == (True, False, len(CONTENT))
        assert str(tmp_path) not in json.dumps(listed)
        assert await call(server, "DELETE", f"/api/models/{quote(NAME)}") == (200, {"full_name": NAME})
        status, error = await call(server, "DELETE", f"/api/models/{quote(NAME)}")
        assert (status, error["code"]) == (404, "unknown_model")


async def test_two_browsers_see_the_same_queue_and_steer_it(tmp_path: Path, hub: SmallHub) -> None:
    hub.cut, hub.gate = [CUT], threading.Event()
    async with running(tmp_path, hub) as server:
        _, download = await call(server, "POST", AT, {"source": SOURCE})
        assert await asyncio.to_thread(hub.waiting.wait, DEADLINE)
        (_, one), (_, two) = await asyncio.gather(call(server, "GET", AT), call(server, "GET", AT))
        assert [each["id"] for each in one["downloads"]] == [each["id"] for each in two["downloads"]]
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(until(server, "stopped"))
            status, _ = await call(server, "POST", f"{AT}/{download['id']}/stop", {})
            assert status == 200
        assert waiting.result()["name"] == NAME
        hub.gate.set()
        status, again = await call(server, "POST", f"{AT}/{download['id']}/resume", {})
        assert (status, again["id"]) == (202, download["id"])
        await until(server, "done")
        assert (await call(server, "DELETE", f"{AT}/{download['id']}"))[0] == 200
        assert (await call(server, "GET", AT))[1]["downloads"] == []


async def test_a_poll_without_news_ends_after_its_wait(tmp_path: Path, hub: SmallHub) -> None:
    async with running(tmp_path, hub) as server:
        _, told = await call(server, "GET", AT)
        assert await call(server, "GET", f"{AT}?after={told['version']}&wait=0.01") == (200, told)


async def test_the_hub_that_refuses_is_told_with_the_reason(tmp_path: Path, hub: SmallHub) -> None:
    hub.refusal = 429
    async with running(tmp_path, hub) as server:
        for path in ("/api/hub?q=x", "/api/hub/maker/repo"):
            status, error = await call(server, "GET", path)
            assert (status, error["code"]) == (502, "hub_failed")
            assert "too many requests" in error["message"]
        await call(server, "POST", AT, {"source": SOURCE})
        assert "too many requests" in (await until(server, "failed"))["error"]


async def test_addresses_of_this_machine_are_not_downloaded(tmp_path: Path, hub: SmallHub) -> None:
    async with running(tmp_path, hub) as server:
        with hub_serving(SmallHub(hub.files)) as other:
            status, _ = await call(server, "POST", AT, {"source": f"{other.url}/x.gguf"})
            assert status == 202
            assert "not a public address" in (await until(server, "failed"))["error"]
            assert other.ranges == []


WRONG: list[tuple[str, str, Any, int, str]] = [
    ("POST", AT, "", 400, "bad_json"),
    ("POST", AT, "[]", 400, "bad_json"),
    ("POST", AT, {}, 400, "missing_field"),
    ("POST", AT, {"source": 5}, 400, "invalid_field"),
    ("POST", AT, {"source": SOURCE, "path": "/etc"}, 400, "unknown_field"),
    *(
        ("POST", AT, {"source": source}, 400, "invalid_field")
        for source in (
            "",
            "x",
            "/etc/passwd",
            "../x",
            "..",
            "../..",
            "a/..",
            "./a",
            "a/b/c",
            "file:///x.gguf",
            "ftp://x/y",
            "http://[::1/x.gguf",
            "http://x:abc/x.gguf",
            "http:///x.gguf",
            "http://x:0/x.gguf",
        )
    ),
    ("POST", AT, {"source": "a/b\n"}, 202, ""),
    ("POST", AT, {"source": "a\n/b"}, 400, "invalid_field"),
    ("POST", AT, {"source": "https://x.example/" + "x" * 2000}, 400, "invalid_field"),
    ("GET", f"{AT}?after=x", None, 400, "invalid_field"),
    ("GET", f"{AT}?after=1&wait=61", None, 400, "invalid_field"),
    ("DELETE", f"{AT}/no", None, 404, "unknown_id"),
    ("POST", f"{AT}/no/stop", {}, 404, "unknown_id"),
    ("POST", f"{AT}/no/resume", {}, 404, "unknown_id"),
    ("GET", "/api/hub", None, 400, "invalid_field"),
    ("GET", "/api/hub?q=" + "x" * 201, None, 400, "invalid_field"),
    ("GET", "/api/hub/../x", None, 400, "invalid_field"),
    ("GET", "/api/hub/a/..%2fb", None, 404, "unknown_id"),
    ("GET", "/api/hub/a/b:c", None, 400, "invalid_field"),
    ("GET", "/api/hub/.a/b", None, 400, "invalid_field"),
    ("DELETE", "/api/models/built-in/starter", None, 403, "forbidden"),
    ("DELETE", "/api/models/..%2f..%2fetc%2fpasswd", None, 404, "unknown_model"),
]


async def test_wrong_requests_are_refused(tmp_path: Path, hub: SmallHub) -> None:
    async with running(tmp_path, hub) as server:
        for method, path, body, status, code in WRONG:
            got, error = await call(server, method, path, body)
            assert (got, error.get("code", "")) == (status, code), (method, path, body, error)


class People:
    """A server with tokens. The first is the operator's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("first", "second"):
            self.add(name)

    def add(self, name: str, token: str | None = None) -> None:
        store = TokenStore(self.folder)
        store.revoke(name)
        assert store.add(name, hash_of(token or f"token-{name}"))
        store.close()

    def guard(self, getters: ModelGetters) -> Guard:
        return Guard(tokens=Tokens(TokenStore(self.folder)), model_getters=getters)


REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/api/hub?q=x", None),
    ("GET", "/api/hub/maker/repo", None),
    ("GET", AT, None),
    ("POST", AT, {"source": SOURCE}),
    ("POST", f"{AT}/no/stop", {}),
    ("POST", f"{AT}/no/resume", {}),
    ("DELETE", f"{AT}/no", None),
    ("DELETE", "/api/models/streamui/x", None),
]


@pytest.mark.parametrize(
    ("getters", "who", "may"),
    [
        ("owner", "first", True),
        ("owner", "second", False),
        ("all", "second", True),
        ("nobody", "first", False),
    ],
)
async def test_who_may_get_models(tmp_path: Path, hub: SmallHub, getters: ModelGetters, who: str, may: bool) -> None:
    people = People(tmp_path)
    async with running(tmp_path, hub, people.guard(getters)) as server:
        for method, path, body in REQUESTS:
            status, error = await call(server, method, path, body, token=f"token-{who}")
            assert (status == 403) is not may, (method, path, error)
            assert may or ("--who-may-get-models" in error["message"] and error["code"] == "forbidden")
        status, listed = await call(server, "GET", "/api/models", token=f"token-{who}")
        assert (status, listed["may_get"]) == (200, may)
    assert bool(hub.searches) is may


async def test_the_owner_stays_the_owner_with_a_new_token(tmp_path: Path, hub: SmallHub) -> None:
    """No one else becomes the owner when the first token is revoked."""
    people = People(tmp_path)
    async with running(tmp_path, hub, people.guard("owner")) as server:
        people.add("first", "another-token")
        assert (await call(server, "GET", AT, token="another-token"))[0] == 200
        assert (await call(server, "GET", AT, token="token-second"))[0] == 403


async def test_nobody_means_also_without_tokens(tmp_path: Path, hub: SmallHub) -> None:
    async with running(tmp_path, hub, Guard(model_getters="nobody")) as server:
        assert (await call(server, "GET", AT))[0] == 403


async def test_an_offline_server_does_not_ask_the_hub(tmp_path: Path, hub: SmallHub) -> None:
    async with running(tmp_path, hub, offline=True) as server:
        for method, path, body in (*REQUESTS[:2], REQUESTS[3], REQUESTS[5]):
            status, error = await call(server, method, path, body)
            assert (status, error["code"]) == (403, "forbidden")
            assert "--offline on" in error["message"]
        assert (await call(server, "GET", AT))[1]["downloads"] == []
        assert (await call(server, "GET", "/api/models"))[1]["offline"] is True
    assert hub.searches == hub.ranges == []


async def test_a_server_without_models_says_so() -> None:
    async with serving(ScriptedModel()) as server:
        for method, path, body in (*REQUESTS, ("GET", "/api/models", None)):
            assert (await call(server, method, path, body))[0] == 403


async def test_a_waiting_poll_does_not_keep_the_server_from_ending(tmp_path: Path, hub: SmallHub) -> None:
    async with running(tmp_path, hub) as server:
        _, told = await call(server, "GET", AT)
        async with server.listen_for(f"{AT}?after={told['version']}&wait=60"):
            await server.waits_in("_changed")


async def test_a_killed_server_continues_its_download(
    tmp_path: Path, hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.cut, hub.gate = [CUT], threading.Event()
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    command = ("server", "serve", "--port", "0", "--data", str(tmp_path))
    async with living(*command) as life:
        url = f"http://127.0.0.1:{life.port}"
        answer = await _fetch("POST", f"{url}{AT}", {"source": SOURCE})
        assert await asyncio.to_thread(hub.waiting.wait, DEADLINE)
        folder = tmp_path / "models" / ".downloads"
        async with asyncio.timeout(DEADLINE):
            while sum(part.stat().st_size for part in folder.glob("*/*.part")) < CUT:
                await asyncio.sleep(0.01)
        await life.kill()
    hub.gate.set()
    assert list((tmp_path / "models").glob("maker/**/*.gguf")) == []
    async with living(*command) as life:
        url, query, download = f"http://127.0.0.1:{life.port}", "", answer
        async with asyncio.timeout(DEADLINE):
            while download["state"] != "done":
                told = await _fetch("GET", f"{url}{AT}{query}")
                (download,) = told["downloads"]
                query = f"?after={told['version']}&wait=25"
        assert download["id"] == answer["id"]
    assert (tmp_path / "models" / "maker" / "repo" / "tiny-Q4_K_M.gguf").read_bytes() == CONTENT
    assert hub.ranges == [None, f"bytes={CUT}-"]
    assert os.stat(tmp_path / "downloads.sqlite3").st_mode & 0o077 == 0


async def _fetch(method: str, url: str, body: Any = None) -> Any:
    answer = await fetch(method, url, None if body is None else json.dumps(body).encode(), None)
    return json.loads(answer.body)
