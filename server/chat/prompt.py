"""What a chat template makes of messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]
"""One message as templates read it: ``role``, ``content``, and any further field that a template may know."""


Ranges = Sequence[tuple[int, int]]
"""Ranges of characters in order, each from a start to before an end."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A rendered prompt. In the ``quoted`` ranges, each a start and an end, stands text of messages: it holds no
    control tokens, whatever it looks like. Of the messages at the places ``lost`` the template shows nothing."""

    text: str
    quoted: tuple[tuple[int, int], ...] = ()
    lost: tuple[int, ...] = ()


def clipped(ranges: Ranges, length: int) -> Ranges:
    """The ranges within the first ``length`` characters."""
    return [(start, min(end, length)) for start, end in ranges if start < length]
