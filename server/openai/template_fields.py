"""Fields of a request that the model's chat template reads."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from protocol.checks import TEMPLATE_BYTES
from server.chat.effort import SWITCHES
from server.openai.errors import RefusedError
from server.openai.fields import Fields, an_object, flag

VARIABLES: Final = "chat_template_kwargs"

EFFORT: Final = "reasoning_effort"

MAX_EFFORT: Final = 64
"""Longest value of an effort, in characters."""


class TemplateFields(NamedTuple):
    """Effort of thinking, and further variables of the template; None: the template decides."""

    effort: str | None = None
    variables: dict[str, Any] | None = None


def read_template_fields(fields: Fields, effort: str | None = None) -> TemplateFields:
    """Return ``reasoning_effort``, or else ``effort``, and ``chat_template_kwargs``. Raises RefusedError."""
    return TemplateFields(effort_of(fields, EFFORT) or effort, _variables(fields))


def effort_of(fields: Fields, name: str, within: str = "") -> str | None:
    """Return an effort, in any words that a template may know; None if it is left out or empty.

    ``within``: path of ``fields``. Raises RefusedError.
    """
    value = fields.get(name)
    if value is not None and not (isinstance(value, str) and len(value) <= MAX_EFFORT):
        path = within + name
        raise RefusedError(f"{path} must be a string of up to {MAX_EFFORT} characters", param=path)
    return value or None


def _variables(fields: Fields) -> dict[str, Any] | None:
    """Return further variables of the template; None if there are none. Raises RefusedError."""
    variables = dict(an_object(fields, VARIABLES))
    if (size := len(msgspec.json.encode(variables))) > TEMPLATE_BYTES:
        text = f"{VARIABLES} must have up to {TEMPLATE_BYTES} bytes as JSON, not {size}; shorten it"
        raise RefusedError(text, param=VARIABLES)
    for name in SWITCHES:
        if variables.get(name, False) is None:
            del variables[name]
        flag(variables, name, f"{VARIABLES}.")  # a template would take the string "false" for true
    return variables or None
