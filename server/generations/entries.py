"""What passes from the registry and the engine through the journal to the logs: frozen, since three threads see it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import NamedTuple

from protocol.messages import Generate
from server.engine.base import Choice, Finished, GenerationRequest, Update


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A generation was taken on. ``model`` names the model that it was tokenized for; ``created`` is in Unix time."""

    request: GenerationRequest
    epoch: str
    body: Generate
    model: str
    created: float

    @property
    def id(self) -> str:
        return self.request.id


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody wants it to stop. The engine hears of it at once; this is for a server that dies before its `done`."""

    id: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The logs of these have expired."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """``passed`` is set, on the event loop, when all that came before it is in the logs."""

    passed: asyncio.Event


class Written(NamedTuple):
    """One piece of text as it is kept: with the logprobs of its tokens, where they were asked for."""

    text: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault in the server ends a generation. ``pieces`` is all of its log, whatever was journaled before."""

    finished: Finished
    pieces: tuple[Written, ...]

    @property
    def id(self) -> str:
        return self.finished.id


Entry = Begun | Update | CancelAsked | Forgotten | Mark | Broken
