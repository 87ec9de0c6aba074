"""Parsing of sampling parameters as a person types them: ``temperature 0.7``."""

from __future__ import annotations

import json
from typing import Any

from protocol import codec
from protocol.errors import RemoteProtocolError
from protocol.messages import Generate, Params
from protocol.parameter_table import PARAMETERS, Texts

NAMES = tuple(each.name for each in PARAMETERS)
LISTS = tuple(each.name for each in PARAMETERS if isinstance(each.values, Texts))


class ParameterError(ValueError):
    """An unknown name, or a value out of range. The text is for a person."""


def parse(name: str, text: str) -> Any:
    """Parse the value of parameter ``name``. Raises ParameterError, whose text names the field and its range."""
    name = name.replace("-", "_")
    if name not in NAMES:
        raise ParameterError(f"unknown parameter {name!r}; use one of {', '.join(NAMES)}")
    value = _value(text)
    if name in LISTS and not isinstance(value, list):
        value = [text if not isinstance(value, str) else value]
    for problem in codec.decode_client(codec.encode(Generate(prompt="x", params=Params(**{name: value})))):
        if isinstance(problem, RemoteProtocolError):
            raise ParameterError(problem.message.removeprefix("params.").removesuffix("; or leave it out"))
    return value


def parse_pair(text: str) -> tuple[str, Any]:
    """Parse ``NAME=VALUE``, as after ``-p``. Raises ParameterError."""
    name, separator, value = text.partition("=")
    if not separator:
        raise ParameterError(f"{text!r} is not NAME=VALUE, such as temperature=0.7")
    name = name.strip().replace("-", "_")
    return name, parse(name, value)


def _value(text: str) -> Any:
    """Parse ``text`` as JSON; if it is not JSON, return it unchanged."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, float) and not abs(value) < float("inf") else value
