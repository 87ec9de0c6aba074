"""bob requests what belongs to alice: each response is the same as for an unknown id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.hostile.attack import Attack, Http, Socket, World

HERS: Final = "herss"
"""Id of a generation, of a conversation, and of its message. On ``locked`` the generation has ended; on ``held`` it
runs."""

MESSAGES: Final = [
    '{"type":"attach","id":"herss"}',
    '{"type":"attach","id":"herss","after":3}',
    '{"type":"attach","id":"herss","epoch":"e","after":9007199254740991}',
    '{"type":"hello","attach":[{"id":"herss"}]}',
    '{"type":"cancel","id":"herss"}',
    '{"type":"steer","id":"herss","content":"shorter"}',
    '{"type":"tune","id":"herss","params":{"temperature":1}}',
    '{"type":"alternatives","id":"herss","seq":1}',
    '{"type":"generate","from":{"id":"herss","seq":1}}',
    '{"type":"detach","id":"herss"}',
    '{"type":"status","id":"herss"}',
    '{"type":"generate","conversation":"herss","content":"Hi"}',
    '{"type":"generate","conversation":"herss","content":"Hi","parent":"herss"}',
    '{"type":"generate","conversation":"herss","parent":"herss"}',
    '{"type":"generate","conversation":"herss","parent":"herss","results":[{"tool_call_id":"c","content":"Hi"}]}',
]

REQUESTS: Final[list[tuple[str, str | None]]] = [
    ("GET /generations/herss", None),
    ("DELETE /generations/herss", None),
    ("POST /generations/herss/steer", '{"content":"shorter"}'),
    ("POST /generations/herss/tune", '{"params":{"temperature":1}}'),
    ("GET /generations/herss/events", None),
    ("GET /generations/herss/events?after=2", None),
    ("GET /generations/herss/poll?wait=0", None),
    ("GET /generations/herss/poll?wait=0&after=9", None),
    ("GET /api/conversations/herss", None),
    ("PATCH /api/conversations/herss", '{"title":"mine"}'),
    ("PATCH /api/conversations/herss", '{"leaf":"herss"}'),
    ("DELETE /api/conversations/herss", None),
    ("POST /api/conversations/herss/restore", "{}"),
    ("GET /api/conversations/herss/export", None),
    ("GET /api/conversations/herss/export?format=markdown", None),
    ("PATCH /api/conversations/herss/messages/herss", '{"content":"mine"}'),
    ("DELETE /api/conversations/herss/messages/herss", None),
    ("POST /api/conversations", '{"branch":{"conversation":"herss","message":"herss"}}'),
    ("POST /api/conversations/herss/messages/herss/restore", "{}"),
    ("POST /generate", '{"conversation":"herss","content":"Hi"}'),
    ("POST /generate/stream", '{"conversation":"herss","content":"Hi"}'),
    ("POST /generations", '{"conversation":"herss","parent":"herss"}'),
]

MODELS: Final[list[tuple[str, str | None]]] = [
    ("GET /api/hub?q=x", None),
    ("GET /api/hub/a/b", None),
    ("GET /api/downloads", None),
    ("POST /api/downloads", '{"source":"a/b"}'),
    ("DELETE /api/downloads/x", None),
    ("POST /api/downloads/x/stop", "{}"),
    ("POST /api/downloads/x/resume", "{}"),
    ("DELETE /api/models/built-in/starter", None),
]
"""Requests that only the owner may send: alice, whose token is the first."""

CHANNEL: Final = [
    ("POST /channel/$CHANNEL", '{"type":"cancel","all":true}'),
    ("DELETE /channel/$CHANNEL", None),
    ("GET /channel/$CHANNEL/poll?wait=0", None),
]


@dataclass(frozen=True)
class Stolen:
    """A request for her id and for an unknown id: both get 404, and equal bodies."""

    sent: str
    body: str | None
    at: str

    @property
    def name(self) -> str:
        return f"stolen: {self.sent} {self.body} {self.at}"

    def mount(self, world: World) -> None:
        answers = []
        own = ("date", "x-request-id")
        for id in (HERS, "nobod"):
            body = None if self.body is None else self.body.replace(HERS, id)
            attack = Http("stolen", self.sent.replace(HERS, id), 404, "unknown_id", body, self.at, "bob")
            got = attack.asked(world, "x", last=True)
            headers = {name: value for name, value in got.headers.items() if name not in own}
            answers.append((got.status, headers, got.body.replace(HERS, "nobod")))
        assert answers[0] == answers[1]


def attacks() -> Iterator[Attack]:
    for at in ("locked", "held"):
        yield from (Socket("stolen", (sent,), ("unknown_id",), at=at, token="bob") for sent in MESSAGES)
        draft = '{"type":"draft","conversation":"herss","content":"Hi"}'
        yield Socket("stolen", (draft,), ("unknown_id",), at=at, token="bob", is_late=True)
        yield from (Stolen(sent, body, at) for sent, body in REQUESTS)
        yield Socket("stolen", ('{"type":"cancel"}',), ("nothing_to_cancel",), at=at, token="bob")
        yield Socket("stolen", ('{"type":"cancel","all":true}',), ("nothing_to_cancel",), at=at, token="bob")
    for token in ("bob", None):
        yield from (Http("stolen channel", s, 404, "unknown_id", body, "locked", token) for s, body in CHANNEL)
    yield from (Http("stolen channel", s, 401, "unauthorized", b, "locked", "revoked") for s, b in CHANNEL)
    yield from (Http("the owner's models", s, 403, "forbidden", body, "locked", "bob") for s, body in MODELS)
