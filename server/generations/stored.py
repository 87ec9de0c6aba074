"""Generations of an earlier server, read from the journal."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from protocol.messages import Generate
from server.engine.base import Choice, Finished, GenerationRequest, Instruction, SamplingParams
from server.generations.entries import Begun, Written

_GENERATIONS = """
    SELECT
        key, id, epoch, principal, body, sampling, prompt, opened, model, model_name, created, cancelled, finished,
        ending, pieces, note, unprepared, asked, dropped
    FROM generations ORDER BY key
"""
_STEPS = "SELECT pieces FROM steps ORDER BY number"


class _StepPiece(NamedTuple):
    """A piece of one step, or an instruction, of the generation in row ``key``."""

    key: int
    text: str
    tokens: tuple[int, ...]
    choices: tuple[Choice, ...]
    instruction: Instruction | None = None


_Step = list[_StepPiece]


_Ended = tuple[Written, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One stored generation. If it had not ended, ``begun.request`` has the tokens or the text of ``pieces``.

    ``key``: its row; ``ending`` and its Unix time ``finished`` are None if it had not ended.
    """

    key: int
    begun: Begun
    pieces: tuple[Written, ...]
    cancelled: bool
    ending: Finished | None
    finished: float | None


def read(db: sqlite3.Connection) -> list[Stored]:
    """Read all generations, in the order of acceptance.

    Raises sqlite3.DatabaseError, msgspec.MsgspecError or ValueError when the file is broken.
    """
    rows = db.execute(_GENERATIONS).fetchall()
    open: dict[int, list[Written]] = {row[0]: [] for row in rows}
    tokens: dict[int, list[int]] = {row[0]: [] for row in rows}
    read: dict[int, list[tuple[int, Instruction]]] = {row[0]: [] for row in rows}
    for (step,) in db.execute(_STEPS):
        for key, text, chosen, choices, instruction in msgspec.json.decode(step, type=_Step):
            if key in open:
                open[key].append(Written(text, choices, instruction.content if instruction else None))
                tokens[key].extend(chosen)
                if instruction:
                    read[key].append((len(tokens[key]), instruction))
    return [_stored(row, open[row[0]], tokens[row[0]], read[row[0]]) for row in rows]


def _stored(
    row: Sequence[Any],
    written: Sequence[Written],
    tokens: Sequence[int],
    instructions: Sequence[tuple[int, Instruction]],
) -> Stored:
    key, id, epoch, principal, body, sampling, prompt, opened, *rest = row
    model, model_name, created, cancelled, finished, ending, pieces, note, unprepared, asked, dropped = rest
    request = GenerationRequest(
        id=id,
        prompt=tuple(array("i", prompt)),
        sampling=msgspec.json.decode(sampling, type=SamplingParams),
        received=0,
        written=() if ending else tuple(tokens),
        instructions=() if ending else tuple(instructions),
        opened=opened,
        principal=principal,
        model=model_name,
        unprepared=unprepared,
        asked=asked,
        text=() if ending or not asked else tuple(piece.text for piece in written),
    )
    generate = msgspec.json.decode(body, type=Generate)
    return Stored(
        key=key,
        begun=Begun(
            request=request, epoch=epoch, body=generate, model=model, created=created, note=note, dropped=dropped
        ),
        pieces=msgspec.json.decode(pieces, type=_Ended) if ending else tuple(written),
        cancelled=bool(cancelled),
        ending=msgspec.json.decode(ending, type=Finished) if ending else None,
        finished=finished,
    )
