"""Rendered prompts and the messages that they are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]
"""One message as templates read it: ``role``, ``content``, and any other field that a template may know."""


Ranges = Sequence[tuple[int, int]]
"""Half-open ranges of characters (start, end), in order."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt. Text in the ``quoted`` ranges comes from messages: it never forms control tokens, whatever
    it looks like. ``lost``: indexes of the messages that the template does not show."""

    text: str
    quoted: tuple[tuple[int, int], ...] = ()
    lost: tuple[int, ...] = ()


def clipped(ranges: Ranges, length: int) -> Ranges:
    """Clip the ranges to the first ``length`` characters."""
    return [(start, min(end, length)) for start, end in ranges if start < length]
