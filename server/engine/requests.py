"""Requests to the engine: answers, changes of running ones, and drafts. They belong to the Engine port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.engine.sampling_params import SamplingParams


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction in mid-answer, which steers the rest of it.

    ``tokens``: the end of the answer so far, the instruction ``content``, and the beginning of the next answer, as the
    chat template writes them. ``opened``: as in GenerationRequest, for the text after the instruction.
    """

    content: str
    tokens: tuple[int, ...]
    opened: str = ""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Other sampling parameters for the rest of an answer.

    ``changes``: new values of fields of SamplingParams. ``asked``: the client's request as JSON, for the log; engines
    only pass it on.
    """

    asked: str
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """One answer to compute. ``received`` is the ``time.monotonic()`` of the request's receipt, in seconds.

    ``written`` are tokens of this answer that an earlier engine computed: they are read after the prompt, count as part
    of the answer, and are not delivered again. ``instructions`` were read in between, each after that number of
    ``written`` tokens. ``earlier_stops``: stop strings that were tuned since, each valid up to that number of
    ``written`` tokens; ``sampling`` has the newest parameters. ``opened`` is text at the end of the prompt with which
    the answer's text begins: a thinking mark that the chat template opens. ``principal`` owns the request. ``model``:
    name of the model that writes it. ``unprepared``: the request as its writer keeps it, where the model has to be
    loaded before there is a ``prompt``; no engine takes such a request. ``repeatable`` False: the client gave no seed,
    so the last bits of the logits may depend on what else a step computes. ``temporary``: see ``only_for``.
    ``forked``: the ``written`` tokens are those of another answer, so their KV may come from there.

    ``asked`` and ``text`` are for a writer without tokens, and engines ignore them: the request to an upstream, as
    JSON, and the pieces of the answer that an earlier server wrote.
    """

    id: str
    prompt: tuple[int, ...]
    sampling: SamplingParams
    received: float
    written: tuple[int, ...] = ()
    instructions: tuple[tuple[int, Instruction], ...] = ()
    earlier_stops: tuple[tuple[int, tuple[str, ...]], ...] = ()
    opened: str = ""
    principal: str = ""
    model: str = ""
    unprepared: str = ""
    repeatable: bool = True
    asked: str = ""
    text: tuple[str, ...] = ()
    temporary: bool = False
    forked: bool = False

    @property
    def only_for(self) -> str | None:
        """The only principal that may reuse its KV, which is never saved; None: everybody may."""
        return self.principal if self.temporary else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The beginning of a prompt that may be requested soon. A new draft replaces the one with the same ``key``. Only
    prompts of the same ``principal`` reuse what was read. ``model``: name of the model that reads it."""

    key: str
    principal: str
    tokens: tuple[int, ...]
    model: str = ""
