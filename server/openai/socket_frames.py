"""Frames of ``/v1/responses`` over a WebSocket: those of the client, and the server's errors."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from server.openai.errors import ErrorReply, RefusedError
from server.openai.fields import Fields, flag, read_fields
from server.openai.response_request import ResponseRequest, response_request

CREATE: Final = "response.create"
STEER: Final = "response.steer"

LANE: Final = re.compile(r"[A-Za-z0-9_.-]{1,256}")


class Create(NamedTuple):
    """Request for a response. ``lane``: responses of one lane come one after another; None is a lane too."""

    lane: str | None
    fields: Fields

    def request(self) -> ResponseRequest:
        """Return the request. Raises RemoteProtocolError."""
        if flag(self.fields, "background"):
            text = "background: over a WebSocket a response stops with the connection; use POST /v1/responses"
            raise RefusedError(text, param="background", code="unsupported_parameter")
        return response_request(self.fields, warm=not flag({"generate": True, **self.fields}, "generate"))


class SteerFrame(NamedTuple):
    """New input for the running response ``previous``."""

    previous: str
    fields: Fields


def read_frame(frame: str | bytes) -> Create | SteerFrame:
    """Decode a frame of the client. Raises RemoteProtocolError."""
    if isinstance(frame, bytes):
        raise RefusedError("frames must be text, and each one JSON object")
    fields = read_fields(frame)
    match fields.get("type"):
        case "response.create":
            return Create(_lane(fields), fields)
        case "response.steer":
            previous = fields.get("previous_response_id")
            if not isinstance(previous, str):
                raise RefusedError("previous_response_id must be a string", param="previous_response_id")
            return SteerFrame(previous, fields)
        case other:
            text = f'type must be "{CREATE}" or "{STEER}", not {str(other)[:40]!r}'
            raise RefusedError(text, param="type", code="invalid_value")


def _lane(fields: Fields) -> str | None:
    lane = fields.get("stream_id")
    if lane is not None and not (isinstance(lane, str) and LANE.fullmatch(lane)):
        text = "stream_id must have 1 to 256 of A-Z a-z 0-9 _ . -"
        raise RefusedError(text, param="stream_id", code="invalid_stream_id")
    return lane


def error_frame(reply: ErrorReply) -> dict[str, Any]:
    """Return the frame of an error."""
    headers = {"headers": reply.headers} if reply.headers else {}
    return {"type": "error", "status": reply.status, "error": {**reply.body["error"], **headers}}


def in_lane(event: dict[str, Any], lane: str | None) -> dict[str, Any]:
    """Return an event with the name of its lane, if it has one."""
    return event if lane is None else {**event, "stream_id": lane}
