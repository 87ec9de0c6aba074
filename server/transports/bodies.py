"""A request's body as a value, and the error of a wrong one."""

from __future__ import annotations

from typing import TypeVar

from msgspec import Struct
from starlette.requests import Request

from protocol import codec
from server.transports.requests import read_body

S = TypeVar("S", bound=Struct)


async def read_object(request: Request, kind: type[S], name: str) -> S:
    """Decode the body, which is one object; errors call it ``name``. Raises RemoteProtocolError."""
    return codec.decode_object(await read_body(request), kind, name)
