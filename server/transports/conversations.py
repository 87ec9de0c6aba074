"""Endpoints of conversations (PROTOCOL 14): list, create, read, change, delete, restore."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations import editing, listing, reading
from server.conversations.editing import Removed
from server.conversations.service import Conversations
from server.conversations.store import now
from server.conversations.values import Change, ContextQuery, MessageChange, NewConversation, encoded
from server.guard.principal import principal_of
from server.transports.bodies import read_object
from server.transports.requests import JSON, NO_STORE, read_body
from server.transports.root_path import root_path_of

MOST_SEARCHED = 1000
"""Longest search, in characters."""


async def listed(request: Request) -> Response:
    """``GET /api/conversations``: a page of the list or of search results."""
    query = request.query_params
    limit = _limit(query.get("limit"))
    before = listing.cursor_of(query["before"]) if "before" in query else None
    conversations, principal = _of(request)
    text = query.get("q", "")
    if len(text) > MOST_SEARCHED:
        words = f"q must have at most {MOST_SEARCHED} characters, not {len(text)}"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, words, field="q")
    if not text.strip():
        return _answer(await conversations.read(listing.listed, principal, limit, before))
    return _answer(await conversations.read(listing.found, principal, limit, before, text))


async def create(request: Request) -> Response:
    """``POST /api/conversations``: 201, or 200 if it exists already."""
    new = await read_object(request, NewConversation, "conversation")
    conversations, principal = _of(request)
    whole, is_new = await conversations.read(editing.create, principal, new, now())
    if is_new and whole.title:  # without a title it is not listed before its first message
        conversations.publish(principal, [whole])
    return _answer(whole, 201 if is_new else 200, {"location": f"{root_path_of(request)}/api/conversations/{whole.id}"})


async def read(request: Request) -> Response:
    """``GET /api/conversations/{id}``: with all its messages; 304 if the client has this version."""
    conversations, principal = _of(request)
    whole = await conversations.read(reading.whole, principal, request.path_params["id"])
    tag = f'"{whole.created_at}-{whole.version}"'
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"etag": tag, "cache-control": "no-cache"})
    return _answer(whole, headers={"etag": tag, "cache-control": "no-cache"})


async def change(request: Request) -> Response:
    """``PATCH /api/conversations/{id}``: title, pin, leaf, settings."""
    wanted = await read_object(request, Change, "conversation")
    conversations, principal = _of(request)
    changed = await conversations.read(editing.change, principal, request.path_params["id"], wanted)
    conversations.publish(principal, [changed.summary] if changed.is_announced else [])
    return _answer(changed.summary)


async def delete(request: Request) -> Response:
    """``DELETE /api/conversations/{id}``: delete it and cancel its generations."""
    conversations, principal = _of(request)
    removed = await conversations.read(editing.delete, principal, request.path_params["id"], now())
    conversations.publish(principal, [removed.summary] if removed.is_announced else [], deleted=True)
    return _removed(conversations, principal, removed)


async def restore(request: Request) -> Response:
    """``POST /api/conversations/{id}/restore``: undo a deletion."""
    await read_body(request)
    conversations, principal = _of(request)
    changed = await conversations.read(editing.restore, principal, request.path_params["id"])
    conversations.publish(principal, [changed.summary] if changed.is_announced else [])
    return _answer(changed.summary)


async def context(request: Request) -> Response:
    """``POST /api/conversations/{id}/context``: size of the next prompt and of the context, in tokens."""
    query = await read_object(request, ContextQuery, "context")
    conversations, principal = _of(request)
    return _answer(await conversations.sizes.measure(principal, request.path_params["id"], query))


async def change_message(request: Request) -> Response:
    """``PATCH /api/conversations/{id}/messages/{message}``: change its text, or set its summary."""
    wanted = await read_object(request, MessageChange, "message")
    conversations, principal = _of(request)
    id, message = request.path_params["id"], request.path_params["message"]
    summary = await conversations.read(editing.change_message, principal, id, message, wanted, now())
    conversations.publish(principal, [summary])
    return _answer(summary)


async def delete_message(request: Request) -> Response:
    """``DELETE /api/conversations/{id}/messages/{message}``: delete it and all below it."""
    conversations, principal = _of(request)
    id, message = request.path_params["id"], request.path_params["message"]
    removed = await conversations.read(editing.delete_message, principal, id, message, now())
    conversations.publish(principal, [removed.summary])
    return _removed(conversations, principal, removed)


async def restore_message(request: Request) -> Response:
    """``POST /api/conversations/{id}/messages/{message}/restore``: undo a deletion."""
    await read_body(request)
    conversations, principal = _of(request)
    id, message = request.path_params["id"], request.path_params["message"]
    whole, summary = await conversations.read(editing.restore_message, principal, id, message, now())
    conversations.publish(principal, [summary])
    return _answer(whole)


def _of(request: Request) -> tuple[Conversations, str]:
    """Return the conversations, and the principal of the request."""
    conversations: Conversations = request.app.state.conversations
    return conversations, principal_of(request.scope)


def _removed(conversations: Conversations, principal: str, removed: Removed) -> Response:
    conversations.cancel(principal, removed.generations)
    return _answer(removed.answer)


def _answer(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encoded(value), status, NO_STORE | (headers or {}), media_type=JSON)


def _limit(text: str | None) -> int:
    if text is None:
        return listing.USUAL
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= value <= listing.MOST:
        words = f"limit must be a whole number from 1 to {listing.MOST}, not {text[:40]!r}"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, words, field="limit")
    return value
