"""Sampling parameters of a request, under OpenAI's names and llama.cpp's (protocol/parameter_table.py)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from protocol import codec
from protocol.errors import RemoteProtocolError
from protocol.parameter_table import PARAMETERS
from protocol.params import Params
from server.openai.errors import RefusedError
from server.openai.fields import Fields

SEEDS: Final = 2**32
"""Number of seeds; others are taken modulo this."""

RANDOM_SEED: Final = -1

UNLIMITED: Final = -1
"""Value of ``max_tokens`` with which some clients ask for no limit."""

SCHEMA: Final = "json_schema"
"""Parameter that has another form in each of OpenAI's endpoints (formats.py)."""

ALIASES: Final = {
    **{each.name: (each.name,) for each in PARAMETERS},
    **{each.name: (each.openai, each.name) for each in PARAMETERS if each.openai},
    "max_tokens": ("max_completion_tokens", "max_tokens", "max_output_tokens"),
    "repeat_penalty": ("repeat_penalty", "repetition_penalty"),
}
"""Names of each parameter in requests. If several are given, the first one counts."""


def read_params(fields: Fields, schema: dict[str, Any] | None = None, max_tokens: int | None = None) -> Params:
    """Return the sampling parameters of a request. ``max_tokens``: the endpoint's default. Raises
    RemoteProtocolError."""
    names = {name: next((one for one in given if one in fields), None) for name, given in ALIASES.items()}
    given = {name: _value(name, fields[alias]) for name, alias in names.items() if alias and name != SCHEMA}
    if given.get("max_tokens", max_tokens) is None:
        given.pop("max_tokens", None)
    elif "max_tokens" not in given:
        given["max_tokens"] = max_tokens
    kept = {name: value for name, value in given.items() if value is not None}
    try:
        params = codec.decode_object(msgspec.json.encode(kept).decode(), Params, "the request")
    except RemoteProtocolError as error:
        raise _under_its_own_name(error, names) from error
    return msgspec.structs.replace(params, json_schema=schema)


def seeded(params: Params, index: int) -> Params:
    """Return the parameters of the choice ``index``: each has a seed of its own, or all answers would be the same."""
    if params.seed in (None, RANDOM_SEED) or index == 0:
        return params
    return msgspec.structs.replace(params, seed=((params.seed or 0) + index) % SEEDS)


def _value(name: str, value: Any) -> Any:
    if name == "stop" and isinstance(value, str | list):
        return ([value] if isinstance(value, str) else value) if value else None
    if name == "seed" and isinstance(value, int) and not isinstance(value, bool):
        return value if value == RANDOM_SEED else value % SEEDS
    if name == "max_tokens" and value == UNLIMITED:
        return None
    return value


def _under_its_own_name(error: RemoteProtocolError, names: dict[str, str | None]) -> RefusedError:
    """Return the error with the name that the client used."""
    field = error.field or ""
    alias = names.get(field) or field
    return RefusedError(error.message.replace(field, alias, 1), param=alias or None)
