"""What an earlier server left in the journal, read back."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from protocol.messages import Generate
from server.engine.base import Finished, GenerationRequest, SamplingParams
from server.generations.entries import Begun

_GENERATIONS = """
    SELECT key, id, epoch, principal, body, sampling, prompt, model, created, cancelled, finished, ending, texts
    FROM generations ORDER BY key
"""
_STEPS = "SELECT pieces FROM steps ORDER BY number"

_Written = list[tuple[str, list[int]]]
"""Of one generation: each piece of text, and the tokens that it brought."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One generation. ``begun.request.written`` has the tokens behind ``texts`` where it had not ended.

    ``key`` is its row; ``finished`` is the Unix time of its ``ending``. Both are None where it had not ended.
    """

    key: int
    begun: Begun
    texts: tuple[str, ...]
    cancelled: bool
    ending: Finished | None
    finished: float | None


def read(db: sqlite3.Connection) -> list[Stored]:
    """All generations, in the order in which they were accepted.

    Raises sqlite3.DatabaseError, msgspec.MsgspecError or ValueError where the file is broken.
    """
    rows = db.execute(_GENERATIONS).fetchall()
    written: dict[int, _Written] = {}
    for (pieces,) in db.execute(_STEPS):
        for key, text, tokens in msgspec.json.decode(pieces, type=list[tuple[int, str, list[int]]]):
            written.setdefault(key, []).append((text, tokens))
    return [_stored(row, written.get(row[0], [])) for row in rows]


def _stored(row: Sequence[Any], written: _Written) -> Stored:
    key, id, epoch, principal, body, sampling, prompt, model, created, cancelled, finished, ending, texts = row
    request = GenerationRequest(
        id=id,
        prompt=tuple(array("i", prompt)),
        sampling=msgspec.json.decode(sampling, type=SamplingParams),
        received=0,
        written=() if ending else tuple(token for _, tokens in written for token in tokens),
        principal=principal,
    )
    generate = msgspec.json.decode(body, type=Generate)
    return Stored(
        key=key,
        begun=Begun(request=request, epoch=epoch, body=generate, model=model, created=created),
        texts=msgspec.json.decode(texts, type=tuple[str, ...]) if ending else tuple(text for text, _ in written),
        cancelled=bool(cancelled),
        ending=msgspec.json.decode(ending, type=Finished) if ending else None,
        finished=finished,
    )
