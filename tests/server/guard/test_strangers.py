"""Another user's id gets the same response as an unknown one: for every verb and route, byte for byte."""

import json
from collections.abc import AsyncIterator

import pytest

from protocol.messages import Accepted, Generate
from tests.server.guard.conftest import Keys, bearer
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer

HERS = "herss"
NOBODYS = "nobod"
"""Unknown id, as long as the other, so that the responses have the same length too."""

VERBS = {
    "attach": {"type": "attach", "id": HERS},
    "attach after": {"type": "attach", "id": HERS, "epoch": "e", "after": 3},
    "attach in hello": {"type": "hello", "attach": [{"id": HERS, "epoch": "e", "after": 0}]},
    "cancel": {"type": "cancel", "id": HERS},
    "detach": {"type": "detach", "id": HERS},
    "status": {"type": "status", "id": HERS},
}

ROUTES = [
    ("GET", f"/generations/{HERS}"),
    ("DELETE", f"/generations/{HERS}"),
    ("GET", f"/generations/{HERS}/events"),
    ("GET", f"/generations/{HERS}/events?epoch=e&after=2"),
    ("GET", f"/generations/{HERS}/poll?wait=0"),
    ("GET", f"/generations/{HERS}/poll?wait=0&after=9"),
]


@pytest.fixture(params=["running", "done"])
async def hers(locked: RunningServer, keys: Keys, request: pytest.FixtureRequest) -> AsyncIterator[RunningServer]:
    """A server on which alice has a running or an ended generation."""
    locked.model.gate.close()
    async with locked.peer(additional_headers=bearer(keys.alice)) as alice:
        await alice.send(Generate(id=HERS, prompt="Hi", on_detach_ms=None))
        await alice.take(Accepted)
        await locked.held()
        if request.param == "done":
            locked.model.gate.open()
            await alice.until_done(HERS)
        yield locked


async def frames(peer: Peer, verb: dict[str, object]) -> str:
    """Return all frames of the response to ``verb``, unparsed."""
    await peer.socket.send(json.dumps(verb))
    await peer.socket.send('{"type":"ping","nonce":"end"}\n{"type":"status","id":"END"}')
    told = ""
    while '"id":"END"' not in told:
        told += str(await peer.socket.recv())
    return told


@pytest.mark.parametrize("verb", VERBS)
async def test_a_message(hers: RunningServer, keys: Keys, verb: str) -> None:
    asked = VERBS[verb]
    answers = []
    for id in (HERS, NOBODYS):
        async with hers.peer(additional_headers=bearer(keys.bob)) as bob:
            answers.append(await frames(bob, json.loads(json.dumps(asked).replace(HERS, id))))
    assert answers[0].replace(HERS, NOBODYS) == answers[1]
    assert '"code":"unknown_id"' in answers[0]


async def test_cancel_all_and_active_know_nothing_of_it(hers: RunningServer, keys: Keys) -> None:
    async with hers.socket(additional_headers=bearer(keys.bob)) as socket:
        welcome = json.loads(await socket.recv())
        assert welcome["active"] == []
        await socket.send('{"type":"cancel","all":true}\n{"type":"cancel"}')
        told = "".join([str(await socket.recv()), str(await socket.recv())])
        assert told.count("nothing_to_cancel") == 2
    running = [generation for generation in hers.registry.active if generation.cancel_received]
    assert running == []


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[" ".join(route) for route in ROUTES])
async def test_a_route(hers: RunningServer, keys: Keys, method: str, path: str) -> None:
    answers = []
    for id in (HERS, NOBODYS):
        reply = await hers.ask(method, path.replace(HERS, id), headers=bearer(keys.bob))
        headers = {name: value for name, value in reply.headers.items() if name not in ("date", "x-request-id")}
        answers.append((reply.status, headers, reply.body.replace(HERS, NOBODYS)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


CHANNEL = [("POST", ""), ("DELETE", ""), ("GET", "/poll?wait=0")]


@pytest.mark.parametrize(("method", "rest"), CHANNEL, ids=[method for method, _ in CHANNEL])
@pytest.mark.parametrize("stranger", ["bob", "nobody"])
async def test_a_channel(locked: RunningServer, keys: Keys, method: str, rest: str, stranger: str) -> None:
    opened = await locked.ask("POST", "/channel", "", headers=bearer(keys.alice))
    name = json.loads(opened.body)["connection"]
    headers = bearer(keys.bob) if stranger == "bob" else {}
    body = '{"type":"ping"}' if method == "POST" else None
    answers = []
    for path in (f"/channel/{name}{rest}", f"/channel/{'0' * 32}{rest}"):
        reply = await locked.ask(method, path, body, headers)
        answers.append((reply.status, reply.body))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert (await locked.ask("DELETE", f"/channel/{name}", headers=bearer(keys.alice))).status == 204


async def test_starting_one_of_the_same_id_is_no_conflict(hers: RunningServer, keys: Keys) -> None:
    body = '{"id":"herss","prompt":"something else"}'
    reply = await hers.ask("POST", "/generations", body, headers=bearer(keys.bob))
    assert reply.status == 201
    again = await hers.ask("POST", "/generations", body, headers=bearer(keys.bob))
    assert again.status == 200


EVERY_ROUTE = [
    *ROUTES,
    ("POST", "/generate"),
    ("POST", "/generate/stream"),
    ("POST", "/generations"),
    ("GET", "/api/conversations"),
    ("POST", "/api/conversations"),
    ("GET", "/api/conversations/export"),
    ("GET", f"/api/conversations/{HERS}"),
    ("DELETE", f"/api/conversations/{HERS}"),
    ("GET", "/nowhere"),
    ("GET", "/openapi.json"),
]


@pytest.mark.parametrize(("method", "path"), EVERY_ROUTE, ids=[" ".join(route) for route in EVERY_ROUTE])
@pytest.mark.parametrize("shown", ["nothing", "a wrong token", "a token in the address"])
async def test_without_a_right_token_every_route_is_401(
    hers: RunningServer, keys: Keys, method: str, path: str, shown: str
) -> None:
    headers = bearer("sui_wrong") if shown == "a wrong token" else {}
    if shown == "a token in the address":
        path += f"{'&' if '?' in path else '?'}token={keys.alice}"
    reply = await hers.ask(method, path, '{"prompt":"Hi"}' if method == "POST" else None, headers)
    assert reply.status == 401
    assert json.loads(reply.body)["code"] == "unauthorized"
    assert reply.headers["www-authenticate"] == 'Bearer realm="StreamUI"'


AT = f"/api/conversations/{HERS}"
CONVERSATIONS = [
    ("GET", AT, None),
    ("PATCH", AT, '{"title":"mine"}'),
    ("DELETE", AT, None),
    ("POST", f"{AT}/restore", "{}"),
    ("GET", f"{AT}/export", None),
    ("DELETE", f"{AT}/messages/m1", None),
    ("POST", f"{AT}/messages/m1/restore", "{}"),
    ("POST", "/generate", '{"conversation":"herss","content":"Hi"}'),
    ("POST", "/generations", '{"conversation":"herss","content":"Hi"}'),
]


@pytest.mark.parametrize(("method", "path", "body"), CONVERSATIONS, ids=[f"{m} {p}" for m, p, _ in CONVERSATIONS])
async def test_a_conversation(locked: RunningServer, keys: Keys, method: str, path: str, body: str | None) -> None:
    made = await locked.ask("POST", "/api/conversations", '{"id":"herss","title":"hers"}', bearer(keys.alice))
    assert made.status == 201
    answers = []
    for id in (HERS, NOBODYS):
        asked = None if body is None else body.replace(HERS, id)
        reply = await locked.ask(method, path.replace(HERS, id), asked, bearer(keys.bob))
        answers.append((reply.status, reply.body.replace(HERS, NOBODYS)))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    kept = await locked.ask("GET", AT, headers=bearer(keys.alice))
    assert (kept.status, json.loads(kept.body)["title"]) == (200, "hers")
