"""Planning of steps: how much of the prompts the next one reads, and which answers wait meanwhile. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.engine.prefill_budget import PrefillBudget
from server.engine.prefix_waits import PrefixWaits
from server.engine.scheduler import Plan, Scheduler
from server.engine.sequence import Sequence

HOLD_SECONDS: Final = 5.0
"""Maximum time for which a new answer waits for short prompts that arrived with it, in seconds."""

TOGETHER_SECONDS: Final = 0.5
"""Time between requests that count as arriving together, in seconds."""

SHORT_PROMPT: Final = 512
"""Maximum length of a prompt that others wait for, in tokens."""


class StepPlanner:
    """Plans the steps of ``scheduler`` from measured durations. ``most``: maximum number of prompt tokens per step."""

    def __init__(self, scheduler: Scheduler, *, most: int) -> None:
        self._scheduler = scheduler
        self._pace = PrefillBudget(most=most)

    def plan(self, fill: Mapping[int, int], waits: PrefixWaits, suspect: Sequence | None, now: float) -> Plan:
        """Plan the next step, as of ``now`` (``time.monotonic()`` seconds); only of ``suspect`` when there is one."""
        running = self._scheduler.running
        writing = [sequence for sequence in running if sequence.stepping]
        settled = any(sequence.settled for sequence in writing)
        reading = [sequence for sequence in running if sequence.ahead > 1 and sequence.lookup is None]
        lookups = [sequence for sequence in self._scheduler.looking if sequence.ahead > 1]
        held = [] if settled else _held(writing, reading, now)
        if reading:
            held.extend(lookups)
        readers = len(reading) - len(waits.waiting) or len(lookups)
        budget = self._pace.budget(writing=len(writing) - len(held), settled=settled, readers=readers)
        return self._scheduler.plan(budget, fill, held=[*held, *waits.waiting], turns=waits.turns, only=suspect)

    def learn(self, plan: Plan, seconds: float) -> None:
        """Record that ``plan`` took ``seconds``."""
        self._pace.learn(writing=plan.writing, reading=plan.reading, seconds=seconds)

    @property
    def draft_chunk(self) -> int:
        """Number of tokens of a draft that one step reads."""
        return self._pace.draft_chunk

    def learn_reading(self, reading: int, seconds: float) -> None:
        """Record that a step with only ``reading`` prompt rows took ``seconds``."""
        self._pace.learn(writing=0, reading=reading, seconds=seconds)


def _held(writing: list[Sequence], reading: list[Sequence], now: float) -> list[Sequence]:
    """Return the answers that pause after their first token, until the requests that arrived with them have theirs.

    All get their first token sooner than if each step also computed the earlier answers.
    """
    came = [sequence.request.received for sequence in reading if sequence.ahead <= SHORT_PROMPT]
    return [
        sequence
        for sequence in writing
        if sequence.writing
        and sequence.times.seconds_writing(now) < HOLD_SECONDS
        and any(abs(sequence.request.received - other) < TOGETHER_SECONDS for other in came)
    ]
