"""Conversion between frames and messages (PROTOCOL 2), the only place for it.

A frame contains one JSON object, or several separated by newlines. Decoding a client's frame never raises: errors are
returned as RemoteProtocolError values, in order, between the valid messages.
"""

from typing import Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from protocol.checks import check
from protocol.diagnosis import explain, explain_object, repeated
from protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    SERVER_TYPES,
    ClientMessage,
    DetachMs,
    Generate,
    Id,
    Params,
    Record,
    ServerMessage,
    Steer,
    Tune,
)

MAX_FRAME_BYTES: Final = 1 << 20  # PROTOCOL 7
MAX_FRAME_OBJECTS: Final = 256  # PROTOCOL 7: bounds the number of answers to one frame
MAX_FRAME_ERRORS: Final = 16  # PROTOCOL 2.3: bounds the time spent on explaining errors

UNPARSEABLE: Final = (ErrorCode.BAD_FRAME, ErrorCode.BAD_JSON)  # PROTOCOL 2.4

S = TypeVar("S", bound=msgspec.Struct)

_CLIENT: Final = msgspec.json.Decoder(ClientMessage)
_SERVER: Final = msgspec.json.Decoder(ServerMessage)
_OBJECT: Final = msgspec.json.Decoder()
_ONE: Final = msgspec.json.Decoder(msgspec.Raw)  # skips a value without building it
_ENCODER: Final = msgspec.json.Encoder()


def decode_client(frame: str) -> list[ClientMessage | RemoteProtocolError]:
    """Decode a client's frame into messages, with an error in place of each bad one. Never raises."""
    lines = _split(frame)
    if len(lines) > MAX_FRAME_OBJECTS:
        text = f"a frame may hold {MAX_FRAME_OBJECTS} objects, this one has {len(lines)} lines; send them in several"
        return [RemoteProtocolError(ErrorCode.BAD_FRAME, text)]
    results = _decode_lines(lines)
    if _is_one_broken_object(lines, results):
        return _decode_lines([frame])
    return results


def decode_generate(body: str) -> Generate:
    """Decode the body of an HTTP request as a `generate`, which may omit its `type` (PROTOCOL 13.5).

    Raises RemoteProtocolError.
    """
    result = _decode_body(body)
    if isinstance(result, RemoteProtocolError) and (result.code, result.field) == (ErrorCode.MISSING_FIELD, "type"):
        rest = body.lstrip()[1:]
        result = _decode_body('{"type":"generate"' + ("," if rest.strip() != "}" else "") + rest)
    if isinstance(result, RemoteProtocolError):
        raise result
    if not isinstance(result, Generate):
        text = "type must be generate here; or leave it out"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="type")
    return result


class _SteerBody(Record, frozen=True, kw_only=True):
    """A `steer` without the fields that its address has."""

    content: str
    key: Id | None = None


class _TuneBody(Record, frozen=True, kw_only=True):
    """A `tune` without the fields that its address has."""

    params: Params = Params()
    on_detach_ms: DetachMs | UnsetType | None = UNSET


def decode_steer(body: str, id: str) -> Steer:
    """Decode the body of an HTTP request as a `steer` of generation ``id`` (PROTOCOL 13.8). Raises
    RemoteProtocolError."""
    given = decode_object(body, _SteerBody, "steer")
    message = Steer(id=id, content=given.content, key=given.key)
    check(message)
    return message


def decode_tune(body: str, id: str) -> Tune:
    """Decode the body of an HTTP request as a `tune` of generation ``id`` (PROTOCOL 13.8). Raises
    RemoteProtocolError."""
    given = decode_object(body, _TuneBody, "tune")
    message = Tune(id=id, params=given.params, on_detach_ms=given.on_detach_ms)
    check(message)
    return message


def decode_object(body: str, kind: type[S], name: str) -> S:
    """Decode the body of an HTTP request as one object of ``kind``, which errors call ``name``.

    Raises RemoteProtocolError.
    """
    try:
        value = msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as problem:
        raise explain_object(body, kind, name, problem) from problem
    if (key := repeated(body)) is not None:
        text = f"{key} is given twice in one object; leave one of them out"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=key)
    return value


def _decode_body(body: str) -> ClientMessage | RemoteProtocolError:
    """Decode ``body`` as one message. More messages on further lines are an error here."""
    result = _decode_line(body, explained=True)
    assert result is not None
    return result


def decode_server(frame: str) -> list[ServerMessage]:
    """Decode a server's frame into messages. Unknown types and fields are skipped: they belong to a later version.

    Raises RemoteProtocolError when a server may not send such a frame.
    """
    messages: list[ServerMessage] = []
    for line in _split(frame):
        try:
            messages.append(_SERVER.decode(line))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as problem:
            if not _is_of_later_version(line):
                raise RemoteProtocolError(ErrorCode.BAD_FRAME, f"not a server message: {problem}") from problem
    return messages


def encode(message: ClientMessage | ServerMessage) -> str:
    """Encode one message as a frame on one line: JSON, `type` first, optional fields with their default left out.

    Raises LocalProtocolError on text with a lone surrogate, which UTF-8 cannot encode.
    """
    try:
        return _ENCODER.encode(message).decode()
    except UnicodeEncodeError as problem:
        raise LocalProtocolError(f"text that is not whole code points: {problem}") from problem


def is_too_long(frame: str, limit: int) -> bool:
    """Tell whether ``frame`` takes more than ``limit`` bytes of UTF-8. Encodes it only when it is near the limit."""
    return len(frame) > limit or (4 * len(frame) > limit and len(frame.encode("utf-8", "surrogatepass")) > limit)


def _split(frame: str) -> list[str]:
    """Split a frame into the text of its objects; a single object may span lines. Blank lines are dropped."""
    if "\n" not in frame or _is_one_value(frame):
        return [frame] if frame.strip() else []
    return [line for line in frame.split("\n") if line.strip()]


def _is_one_value(text: str) -> bool:
    try:
        _ONE.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True


def _decode_lines(lines: list[str]) -> list[ClientMessage | RemoteProtocolError]:
    """Decode each line. Beyond MAX_FRAME_ERRORS, bad lines are only counted, in one last error."""
    results: list[ClientMessage | RemoteProtocolError] = []
    bad = 0
    for line in lines:
        result = _decode_line(line, explained=bad < MAX_FRAME_ERRORS)
        bad += isinstance(result, RemoteProtocolError) or result is None
        if result is not None:
            results.append(result)
    if bad > MAX_FRAME_ERRORS:
        text = f"{bad - MAX_FRAME_ERRORS} more objects of this frame are wrong and were dropped; fix the first ones"
        results.append(RemoteProtocolError(ErrorCode.BAD_FRAME, text))
    return results


def _decode_line(line: str, *, explained: bool) -> ClientMessage | RemoteProtocolError | None:
    """Decode ``line`` into its message or an error; a bad line gives None instead when ``explained`` is false."""
    try:
        message: ClientMessage = _CLIENT.decode(line)
        check(message)
        _check_keys(line, message)
    except RemoteProtocolError as problem:
        return problem if explained else None
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as problem:
        return explain(line, problem) if explained else None
    return message


def _check_keys(line: str, message: ClientMessage) -> None:
    """Raise RemoteProtocolError when an object has the same key twice (PROTOCOL 2.7); msgspec would take the last
    one."""
    key = repeated(line)
    if key is not None:
        text = f"{key} is given twice in one object; leave one of them out"
        type_, id = message.__struct_config__.tag, getattr(message, "id", None)
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=key, re=str(type_), id=id)


def _is_one_broken_object(lines: list[str], results: list[ClientMessage | RemoteProtocolError]) -> bool:
    """Tell whether the lines are one indented object with a mistake in it, which gets one error, not one per line."""
    opened = len(lines) > 1 and lines[0].lstrip().startswith("{") and not lines[0].rstrip().endswith("}")
    return opened and all(isinstance(r, RemoteProtocolError) and r.code in UNPARSEABLE for r in results)


def _is_of_later_version(line: str) -> bool:
    try:
        value = _OBJECT.decode(line)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("type"), str) and value["type"] not in SERVER_TYPES
