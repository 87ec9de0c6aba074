"""Reading of a request's fields. ``null`` is the same as a field that is left out; unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from protocol import codec
from server.openai.errors import RefusedError, unsupported

Fields = Mapping[str, Any]
"""The decoded object of a request."""

ABSENT: Final[tuple[Any, ...]] = (None, False, "", [])
"""Values of a field that ask for nothing. An empty object does: it is how web search is switched on."""


class _Anything(msgspec.Struct):
    """Any JSON object."""


def read_fields(body: str) -> dict[str, Any]:
    """Return the fields of a request's body without those that are null. Raises RemoteProtocolError."""
    codec.decode_object(body, _Anything, "the request")
    try:
        fields: dict[str, Any] = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise RefusedError(f"the request can't be read: {problem}") from problem
    return {name: value for name, value in fields.items() if value is not None}


def flag(fields: Fields, name: str, within: str = "") -> bool:
    """Return a boolean field; false when it is left out. ``within``: path of ``fields``. Raises RefusedError."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise RefusedError(f"{within}{name} must be true or false", param=within + name)
    return bool(value)


def whole(fields: Fields, name: str, low: int, high: int, default: int | None = None) -> int | None:
    """Return an integer field from ``low`` to ``high``. Raises RefusedError."""
    value = fields.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RefusedError(f"{name} must be a whole number from {low} to {high}", param=name)
    return value


def an_object(fields: Fields, name: str, within: str = "") -> Fields:
    """Return an object field; empty when it is left out. ``within``: path of ``fields``. Raises RefusedError."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError(f"{within}{name} must be an object", param=within + name)
    return value


def refuse_unsupported(fields: Fields, reasons: Mapping[str, str]) -> None:
    """Raise RefusedError for the first field of ``reasons`` that asks for something."""
    for name, reason in reasons.items():
        if fields.get(name) not in ABSENT:
            raise unsupported(name, reason)
