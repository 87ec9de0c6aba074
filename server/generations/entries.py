"""Entries that pass from the registry and the engine through the journal to the logs. Frozen: three threads read
them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from protocol.messages import Generate, Params, TunedValues
from server.engine.base import Choice, Finished, GenerationRequest, Instruction, SamplingParams, Update


class Written(NamedTuple):
    """One stored piece of text, with the logprobs of its tokens where requested, or an ``instruction``, or what was
    ``tuned``. ``tokens``: chosen since the one before; none of an upstream, or from an older journal. ``read``: the
    instruction with its tokens."""

    text: str
    choices: tuple[Choice, ...] = ()
    instruction: str | None = None
    tuned: TunedValues | None = None
    tokens: tuple[int, ...] = ()
    read: Instruction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fork:
    """Beginning of an answer that continues from a place of another one.

    ``form``: the `generate` of the first answer, from whose dialogue the prompt comes. ``tokens``: number of
    tokens that the new answer takes over. ``stops``: ``earlier_stops`` of the request. ``sampling``: parameters of the
    first answer's start; None in an older journal. ``changes``: parameters that forks changed, each from the event with
    this number on; the last ones are its own.
    """

    form: Generate
    tokens: int
    stops: tuple[tuple[int, tuple[str, ...]], ...]
    sampling: SamplingParams | None = None
    changes: tuple[tuple[int, Params], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A generation was accepted. ``model``: the model whose tokens it has; ``created``: Unix time; ``note`` and
    ``dropped``: see Generation. ``fork``: of one that continues from another one, whose events before that place are
    the first ones of its log: ``events``."""

    request: GenerationRequest
    epoch: str
    body: Generate
    model: str
    created: float
    note: str = ""
    dropped: int = 0
    fork: Fork | None = None
    events: tuple[Written, ...] = ()

    @property
    def id(self) -> str:
        return self.request.id


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """A cancel was requested. The engine gets it directly; the entry is for a server that dies before its `done`."""

    id: str


@dataclass(frozen=True, slots=True)
class Noted:
    """The note of a generation was replaced."""

    id: str
    note: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The logs with these ids have expired."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """``passed`` is set, on the event loop, once all earlier entries are in the logs."""

    passed: asyncio.Event


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault in the server ended a generation. ``pieces``: its complete log, regardless of earlier entries."""

    finished: Finished
    pieces: tuple[Written, ...]

    @property
    def id(self) -> str:
        return self.finished.id


Entry = Begun | Update | CancelAsked | Noted | Forgotten | Mark | Broken
