"""Whose turn it is: how much of the prompts the next step reads, and whom they keep waiting. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.engine.pace import Pace
from server.engine.scheduler import Plan, Scheduler
from server.engine.sequence import Sequence

HOLD_SECONDS: Final = 5.0
"""How long an answer that has just begun may be kept waiting by short prompts that came with it."""

TOGETHER_SECONDS: Final = 0.5
"""Between requests that have come at once."""

SHORT_PROMPT: Final = 512
"""Tokens; a longer prompt keeps nobody waiting."""


class Turns:
    """Plans the steps of ``scheduler``, at the pace that it has learnt. ``most`` tokens of prompts fit into a step."""

    def __init__(self, scheduler: Scheduler, *, most: int) -> None:
        self._scheduler = scheduler
        self._pace = Pace(most=most)

    def plan(self, fill: Mapping[int, int], suspect: Sequence | None, now: float) -> Plan:
        """The next step, as of ``now`` (``time.monotonic()`` seconds); of ``suspect`` alone where there is one."""
        running = self._scheduler.running
        writing = [sequence for sequence in running if sequence.stepping]
        settled = any(sequence.settled for sequence in writing)
        reading = [sequence for sequence in running if sequence.ahead > 1]
        held = [] if settled else _held(writing, reading, now)
        budget = self._pace.budget(writing=len(writing) - len(held), settled=settled, readers=len(reading))
        return self._scheduler.plan(budget, fill, held=held, only=suspect)

    def learn(self, plan: Plan, seconds: float) -> None:
        """``plan`` took ``seconds``."""
        self._pace.learn(writing=plan.writing, reading=plan.reading, seconds=seconds)


def _held(writing: list[Sequence], reading: list[Sequence], now: float) -> list[Sequence]:
    """Who has its first token, and lets those who came with it come to theirs before it goes on.

    All are sooner through so than if each step carried the first answers' rows as well.
    """
    came = [sequence.request.received for sequence in reading if sequence.ahead <= SHORT_PROMPT]
    return [
        sequence
        for sequence in writing
        if sequence.writing
        and sequence.seconds_writing(now) < HOLD_SECONDS
        and any(abs(sequence.request.received - other) < TOGETHER_SECONDS for other in came)
    ]
