"""Text that tracks which message each character came from, through all operations of a template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, SupportsIndex

TEMPLATE: Final = 0
"""Origin of characters that the template wrote."""

MIXED: Final = 255
"""Origin of characters that can't be traced: they may come from any message."""


class TracedText(str):
    """A string with an origin per character: TEMPLATE, MIXED, or the number of a message.

    Every method returns a TracedText. When single origins can't be determined, the whole result is MIXED, so that a
    message's text is never treated as the template's own.
    """

    _origins: bytes

    def __new__(cls, text: str, origins: bytes | None = None) -> TracedText:
        self = super().__new__(cls, text)
        self._origins = bytes([MIXED]) * len(self) if origins is None else origins
        return self

    def __str__(self) -> TracedText:
        return self

    def __repr__(self) -> TracedText:
        return TracedText(super().__repr__())

    def __format__(self, spec: str) -> TracedText:
        return TracedText(super().__format__(spec))

    def __getitem__(self, index: SupportsIndex | slice) -> TracedText:
        text = super().__getitem__(index)
        if isinstance(index, slice):
            return TracedText(text, self._origins[index])
        return TracedText(text, bytes([self._origins[index]]))

    def __iter__(self) -> Iterator[TracedText]:
        return (self[place] for place in range(len(self)))

    def __add__(self, other: str) -> TracedText:
        return _joined((self, other)) if isinstance(other, str) else NotImplemented

    def __radd__(self, other: str) -> TracedText:
        return _joined((other, self)) if isinstance(other, str) else NotImplemented

    def __mul__(self, count: SupportsIndex) -> TracedText:
        return TracedText(super().__mul__(count), self._origins * count)

    __rmul__ = __mul__

    def __mod__(self, values: Any) -> TracedText:
        return TracedText(super().__mod__(values))

    def __rmod__(self, text: str) -> TracedText:
        return TracedText(str.__mod__(text, (self,)))

    def strip(self, characters: str | None = None, /) -> TracedText:
        return self.lstrip(characters).rstrip(characters)

    def lstrip(self, characters: str | None = None, /) -> TracedText:
        return self[len(self) - len(super().lstrip(characters)) :]

    def rstrip(self, characters: str | None = None, /) -> TracedText:
        return self[: len(super().rstrip(characters))]

    def removeprefix(self, prefix: str, /) -> TracedText:
        return self[len(self) - len(super().removeprefix(prefix)) :]

    def removesuffix(self, suffix: str, /) -> TracedText:
        return self[: len(super().removesuffix(suffix))]

    def split(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        return self._located(super().split(sep, maxsplit), len(sep) if sep else None)

    def rsplit(self, sep: str | None = None, maxsplit: SupportsIndex = -1) -> list[str]:
        return self._located(super().rsplit(sep, maxsplit), len(sep) if sep else None)

    def splitlines(self, keepends: bool = False) -> list[str]:
        lines = self._located(super().splitlines(keepends=True), 0)
        return lines if keepends else [line[: len(str.splitlines(line)[0])] for line in lines]

    def partition(self, sep: str, /) -> tuple[str, str, str]:
        before, between, after = self._located(super().partition(sep), 0)
        return before, between, after

    def rpartition(self, sep: str, /) -> tuple[str, str, str]:
        before, between, after = self._located(super().rpartition(sep), 0)
        return before, between, after

    def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> TracedText:
        if not old:
            return TracedText(super().replace(old, new, count))
        return _joined(self.split(old, count), new)

    def join(self, parts: Iterable[str], /) -> TracedText:
        return _joined(list(parts), self)

    def _located(self, parts: Iterable[str], gap: int | None) -> list[str]:
        """Return the parts as slices of this text, ``gap`` characters apart; None: separated by white space."""
        found: list[str] = []
        end = 0
        for part in parts:
            start = self.index(part, end) if gap is None else end + (gap if found else 0)
            end = start + len(part)
            found.append(self[start:end])
        return found


def joined(parts: Iterable[str], separator: str = "") -> str:
    """``separator.join(parts)``: a plain string when no part is traced."""
    pieces = list(parts)
    if any(isinstance(piece, TracedText) for piece in (separator, *pieces)):
        return _joined(pieces, separator)
    return separator.join(pieces)


def _joined(pieces: Sequence[str], separator: str = "") -> TracedText:
    return TracedText(str.join(separator, pieces), origins(separator).join(map(origins, pieces)))


def origins(text: str) -> bytes:
    """Return the origin of each character."""
    return text._origins if isinstance(text, TracedText) else bytes(len(text))


def from_template(text: str) -> TracedText:
    """Wrap a plain string so that its methods trace."""
    return TracedText(text, origins(text))


def quoted_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Return the (start, end) of each maximal range of characters from messages."""
    return tuple(match.span() for match in re.finditer(rb"[^\0]+", origins(text)))


def _character_wise(name: str) -> Callable[..., TracedText]:
    """Build a method that changes single characters: it keeps their origins if their number stays the same."""
    plain = getattr(str, name)

    def method(self: TracedText) -> TracedText:
        text = plain(self)
        return TracedText(text, self._origins if len(text) == len(self) else None)

    method.__name__ = name
    return method


def _untraced(name: str) -> Callable[..., TracedText]:
    """Build a method whose result is MIXED."""
    plain = getattr(str, name)

    def method(self: TracedText, *args: Any, **kwargs: Any) -> TracedText:
        return TracedText(plain(self, *args, **kwargs))

    method.__name__ = name
    return method


for _name in ("upper", "lower", "casefold", "swapcase", "capitalize", "title"):
    setattr(TracedText, _name, _character_wise(_name))
for _name in ("center", "ljust", "rjust", "zfill", "expandtabs", "translate", "format", "format_map"):
    setattr(TracedText, _name, _untraced(_name))
