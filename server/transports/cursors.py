"""Cursor of a reader over HTTP (PROTOCOL 13.6)."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import MAX_WHOLE, AttachPoint

_EPOCH: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_EVENT_ID: Final = re.compile(rf"({_EPOCH.pattern}):([0-9]{{1,16}})")


def attach_point(request: Request) -> AttachPoint:
    """Return the cursor from the header Last-Event-ID, which a browser sends by itself, or ``?epoch=`` and ``?after=``.

    Raises RemoteProtocolError, which names the wrong one.
    """
    id = request.path_params["id"]
    last = request.headers.get("last-event-id")
    if not last:
        return AttachPoint(id=id, epoch=_epoch(request), after=_after(request.query_params.get("after", "0")))
    event = _EVENT_ID.fullmatch(last)
    if event is None:
        raise _invalid("Last-Event-ID", "the id of an event, <epoch>:<number>", last)
    return AttachPoint(id=id, epoch=event[1], after=_after(event[2]))


def _epoch(request: Request) -> str | None:
    epoch = request.query_params.get("epoch")
    if epoch is not None and not _EPOCH.fullmatch(epoch):
        raise _invalid("epoch", "a string of 1 to 64 of A-Z a-z 0-9 . _ -", epoch)
    return epoch


def _after(text: str) -> int:
    if not re.fullmatch("[0-9]{1,16}", text) or int(text) > MAX_WHOLE:
        raise _invalid("after", f"a whole number from 0 to {MAX_WHOLE}", text)
    return int(text)


def _invalid(name: str, expected: str, given: str) -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.INVALID_FIELD, f"{name} must be {expected}, not {given!r}", field=name)
