"""Explanations for invalid frames: one sentence with the field, its range and the remedy."""

import difflib
import json
import math
import re
from typing import Final, Literal, NamedTuple, NoReturn

import msgspec
from msgspec import inspect

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.expected import bare, describe, field_of, names_of
from protocol.messages import CLIENT_TYPES

_ANY: Final = msgspec.json.Decoder(float_hook=float)
_WORD: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PATH: Final = re.compile(r" - at (?P<key>`key` in )?`\$(?P<path>[^`]*)`$")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(?P<name>.*?)`(?: - at `\$[^`]*`)?$", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_STEP: Final = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]|\[\.\.\.\]")
_LONE_SURROGATE: Final = re.compile(r"\\u[dD][89abAB]..(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB]..)\\u[dD][c-fC-F]..")
_KINDS: Final = {list: "an array", str: "a string", bool: "true or false", type(None): "null"}
_SHOWN: Final = 40  # characters of a wrong value that an error repeats
_EXAMPLE: Final = '{"type":"generate","prompt":"Hi"}'
_NOTHING: Final = object()


class _Place(NamedTuple):
    """Position in a message: dotted path, its name in the sentence, its type, and the value found there."""

    path: str
    subject: str
    info: inspect.Type
    found: object
    optional: bool


def read(text: str) -> tuple[object, str | None]:
    """Parse ``text`` as JSON; returns the value, or None and the reason. Never raises."""
    try:
        return _ANY.decode(text), None
    except RecursionError:
        return None, "JSON nested too deep"
    except UnicodeEncodeError:
        return None, "text with a lone surrogate, which is not a character"
    except msgspec.ValidationError:  # a whole number of thousands of digits: valid JSON, but too long for msgspec
        return _read_huge(text)
    except msgspec.DecodeError as problem:
        if _LONE_SURROGATE.search(text):
            return None, "a \\ud800-\\udfff escape without its other half, which is not a character"
        return None, f"not JSON: {str(problem).removeprefix('JSON is malformed: ')}"


def repeated(text: str) -> str | None:
    """Return the first key that occurs twice in one object of ``text``, which must be valid JSON. Never raises."""
    try:
        _PAIRS.decode(text.strip())
    except _RepeatedError as found:
        return found.key
    return None


def explain(text: str, problem: Exception) -> RemoteProtocolError:
    """Explain why the decoder rejected ``text`` with ``problem``. Never raises."""
    value, failure = read(text)
    if failure is not None:
        return RemoteProtocolError(ErrorCode.BAD_JSON, f"{failure}; a message is a JSON object like {_EXAMPLE}")
    if not isinstance(value, dict):
        kind = _KINDS.get(type(value), "a number")
        return RemoteProtocolError(ErrorCode.BAD_JSON, f"a message is a JSON object like {_EXAMPLE}, not {kind}")
    code, field, words = _explain_object(value, str(problem))
    return RemoteProtocolError(code, words, field=field, re=_word(value.get("type")), id=_word(value.get("id")))


def explain_object(text: str, kind: type[msgspec.Struct], name: str, problem: Exception) -> RemoteProtocolError:
    """Explain the same for an object of ``kind`` that is not a message and is called ``name``. Never raises."""
    value, failure = read(text)
    if failure is None and not isinstance(value, dict):
        failure = f"{name} is a JSON object, not {_KINDS.get(type(value), 'a number')}"
    if failure is not None:
        return RemoteProtocolError(ErrorCode.BAD_JSON, failure)
    code, field, words = _explain_field(kind, name, value, str(problem))
    return RemoteProtocolError(code, words, field=field)


def _explain_object(value: dict[str, object], problem: str) -> tuple[ErrorCode, str, str]:
    known = ", ".join(CLIENT_TYPES)
    type_ = value.get("type", _NOTHING)
    if type_ is _NOTHING:
        return ErrorCode.MISSING_FIELD, "type", f"type is missing; it is one of: {known}"
    if not isinstance(type_, str):
        return ErrorCode.INVALID_FIELD, "type", f"type must be a string, one of: {known}; not {_show(type_)}"
    if type_ not in CLIENT_TYPES:
        hint = _did_you_mean(type_, list(CLIENT_TYPES))
        return ErrorCode.UNKNOWN_TYPE, "type", f"type {_show(type_)} is not known{hint}; it is one of: {known}"
    return _explain_field(CLIENT_TYPES[type_], type_, value, problem)


def _explain_field(kind: type[msgspec.Struct], name: str, value: object, problem: str) -> tuple[ErrorCode, str, str]:
    place = _locate(kind, value, problem)
    if unknown := _UNKNOWN.match(problem):
        return _explain_unknown(name, place, unknown["name"])
    if missing := _MISSING.match(problem):
        place = _enter(place, missing["name"])
        return ErrorCode.MISSING_FIELD, place.path, f"{place.path} is missing; it must be {describe(place.info)}"
    if not place.path:
        return ErrorCode.INVALID_FIELD, "type", "type is given twice, with different values; leave one of them out"
    words = f"{place.subject} must be {describe(place.info)}"
    words += "" if place.found is _NOTHING else f", not {_show(place.found)}"
    words += "; or leave it out" if place.optional else ""
    return ErrorCode.INVALID_FIELD, place.path, words


def _explain_unknown(type_: str, place: _Place, name: str) -> tuple[ErrorCode, str, str]:
    known = names_of(place.info)
    path = f"{place.path}.{name[:_SHOWN]}".lstrip(".")
    words = f"{_show(path)} is not a field of {type_}{_did_you_mean(name, known)}; "
    words += f"the fields of {place.path or type_} are: {', '.join(known)}"
    return ErrorCode.UNKNOWN_FIELD, path, words


def _locate(kind: type[msgspec.Struct], value: object, problem: str) -> _Place:
    """Follow the path at the end of msgspec's ``problem``, until the types say no more about it."""
    place = _Place("", "", inspect.type_info(kind), value, False)
    match = _PATH.search(problem)
    if match is None:
        return place
    for step in _STEP.finditer(match["path"]):
        if step["name"]:
            place = _enter(place, step["name"])
        elif step["index"]:
            place = _item(place, int(step["index"]))
        else:
            place = _any_of(place, "value")
    return _any_of(place, "key") if match["key"] else place


def _enter(place: _Place, name: str) -> _Place:
    field = field_of(place.info, name)
    if field is None:
        return place
    path = f"{place.path}.{name}".lstrip(".")
    found = place.found.get(name, _NOTHING) if isinstance(place.found, dict) else _NOTHING
    return _Place(path, path, field.type, found, not field.required)


def _item(place: _Place, index: int) -> _Place:
    info = bare(place.info)
    if not isinstance(info, inspect.VarTupleType):
        return place
    path = f"{place.path}[{index}]"
    found = place.found[index] if isinstance(place.found, list) and index < len(place.found) else _NOTHING
    return _Place(path, path, info.item_type, found, False)


def _any_of(place: _Place, part: Literal["key", "value"]) -> _Place:
    info = bare(place.info)
    if not isinstance(info, inspect.DictType):
        return place
    of = info.key_type if part == "key" else info.value_type
    return _Place(place.path, f"each {part} in {place.path}", of, _NOTHING, False)


def _did_you_mean(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name[:_SHOWN], known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _show(value: object) -> str:
    if isinstance(value, float) and math.isinf(value):
        return "a number too large to read"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    text = json.dumps(value[: _SHOWN + 1] if isinstance(value, str) else value, ensure_ascii=False)
    text = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
    return text.encode(errors="backslashreplace").decode()  # a lone surrogate has no UTF-8


def _word(value: object) -> str | None:
    """Return ``value`` if `error.re` or `error.id` may repeat it, else None."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


class _RepeatedError(Exception):
    def __init__(self, key: str) -> None:
        self.key = key


def _each_once(pairs: list[tuple[str, object]]) -> None:
    """Raise _RepeatedError on a repeated key. Returns None for every object, so that parsing costs no memory."""
    seen = dict(pairs)
    if len(seen) != len(pairs):
        raise _RepeatedError(next(key for key, _ in pairs if seen.pop(key, _NOTHING) is _NOTHING))


_PAIRS: Final = json.JSONDecoder(object_pairs_hook=_each_once, parse_int=str)  # int() refuses thousands of digits


def _read_huge(text: str) -> tuple[object, str | None]:
    try:
        return json.loads(text, parse_int=_whole, parse_constant=_refuse), None
    except RecursionError:
        return None, "JSON nested too deep"
    except ValueError as problem:
        return None, f"not JSON: {problem}"


def _whole(digits: str) -> float:
    return int(digits) if len(digits) <= _SHOWN else float(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")
