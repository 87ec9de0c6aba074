"""Detection of a file's format, and its conversations, one by one. Pure.

A file is split without decoding its items, so that a bad conversation affects no other and each uses memory only by
itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from protocol.errors import ErrorCode, RemoteProtocolError
from server.conversations.formats import (
    archive,
    chatgpt,
    claude,
    librechat,
    linear,
    lines,
    llama_server,
    markdown,
    open_webui,
    streamui_json,
)
from server.conversations.formats.draft import BadItemError, Draft, checked
from server.conversations.formats.encoding import as_utf8
from server.conversations.formats.file_kinds import kind_of

MOST_CONVERSATIONS: Final = 10_000
_ESCAPE: Final = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_TITLE_SHOWN: Final = 80

PIECE: Final = 1 << 20
"""Number of bytes searched at a time for escapes that UTF-8 can't encode."""

NO_EXPORT: Final = "not a chat export"
KNOWN: Final = "StreamUI, llama-server, Open WebUI, ChatGPT, Claude and LibreChat"


_ABSENT: Final = msgspec.Raw()


class _Shape(Struct, frozen=True):
    """Fields that distinguish the formats."""

    format: msgspec.Raw = _ABSENT
    version: msgspec.Raw = _ABSENT
    conversations: msgspec.Raw = _ABSENT
    conv: msgspec.Raw = _ABSENT
    chat: msgspec.Raw = _ABSENT
    history: msgspec.Raw = _ABSENT
    messages: msgspec.Raw = _ABSENT
    messagesTree: msgspec.Raw = _ABSENT
    mapping: msgspec.Raw = _ABSENT
    chat_messages: msgspec.Raw = _ABSENT
    conversationId: msgspec.Raw = _ABSENT
    settings: msgspec.Raw = _ABSENT
    title: msgspec.Raw = _ABSENT
    name: msgspec.Raw = _ABSENT


class _Name(Struct, frozen=True):
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A conversation that can't be imported: its index in the file, its title if readable, and the reason."""

    index: int
    title: str | None
    message: str


def read_file(body: bytes, now: int) -> Iterator[Draft | Skipped]:
    """Read the conversations of a file in any known format. Raises RemoteProtocolError for other files."""
    return _read_archive(body, now) if archive.is_zip(body) else _read_one(body, now)


def read_json(body: bytes, now: int) -> Iterator[Draft | Skipped]:
    """Read the conversations of a JSON or JSON Lines file. Raises RemoteProtocolError when it is neither."""
    for index, item in enumerate(_items(whole_characters(body))):
        if isinstance(item, BadItemError):
            yield Skipped(index, None, str(item))
            continue
        try:
            draft = checked(_reader(item)(item), now)
        except BadItemError as problem:
            yield Skipped(index, _title(item), str(problem))
        except RecursionError:
            yield Skipped(index, _title(item), "it is nested too deep")
        except (msgspec.DecodeError, UnicodeError) as problem:
            yield Skipped(index, _title(item), f"it can't be read: {problem}")
        else:
            yield draft


def _read_archive(body: bytes, now: int) -> Iterator[Draft | Skipped]:
    index = 0
    for entry in archive.entries(body):
        for item in _read_entry(entry, now):
            yield item if isinstance(item, Draft) else Skipped(index, item.title or entry.name, item.message)
            index += 1


def _read_entry(entry: archive.ArchiveFile, now: int) -> Iterator[Draft | Skipped]:
    if entry.problem is not None:
        yield Skipped(0, None, entry.problem)
        return
    try:
        yield from _read_one(entry.body, now)
    except RemoteProtocolError as problem:
        yield Skipped(0, None, problem.as_message().message)


def _read_one(body: bytes, now: int) -> Iterator[Draft | Skipped]:
    body = as_utf8(body)
    if (kind := kind_of(body)) is not None:
        raise RemoteProtocolError(ErrorCode.BAD_JSON, f"{NO_EXPORT}: this is {kind}")
    if not markdown.is_ours(body):
        return read_json(body, now)
    try:
        return read_markdown(body.decode(), now)
    except UnicodeDecodeError as problem:
        raise RemoteProtocolError(ErrorCode.BAD_JSON, f"{NO_EXPORT}: it is not UTF-8 ({problem.reason})") from problem


def whole_characters(body: bytes) -> bytes:
    """Replace each escape of a lone surrogate, which JavaScript writes and UTF-8 can't encode, by U+FFFD."""
    if b"\\u" not in body:
        return body
    return b"".join(
        _ESCAPE.sub(lambda found: found[0] if found[1] is None else b"\\ufffd", part) for part in _parts(body)
    )


def _parts(body: bytes) -> Iterator[bytes]:
    """Split ``body`` without cutting an escape, since the server is blocked while a piece is searched."""
    begin = 0
    end = body.find(b'",', PIECE)
    while end >= 0:
        if body[end - 1 : end] != b"\\":  # the end of a string, not a quotation mark inside one
            yield body[begin : end + 2]
            begin = end + 2
            end += PIECE
        end = body.find(b'",', end + 1)
    yield body[begin:]


def read_markdown(text: str, now: int) -> Iterator[Draft | Skipped]:
    """Read the conversation of a Markdown file."""
    try:
        draft = checked(markdown.read(text), now)
    except BadItemError as problem:
        yield Skipped(0, None, str(problem))
    except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
        yield Skipped(0, None, f"it can't be read: {problem}")
    else:
        yield draft


def _items(body: bytes) -> list[msgspec.Raw | BadItemError]:
    items = lines.items(body, MOST_CONVERSATIONS) if lines.are_lines(body) else _array(body)
    if len(items) > MOST_CONVERSATIONS:
        text = f"the file has more than {MOST_CONVERSATIONS} conversations; split it"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text)
    return items


def _array(body: bytes) -> list[msgspec.Raw | BadItemError]:
    try:
        top = msgspec.json.decode(body, type=list[msgspec.Raw] | _Shape)
        if isinstance(top, _Shape) and _is_there(top.conversations):
            streamui_json.refuse_newer(msgspec.json.decode(top.version if _is_there(top.version) else b"0", type=int))
            top = msgspec.json.decode(top.conversations, type=list[msgspec.Raw])
    except RecursionError:
        raise RemoteProtocolError(ErrorCode.BAD_JSON, "JSON nested too deep") from None
    except (msgspec.DecodeError, UnicodeError) as problem:
        text = f"the file is not JSON with conversations: {str(problem).removeprefix('JSON is malformed: ')}"
        raise RemoteProtocolError(ErrorCode.BAD_JSON, text) from problem
    except BadItemError as problem:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, str(problem)) from problem
    return [*top] if isinstance(top, list) else [msgspec.Raw(body)]


def _reader(item: msgspec.Raw) -> Callable[[msgspec.Raw], Draft]:
    shape = msgspec.json.decode(item, type=_Shape)
    if _is_there(shape.conv):
        return llama_server.read
    if _is_there(shape.chat):
        return open_webui.read
    if _is_there(shape.history):
        return open_webui.read_inner
    if _is_there(shape.mapping):
        return chatgpt.read
    if _is_there(shape.chat_messages):
        return claude.read
    if _is_there(shape.messagesTree) or (_is_there(shape.conversationId) and _is_there(shape.messages)):
        return librechat.read
    if _is_there(shape.messages):
        return streamui_json.read if _is_there(shape.settings) else linear.read
    raise BadItemError(f"its format is not known; known are {KNOWN}")


def _title(item: msgspec.Raw) -> str | None:
    """Return the title, if readable."""
    try:
        shape = msgspec.json.decode(item, type=_Shape)
        if _is_there(shape.conv):
            title = msgspec.json.decode(shape.conv, type=_Name).name
        else:
            raw = shape.title if _is_there(shape.title) else shape.name
            title = msgspec.json.decode(raw, type=str) if _is_there(raw) else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return None if title is None else title[:_TITLE_SHOWN]


def _is_there(value: msgspec.Raw) -> bool:
    """Tell whether the object has the field, with a value other than null."""
    with memoryview(value) as text:
        return text.nbytes > 0 and bytes(text[:4]) != b"null"
