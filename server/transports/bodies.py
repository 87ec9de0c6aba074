"""A request's body as a value, and what is told of one that is wrong."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct
from starlette.requests import Request

from protocol import codec
from server.transports.requests import read_body

S = TypeVar("S", bound=Struct)


async def read_object(request: Request, kind: type[S], name: str) -> S:
    """The one object that the body is; ``name`` is what an error calls it. Raises RemoteProtocolError."""
    return codec.decode_object(await read_body(request), kind, name)
