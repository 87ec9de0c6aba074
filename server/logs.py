"""The server's log: one line per record, as text or JSON, with its context.

No line contains what a person wrote, what a model answers, or secrets. A record has a fixed text and named fields, an
exception appears as its type and location, and libraries that log payloads are kept quiet.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal, TextIO

from protocol.errors import LocalProtocolError

LEVELS: Final = ("debug", "info", "warning", "error")

OURS: Final = ("server", "protocol", "llama.cpp")
"""Loggers that follow ``--log-level``. All others log warnings and errors: at lower levels uvicorn and websockets
log addresses with their query, and frames with their text."""

SAFE_TEXT: Final = (OSError, sqlite3.Error, RuntimeError, LocalProtocolError)
"""Exceptions whose text is about the machine or the program. The text of others may quote a user."""

Format = Literal["text", "json"]
Fields = Mapping[str, object]

_CONTEXT: Final[ContextVar[Fields]] = ContextVar("log context", default=MappingProxyType({}))


def event(logger: logging.Logger, level: int, text: str, **fields: object) -> None:
    """Log a fixed ``text`` with the fields of this event. Fields with the value None are left out."""
    if logger.isEnabledFor(level):
        logger.log(level, text, extra={"fields": fields})


@contextmanager
def belonging_to(**fields: object) -> Iterator[None]:
    """Add ``fields`` to every record of the block and of the tasks that it starts."""
    token = _CONTEXT.set({**_CONTEXT.get(), **fields})
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def context() -> Fields:
    """Return the fields that a record would get here, for records that are logged elsewhere later."""
    return _CONTEXT.get()


def set_up(format: Format, level: str, stream: TextIO | None = None) -> None:
    """Log to ``stream``, standard error by default. For the program that owns its process."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(max(logging.WARNING, level_of(level)))
    for name in OURS:
        logging.getLogger(name).setLevel(level_of(level))


def level_of(name: str) -> int:
    return logging.getLevelNamesMapping()[name.upper()]


class TextFormatter(logging.Formatter):
    """Formats ``LEVEL logger: text name=value ...``; an exception follows on separate lines."""

    def format(self, record: logging.LogRecord) -> str:
        words = [f"{record.levelname} {record.name}: {_text(record)}"]
        words += [f"{name}={_word(value)}" for name, value in _fields(record).items()]
        line = " ".join(words)
        return line if not record.exc_info else "\n".join([line, *_exception(record.exc_info)])


class JsonFormatter(logging.Formatter):
    """Formats a JSON object: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _text(record),
            **_fields(record),
        }
        if record.exc_info:
            entry["exception"] = _exception(record.exc_info)
        return json.dumps(entry, ensure_ascii=False, default=str)


def _text(record: logging.LogRecord) -> str:
    """Return the text. Of asyncio's records only the first line, since the other lines may quote texts of messages."""
    text = record.getMessage().rstrip()
    return text.partition("\n")[0] if record.name == "asyncio" else text


def _fields(record: logging.LogRecord) -> dict[str, object]:
    own: Fields = getattr(record, "fields", {})
    return {name: value for name, value in {**_CONTEXT.get(), **own}.items() if value is not None}


def _word(value: object) -> str:
    text = f"{value:.1f}" if isinstance(value, float) else str(value)
    plain = text.isascii() and text.isprintable() and not set(text) & set(' "=')
    return text if plain and text else json.dumps(text)


def _exception(raised: tuple[type[BaseException], BaseException, TracebackType | None] | Any) -> list[str]:
    """Return the location, outermost first, then the exception's type, with its text if that is about the machine."""
    kind, error, trace = raised
    frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(trace)]
    return [*frames, described(error) if error is not None else str(kind and kind.__name__)]


def described(error: BaseException) -> str:
    """Return the exception's type, with its text if that can't quote a user."""
    return f"{type(error).__name__}: {error}" if isinstance(error, SAFE_TEXT) else type(error).__name__
