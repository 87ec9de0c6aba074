"""An engine that computes nothing: a test chooses its updates and its faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from server.engine.base import (
    Draft,
    EngineModelFacts,
    EngineStats,
    EngineTimings,
    EngineUsage,
    Finished,
    FinishReason,
    GenerationRequest,
    Instruction,
    JsonInText,
    Listener,
    Lookup,
    Phase,
    Piece,
    Prefill,
    Ranges,
    Tuning,
    Update,
)
from tests.server.engine.scripted_model import ScriptedModel


class PuppetEngine:
    """The Engine port. ``fault`` is raised by the method that it is set for."""

    slots = 4

    def __init__(self) -> None:
        self.submitted: list[str] = []
        self.cancelled: list[str] = []
        self.steered: list[str] = []
        self.tuned: list[str] = []
        self.alive = True
        self.faults: dict[str, Exception] = {}
        self._listener: Listener = lambda updates: None

    @property
    def facts(self) -> EngineModelFacts:
        return ScriptedModel().facts

    def start(self, listener: Listener) -> None:
        self._perhaps_fail("start")
        self._listener = listener

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        return list(text.encode())

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        raise NotImplementedError

    def texts(self, tokens: Sequence[int]) -> list[bytes]:
        return [bytes([token]) for token in tokens]

    def continuation(self, text: str) -> list[int]:
        return list(text.encode())

    def grammar(self, schema: Mapping[str, object] | JsonInText, *, compact: bool = False) -> str:
        raise NotImplementedError

    def eta_ms(self) -> int | None:
        return None

    def submit(self, request: GenerationRequest) -> None:
        self.submitted.append(request.id)
        self._perhaps_fail("submit")

    def steer(self, id: str, instruction: Instruction) -> None:
        self.steered.append(id)
        self._perhaps_fail("steer")

    def tune(self, id: str, tuning: Tuning) -> None:
        self.tuned.append(id)
        self._perhaps_fail("tune")

    def look_up(self, lookup: Lookup) -> None:
        self._perhaps_fail("look_up")

    def cancel(self, id: str, received: float) -> None:
        self.cancelled.append(id)
        self._perhaps_fail("cancel")

    def read_ahead(self, draft: Draft) -> None:
        raise NotImplementedError

    def forget_draft(self, key: str) -> None:
        raise NotImplementedError

    def stats(self) -> EngineStats:
        return EngineStats(alive=self.alive, slots=self.slots)

    def close(self) -> None:
        self.alive = False

    def hand_over(self, *updates: Update) -> None:
        """Return the updates of one step."""
        self._listener(updates)

    def _perhaps_fail(self, method: str) -> None:
        if method in self.faults:
            raise self.faults[method]


def prefill(id: str, done: int = 1) -> Prefill:
    return Prefill(id, done, 2)


def piece(id: str, text: str = "word ", tokens: int = 1) -> Piece:
    return Piece(id, text, tokens, (tokens,))


def finished(id: str) -> Finished:
    usage = EngineUsage(prompt_tokens=2, cached_tokens=0, completion_tokens=1)
    timings = EngineTimings(queued=0.0, prefill=1.0, first_token=1.0, decode=1.0, total=2.0, stop=None)
    return Finished(id, FinishReason.STOP, Phase.DECODE, usage, timings)
