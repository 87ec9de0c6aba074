"""Conversations as files: export and import (PROTOCOL 14.6)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations import importing, reading
from server.conversations.formats import markdown, streamui_json
from server.conversations.formats.draft import BadItemError, Draft
from server.conversations.formats.recognise import Skipped, read_file
from server.conversations.service import Conversations
from server.conversations.store import now
from server.conversations.values import Summary, Whole, encoded
from server.guard.principal import principal_of
from server.transports.requests import JSON, NO_STORE, read_bytes

MOST_BYTES: Final = 64 << 20
MARKDOWN: Final = "text/markdown"
IMPORTED: Final = (
    JSON,
    MARKDOWN,
    "application/jsonl",
    "application/x-ndjson",
    "application/zip",
    "application/octet-stream",
)
"""Content types of an import: those that a form of another site can't send. The file itself shows its format."""

RETRY_MS: Final = 2000
_DONE: Final = object()


class Imported(Struct, frozen=True):
    """Result of an import."""

    imported: tuple[Summary, ...]
    skipped: tuple[Skipped, ...]


async def export(request: Request) -> Response:
    """``GET /api/conversations/{id}/export?format=json``: one conversation as a file."""
    format = request.query_params.get("format", "json")
    if format not in ("json", "markdown"):
        text = f"format must be json or markdown, not {format[:40]!r}"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="format")
    conversations: Conversations = request.app.state.conversations
    whole = await conversations.read(reading.whole, principal_of(request.scope), request.path_params["id"])
    if format == "json":
        return Response(streamui_json.exported(whole), 200, _attachment(f"{_slug(whole)}.json"), media_type=JSON)
    return Response(markdown.exported(whole), 200, _attachment(f"{_slug(whole)}.md"), media_type=MARKDOWN)


async def export_all(request: Request) -> Response:
    """``GET /api/conversations/export``: all conversations, read one by one."""
    conversations: Conversations = request.app.state.conversations
    principal = principal_of(request.scope)
    ids = await conversations.read(reading.all_ids, principal)

    async def wholes() -> AsyncIterator[Whole]:
        for id in ids:
            if (whole := await conversations.read(reading.whole_if_there, principal, id)) is not None:
                yield whole

    headers = _attachment("streamui-conversations.json")
    return StreamingResponse(streamui_json.exported_all(wholes()), 200, headers, media_type=JSON)


async def import_file(request: Request) -> Response:
    """``POST /api/conversations/import``: import each conversation whole or not at all. One file at a time."""
    conversations: Conversations = request.app.state.conversations
    if conversations.importing.locked():
        text = "another file is being imported; try again when that is done"
        raise RemoteProtocolError(ErrorCode.BUSY, text, retry_after_ms=RETRY_MS)
    async with conversations.importing:
        body, _ = await read_bytes(request, IMPORTED, MOST_BYTES)
        items = read_file(body, now())
        answer = await _import(conversations, principal_of(request.scope), items)
    return Response(encoded(answer), 200, NO_STORE, media_type=JSON)


async def _import(conversations: Conversations, principal: str, items: Iterator[Draft | Skipped]) -> Imported:
    imported: list[Summary] = []
    skipped: list[Skipped] = []
    index = 0
    while (item := await asyncio.to_thread(_next, items)) is not _DONE:
        if isinstance(item, Draft):
            try:
                summary = await conversations.read(importing.add, principal, item)
            except BadItemError as problem:
                skipped.append(Skipped(index, item.title, str(problem)))
            else:
                imported.append(summary)
                conversations.publish(principal, [summary])
        else:
            skipped.append(item)
        index += 1
    return Imported(tuple(imported), tuple(skipped))


def _next(items: Iterator[Draft | Skipped]) -> Any:
    """Return the next conversation of a file. Call on a thread of its own: a long one takes time."""
    return next(items, _DONE)


def _attachment(name: str) -> dict[str, str]:
    return {**NO_STORE, "content-disposition": f'attachment; filename="{name}"'}


def _slug(whole: Whole) -> str:
    """Return a file name that is valid on every system."""
    words = re.findall(r"[A-Za-z0-9]+", whole.title)
    return "-".join(words)[:60].strip("-").lower() or f"conversation-{whole.id}"
