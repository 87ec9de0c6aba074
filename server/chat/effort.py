"""Amounts of thinking that a chat template offers, and the variables that choose one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

EFFORT: Final = "reasoning_effort"
"""Variable for the effort in chat templates. Each template has its own values for it."""

SWITCHES: Final = ("enable_thinking", "thinking")
"""Variables with which templates switch thinking off."""

NO_EFFORT: Final = "none"

LEVELS: Final = ("low", "medium", "high")
"""Values of ``EFFORT`` that are tried."""

_READ: Final = re.compile(rf"\b(?:{'|'.join((EFFORT, *SWITCHES))})\b")


def effort_variables(effort: str | None) -> dict[str, Any]:
    """Return the variables of the chat template for an effort; None: the template's own default."""
    if effort is None:
        return {}
    return {EFFORT: effort} | (dict.fromkeys(SWITCHES, False) if effort == NO_EFFORT else {})


def efforts_of(source: str, render: Callable[[Mapping[str, Any]], str | None]) -> tuple[str, ...]:
    """Return the efforts that change the prompt of the template ``source``, from none to the most.

    ``render`` returns the same dialogue's prompt with these variables, or None if the template rejects them.
    """
    if not _READ.search(source):
        return ()
    default = render({})
    off = render(dict.fromkeys(SWITCHES, False))  # alone: a template may write any name of an effort into the prompt
    levels = {level: text for level in LEVELS if (text := render(effort_variables(level))) is not None}
    none = (NO_EFFORT,) if off is not None and off != default else ()
    return none + (tuple(levels) if len(set(levels.values())) > 1 else ())
