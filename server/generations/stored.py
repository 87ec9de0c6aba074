"""Generations of an earlier server, read from the journal."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from protocol.messages import Generate
from protocol.tuned import from_json
from server.engine.base import Choice, Finished, GenerationRequest, Instruction, SamplingParams
from server.generations.entries import Begun, Fork, Written

_GENERATIONS = """
    SELECT
        key, id, epoch, principal, body, sampling, prompt, opened, model, model_name, created, cancelled, finished,
        ending, pieces, note, unprepared, asked, dropped, fork
    FROM generations ORDER BY key
"""
_STEPS = "SELECT pieces FROM steps ORDER BY number"


class _Tuning(NamedTuple):
    """Change of parameters: the request as JSON, and the parameters from there on."""

    asked: str
    sampling: SamplingParams


class _StepPiece(NamedTuple):
    """A piece of one step, or an instruction, or a change of parameters, of the generation in row ``key``."""

    key: int
    text: str
    tokens: tuple[int, ...]
    choices: tuple[Choice, ...]
    instruction: Instruction | None = None
    tuning: _Tuning | None = None


_Step = list[_StepPiece]


_Ended = tuple[Written, ...]


@dataclass(slots=True)
class _Read:
    """Contents of the steps of one generation. ``instructions`` and ``tunings``: each after a number of ``tokens``."""

    pieces: list[Written] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    instructions: list[tuple[int, Instruction]] = field(default_factory=list)
    tunings: list[tuple[int, SamplingParams]] = field(default_factory=list)

    def add(self, piece: _StepPiece) -> None:
        instruction, tuning = piece.instruction, piece.tuning
        content = instruction.content if instruction else None
        tuned = tuning and from_json(tuning.asked)
        self.pieces.append(Written(piece.text, piece.choices, content, tuned, piece.tokens, instruction))
        self.tokens.extend(piece.tokens)
        if instruction:
            self.instructions.append((len(self.tokens), instruction))
        if tuning:
            self.tunings.append((len(self.tokens), tuning.sampling))

    def sampling(self, first: SamplingParams) -> SamplingParams:
        """Return the newest parameters; ``first``: those of the start."""
        return self.tunings[-1][1] if self.tunings else first

    def earlier_stops(self, first: SamplingParams, fork: Fork | None) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """Return the stop strings before each change; see GenerationRequest."""
        before = [first, *(sampling for _, sampling in self.tunings)]
        stops = ((count, sampling.stop) for (count, _), sampling in zip(self.tunings, before, strict=False))
        if fork is None:
            return tuple(stops)
        return (*fork.stops, *((count, stop) for count, stop in stops if count > fork.tokens))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One stored generation. If it had not ended, ``begun.request`` has the tokens or the text of ``pieces``.

    ``key``: its row; ``ending`` and its Unix time ``finished`` are None if it had not ended. ``sampling``: parameters
    of its start.
    """

    key: int
    begun: Begun
    sampling: SamplingParams
    pieces: tuple[Written, ...]
    cancelled: bool
    ending: Finished | None
    finished: float | None


def read(db: sqlite3.Connection) -> list[Stored]:
    """Read all generations, in the order of acceptance.

    Raises sqlite3.DatabaseError, msgspec.MsgspecError or ValueError when the file is broken.
    """
    rows = db.execute(_GENERATIONS).fetchall()
    open = {row[0]: _Read() for row in rows}
    for (step,) in db.execute(_STEPS):
        for piece in msgspec.json.decode(step, type=_Step):
            if piece.key in open:
                open[piece.key].add(piece)
    return [_stored(row, open[row[0]]) for row in rows]


def _stored(row: Sequence[Any], read: _Read) -> Stored:
    key, id, epoch, principal, body, sampling, prompt, opened, *rest = row
    model, model_name, created, cancelled, finished, ending, pieces, note, unprepared, asked, dropped, forked = rest
    fork = msgspec.json.decode(forked, type=Fork) if forked else None
    first = msgspec.json.decode(sampling, type=SamplingParams)
    request = GenerationRequest(
        id=id,
        prompt=tuple(array("i", prompt)),
        sampling=first if ending else read.sampling(first),
        received=0,
        written=() if ending else tuple(read.tokens),
        instructions=() if ending else tuple(read.instructions),
        earlier_stops=() if ending else read.earlier_stops(first, fork),
        opened=opened,
        principal=principal,
        model=model_name,
        unprepared=unprepared,
        asked=asked,
        text=() if ending or not asked else tuple(piece.text for piece in read.pieces),
    )
    generate = msgspec.json.decode(body, type=Generate)
    return Stored(
        key=key,
        begun=Begun(
            request=request,
            epoch=epoch,
            body=generate,
            model=model,
            created=created,
            note=note,
            dropped=dropped,
            fork=fork,
        ),
        sampling=first,
        pieces=msgspec.json.decode(pieces, type=_Ended) if ending else tuple(read.pieces),
        cancelled=bool(cancelled),
        ending=msgspec.json.decode(ending, type=Finished) if ending else None,
        finished=finished,
    )
