"""Fields of a request that the model's chat template reads."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from protocol.checks import TEMPLATE_BYTES
from server.openai.errors import RefusedError
from server.openai.fields import Fields, an_object

VARIABLES: Final = "chat_template_kwargs"

MAX_EFFORT: Final = 64
"""Longest value of an effort, in characters. A longer one is ignored, like any that no template knows."""


class TemplateFields(NamedTuple):
    """Effort of thinking, and further variables of the template; None: the template decides."""

    effort: str | None = None
    variables: dict[str, Any] | None = None


def read_template_fields(fields: Fields, effort: Any = None) -> TemplateFields:
    """Return ``reasoning_effort``, or the ``effort`` of a response, and ``chat_template_kwargs``. Raises
    RefusedError."""
    variables = dict(an_object(fields, VARIABLES)) or None
    if variables and (size := len(msgspec.json.encode(variables))) > TEMPLATE_BYTES:
        text = f"{VARIABLES} must have up to {TEMPLATE_BYTES} bytes as JSON, not {size}; shorten it"
        raise RefusedError(text, param=VARIABLES)
    return TemplateFields(effort_of(fields.get("reasoning_effort", effort)), variables)


def effort_of(value: Any) -> str | None:
    """Return an effort that a template may know; None for any other value."""
    return value if isinstance(value, str) and 0 < len(value) <= MAX_EFFORT else None
