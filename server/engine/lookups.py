"""Questions for the likeliest tokens after a text that an answer has read and written. They belong to the Engine port.

Each becomes a Sequence of its own, which ends as soon as the logits of its last token are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LikelyToken:
    """A token's bytes and the natural logarithm of its probability, before any sampling parameter is applied.

    ``chosen``: the answer has it there. ``end``: an answer ends with it.
    """

    piece: bytes
    logprob: float
    chosen: bool = False
    end: bool = False


Likely = tuple[LikelyToken, ...]
"""Likeliest first. The chosen token comes last if it is not one of the likeliest."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lookup:
    """The question for the ``count`` likeliest tokens after ``prompt`` and ``written``, of which ``chosen`` is one;
    None: none was chosen there.

    ``written``: tokens of an answer and of its instructions. ``principal`` asks; ``temporary`` as in GenerationRequest.
    ``answer``: set on the engine's thread; it fails with EngineError or EngineDeadError. Cancel it when it is
    no longer wanted.
    """

    prompt: tuple[int, ...]
    written: tuple[int, ...]
    count: int
    chosen: int | None
    principal: str = ""
    temporary: bool = False
    answer: Future[Likely] = field(default_factory=Future)

    def succeed(self, likely: Likely) -> None:
        """Answer the question, unless it was cancelled."""
        try:
            self.answer.set_result(likely)
        except InvalidStateError:
            pass

    def fail(self, error: Exception) -> None:
        """Let the question fail, unless it was cancelled."""
        try:
            self.answer.set_exception(error)
        except InvalidStateError:
            pass


def with_chosen(likeliest: Sequence[LikelyToken], chosen: LikelyToken | None) -> Likely:
    """Return the likeliest tokens, and the chosen one after them if it is not among them."""
    if chosen is None or any(each.chosen for each in likeliest):
        return tuple(likeliest)
    return (*likeliest, chosen)
