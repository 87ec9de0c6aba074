"""Every route of the server, each with a valid address. Attacks on all routes use this table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from server.page.build import build
from server.page.bundle import read_bundle


class Needs(Enum):
    """Authentication that a route needs on a server with tokens."""

    TOKEN = auto()
    HELLO = auto()  # the token may follow
    LOGIN = auto()  # the page, which sends to the login who has none
    NOTHING = auto()


@dataclass(frozen=True)
class Entry:
    path: str
    needs: Needs = Needs.TOKEN
    body: str | None = None


OPEN, HELLO = Needs.NOTHING, Needs.HELLO
PROMPT = '{"prompt":"Hi"}'
CHAT = '{"messages":[{"role":"user","content":"Hi"}]}'
MESSAGE = CHAT[:-1] + ',"max_tokens":9}'

ROUTES: dict[tuple[str, str], Entry] = {
    ("GET", "/"): Entry("/", Needs.LOGIN),
    ("GET", "/c/{conversation}"): Entry("/c/c1", Needs.LOGIN),
    ("GET", "/service-worker.js"): Entry("/service-worker.js", OPEN),
    ("GET", "/login"): Entry("/login", OPEN),
    ("POST", "/login"): Entry("/login", OPEN, "token=x"),
    ("GET", "/logout"): Entry("/logout", OPEN),
    ("POST", "/logout"): Entry("/logout", OPEN, ""),
    ("GET", "/healthz"): Entry("/healthz", OPEN),
    ("GET", "/readyz"): Entry("/readyz", OPEN),
    ("GET", "/metrics"): Entry("/metrics"),
    ("WEBSOCKET", "/ws"): Entry("/ws", HELLO),
    ("GET", "/channel"): Entry("/channel", HELLO),
    ("POST", "/channel"): Entry("/channel", HELLO, ""),
    ("POST", "/channel/{connection}"): Entry("/channel/nobody", HELLO, '{"type":"ping"}'),
    ("DELETE", "/channel/{connection}"): Entry("/channel/nobody", HELLO),
    ("GET", "/channel/{connection}/poll"): Entry("/channel/nobody/poll", HELLO),
    ("POST", "/generate"): Entry("/generate", body=PROMPT),
    ("POST", "/generate/stream"): Entry("/generate/stream", body=PROMPT),
    ("POST", "/generations"): Entry("/generations", body=PROMPT),
    ("GET", "/generations/{id}"): Entry("/generations/nobody"),
    ("DELETE", "/generations/{id}"): Entry("/generations/nobody"),
    ("POST", "/generations/{id}/steer"): Entry("/generations/nobody/steer", body='{"content":"shorter"}'),
    ("POST", "/generations/{id}/tune"): Entry("/generations/nobody/tune", body='{"params":{"temperature":1}}'),
    ("GET", "/generations/{id}/events"): Entry("/generations/nobody/events"),
    ("GET", "/generations/{id}/poll"): Entry("/generations/nobody/poll"),
    ("GET", "/api/conversations"): Entry("/api/conversations"),
    ("POST", "/api/conversations"): Entry("/api/conversations", body="{}"),
    ("GET", "/api/conversations/export"): Entry("/api/conversations/export"),
    ("POST", "/api/conversations/import"): Entry("/api/conversations/import", body="{}"),
    ("GET", "/api/conversations/{id}/export"): Entry("/api/conversations/nobody/export"),
    ("GET", "/api/conversations/{id}"): Entry("/api/conversations/nobody"),
    ("PATCH", "/api/conversations/{id}"): Entry("/api/conversations/nobody", body='{"title":"x"}'),
    ("DELETE", "/api/conversations/{id}"): Entry("/api/conversations/nobody"),
    ("POST", "/api/conversations/{id}/restore"): Entry("/api/conversations/nobody/restore", body="{}"),
    ("POST", "/api/conversations/{id}/context"): Entry("/api/conversations/nobody/context", body="{}"),
    ("PATCH", "/api/conversations/{id}/messages/{message}"): Entry(
        "/api/conversations/nobody/messages/m1", body='{"summary":"x"}'
    ),
    ("DELETE", "/api/conversations/{id}/messages/{message}"): Entry("/api/conversations/nobody/messages/m1"),
    ("POST", "/api/conversations/{id}/messages/{message}/restore"): Entry(
        "/api/conversations/nobody/messages/m1/restore", body="{}"
    ),
    ("GET", "/api/models"): Entry("/api/models"),
    ("DELETE", "/api/models/{name:path}"): Entry("/api/models/nothing"),
    ("GET", "/api/hub"): Entry("/api/hub"),
    ("GET", "/api/hub/{owner}/{repository}"): Entry("/api/hub/nobody/nothing"),
    ("GET", "/api/downloads"): Entry("/api/downloads"),
    ("POST", "/api/downloads"): Entry("/api/downloads", body='{"source":"nobody/nothing"}'),
    ("DELETE", "/api/downloads/{id}"): Entry("/api/downloads/nobody"),
    ("POST", "/api/downloads/{id}/stop"): Entry("/api/downloads/nobody/stop", body="{}"),
    ("POST", "/api/downloads/{id}/resume"): Entry("/api/downloads/nobody/resume", body="{}"),
    ("GET", "/v1/models"): Entry("/v1/models"),
    ("GET", "/v1/models/{id:path}"): Entry("/v1/models/nothing"),
    ("POST", "/v1/chat/completions"): Entry("/v1/chat/completions", body=CHAT),
    ("POST", "/v1/chat/completions/input_tokens"): Entry("/v1/chat/completions/input_tokens", body=CHAT),
    ("POST", "/v1/completions"): Entry("/v1/completions", body=PROMPT),
    ("POST", "/v1/responses"): Entry("/v1/responses", body='{"input":"Hi"}'),
    ("POST", "/v1/messages"): Entry("/v1/messages", body=MESSAGE),
    ("POST", "/v1/messages/count_tokens"): Entry("/v1/messages/count_tokens", body=CHAT),
    ("WEBSOCKET", "/v1/responses"): Entry("/v1/responses"),
    ("POST", "/v1/responses/compact"): Entry("/v1/responses/compact", body="{}"),
    ("POST", "/v1/responses/input_tokens"): Entry("/v1/responses/input_tokens", body='{"input":"Hi"}'),
    ("GET", "/v1/responses/{id}"): Entry("/v1/responses/nobody"),
    ("DELETE", "/v1/responses/{id}"): Entry("/v1/responses/nobody"),
    ("POST", "/v1/responses/{id}/cancel"): Entry("/v1/responses/nobody/cancel", body=""),
    ("GET", "/v1/responses/{id}/input_items"): Entry("/v1/responses/nobody/input_items"),
    ("POST", "/v1/embeddings"): Entry("/v1/embeddings", body='{"input":"Hi"}'),
    ("POST", "/tokenize"): Entry("/tokenize", body='{"content":"Hi"}'),
    ("POST", "/detokenize"): Entry("/detokenize", body='{"tokens":[1]}'),
    ("GET", "/embed/stream-ui.js"): Entry("/embed/stream-ui.js", OPEN),
    ("GET", "/static/offline/offline.html"): Entry("/static/offline/offline.html", OPEN),
    ("GET", "/static/vendor/entities"): Entry("/static/vendor/entities/index.js", OPEN),
    ("GET", "/static/vendor/highlight"): Entry("/static/vendor/highlight/highlight.min.js", OPEN),
    ("GET", "/static/vendor/katex"): Entry("/static/vendor/katex/katex.mjs", OPEN),
    ("GET", "/static/vendor/pdf"): Entry("/static/vendor/pdf/legacy/build/pdf.min.mjs", OPEN),
    ("GET", "/static/bundle"): Entry(f"/static/bundle/{(read_bundle() or build()).name}/app.js", OPEN),
    ("GET", "/static/sources/{digest}"): Entry("/static/sources/0123456789ab/app.js", OPEN),
    ("GET", "/static"): Entry("/static/app.js", OPEN),
}
