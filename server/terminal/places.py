"""Places in the newest answer, which a person names: alternatives and forks (PROTOCOL 6.12)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Final

from protocol.client import DisconnectedError, RequestError
from protocol.messages import Alternative, ForkPoint
from protocol.plain_places import alternative_text, text_of
from server.terminal.pieces import PiecesError

COUNT: Final = 10
"""Number of alternatives that are shown."""
LOOKUP_SECONDS: Final = 10.0
"""Time limit for alternatives, in seconds: they wait while every slot of the server is in use."""
CONTEXT: Final = 40
"""Characters that are shown before a place."""

_NUMBER: Final = re.compile("-?[0-9]{1,16}", re.ASCII)

Lookup = Callable[[str, int, int, float], Sequence[Alternative]]
"""``SyncChat.alternatives``: id, event, count and time limit."""


class PlaceError(ValueError):
    """A place that can't be used. The text is for a person."""


class Places:
    """Owns which answer is the newest one. Any thread may ask.

    ``look_up`` asks the server for alternatives, ``read`` returns the text of each event of a generation.
    """

    def __init__(self, look_up: Lookup, read: Callable[[str], list[str]]) -> None:
        self._look_up = look_up
        self._read = read
        self._id: str | None = None

    @property
    def generation(self) -> str | None:
        """Id of the newest answer; None if there is none."""
        return self._id

    def use(self, generation: str | None) -> None:
        """Make this answer the newest one."""
        self._id = generation

    def alternatives(self, given: str) -> str:
        """Describe the likeliest tokens at the place that is given; without one, at the end so far. Raises
        PlaceError."""
        id, pieces = self._pieces()
        seq = _event(given or str(len(pieces) + 1), pieces)
        try:
            tokens = self._look_up(id, seq, COUNT, LOOKUP_SECONDS)
        except (RequestError, DisconnectedError) as problem:
            raise PlaceError(problem.message) from problem
        except TimeoutError as problem:
            raise PlaceError("the server is too busy for that; try again when the answer has ended") from problem
        return "\n".join([_described(seq, pieces), *map(alternative_text, tokens), _hint(seq)])

    def fork_point(self, given: str) -> ForkPoint:
        """Return the place of ``/fork PLACE TEXT``. Raises PlaceError.

        White space that the answer has at the place is put before a text without quotes.
        """
        place, _, text = given.partition(" ")
        if not place:
            raise PlaceError("/fork PLACE TEXT, such as /fork 12 dog; /alternatives shows places")
        id, pieces = self._pieces()
        seq = _event(place, pieces)
        return ForkPoint(id=id, seq=seq, text=_fork_text(text.strip(), "".join(pieces[seq - 1 :])))

    def _pieces(self) -> tuple[str, list[str]]:
        if self._id is None:
            raise PlaceError("there is no answer yet; type a message")
        try:
            return self._id, self._read(self._id)
        except PiecesError as problem:
            raise PlaceError(str(problem)) from problem


def fork_line(point: ForkPoint) -> str:
    """Return the line that names the same fork with a number and a quoted text."""
    return f"/fork {point.seq} {json.dumps(point.text)}" if point.text else f"/fork {point.seq}"


def _event(given: str, pieces: Sequence[str]) -> int:
    """Return the event at a place: its number, a number of tokens back from the end, or a part of the text, which
    means where that begins for the last time."""
    end = len(pieces) + 1
    if not _NUMBER.fullmatch(given):
        return _event_of_text(text_of(given), pieces)
    number = int(given)
    place = number if number >= 0 else end + number
    if not 1 <= place <= end:
        raise PlaceError(f"{given}: this answer has the places 1 to {end}, and -1 is that of its last token")
    return place


def _event_of_text(text: str, pieces: Sequence[str]) -> int:
    *_, found = [None, *re.finditer(re.escape(text), "".join(pieces), re.IGNORECASE)]
    if found is None:
        raise PlaceError(f"{text!r} is not in the answer; name a place by a word of it, or by its number")
    at = found.start()
    for event, piece in enumerate(pieces, start=1):
        at -= len(piece)
        if at < 0:
            return event
    raise AssertionError("the text is in the pieces")


def _fork_text(given: str, rest: str) -> str | None:
    text = text_of(given)
    if text != given or not text:
        return text or None
    return rest[: len(rest) - len(rest.lstrip(" "))] + text


def _described(seq: int, pieces: Sequence[str]) -> str:
    before = "".join(pieces[: seq - 1])
    shown = before if len(before) <= CONTEXT else f"…{before[-CONTEXT:]}"
    return f"place {seq}, after {json.dumps(shown, ensure_ascii=False)}" if before else f"place {seq}, the beginning"


def _hint(seq: int) -> str:
    return f"/fork {seq} TEXT writes another answer from there"
