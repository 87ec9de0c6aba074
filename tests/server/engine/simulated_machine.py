"""Simulated machine: the real scheduler and planner take steps whose durations follow a formula, in simulated time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from server.engine.base import GenerationRequest, SamplingParams
from server.engine.prefix_waits import PrefixWaits
from server.engine.scheduler import Scheduler
from server.engine.sequence import Sequence as Generation
from server.engine.step_planner import StepPlanner

BATCH = 512
"""Prompt tokens of a batch here, and of a physical batch of llama-server."""

THEIR_BATCH = 2048
"""Prompt tokens of a step of llama-server, its default."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Durations in seconds: a step, each row that writes, a chunk of a prompt, each token of a chunk."""

    step: float
    row: float
    chunk: float
    token: float

    def seconds(self, writing: int, reading: int) -> float:
        """Return the duration of a step."""
        chunks = -(-reading // BATCH)
        return (self.step + self.row * writing if writing else 0.0) + self.chunk * chunks + self.token * reading


H100 = Machine(step=0.0012, row=0.0006, chunk=0.0022, token=0.00002)
"""As in docs/performance.md: 1 / 4 / 16 / 32 rows in 1.7 / 3.5 / 11.8 / 20.4 ms, 2,000 tokens in 49 ms."""

TWO_CORES = Machine(step=0.034, row=0.0045, chunk=0.032, token=0.0052)
"""As in docs/performance.md: a row in 38.5 ms, 8 tokens more in 75 ms, 2,000 tokens in 10.6 s."""


@dataclass(slots=True)
class Arrival:
    """A request: when it comes, and its length in tokens. The times of its tokens are added."""

    at: float
    prompt: int
    answer: int
    tokens: list[float] = field(default_factory=list)

    @property
    def first(self) -> float:
        """Seconds until its first token."""
        return self.tokens[0] - self.at

    def gaps(self, start: float, end: float) -> list[float]:
        """Return the pauses between two tokens that were written between the two times."""
        times = [time for time in self.tokens if start <= time <= end]
        return [after - before for before, after in pairwise(times)]


def run(machine: Machine, arrivals: Sequence[Arrival], *, slots: int = 32) -> None:
    """Answer all requests with the project's scheduler and planner."""
    scheduler, now = Scheduler(slots=slots), 0.0
    planner = StepPlanner(scheduler, most=BATCH)
    of: dict[Generation, Arrival] = {}
    waiting = sorted(arrivals, key=lambda arrival: arrival.at)
    while waiting or of:
        now = max(now, waiting[0].at) if not of else now
        while waiting and waiting[0].at <= now:
            arrival = waiting.pop(0)
            generation = _generation(arrival, len(arrivals) - len(waiting))
            of[generation] = arrival
            scheduler.add(generation)
        while scheduler.free and scheduler.waiting:
            scheduler.admit(scheduler.waiting[0], min(scheduler.free), 0, now)
        plan = planner.plan({}, PrefixWaits(), None, now)
        seconds = machine.seconds(plan.writing, plan.reading)
        now += seconds
        planner.learn(plan, seconds)
        for share in plan.shares:
            share.sequence.computed += share.count
            if share.output is not None:
                share.sequence.extend(7, now)
                of[share.sequence].tokens.append(now)
        for generation in [each for each in of if len(of[each].tokens) == of[each].answer]:
            scheduler.remove(generation)
            del of[generation]


def run_theirs(machine: Machine, arrivals: Sequence[Arrival]) -> None:
    """Answer all requests as llama-server does: each step has a row of every answer, then prompts, first come first
    served, as many tokens as its batch has room for."""
    waiting = sorted(arrivals, key=lambda arrival: arrival.at)
    ahead = {id(arrival): arrival.prompt for arrival in waiting}
    now = 0.0
    while open_ := [arrival for arrival in waiting if len(arrival.tokens) < arrival.answer]:
        now = max(now, min(arrival.at for arrival in open_))
        here = [arrival for arrival in open_ if arrival.at <= now]
        writing = [arrival for arrival in here if not ahead[id(arrival)]]
        room, done = THEIR_BATCH - len(writing), list(writing)
        for arrival in here:
            count = min(room, ahead[id(arrival)])
            ahead[id(arrival)] -= count
            room -= count
            if count and not ahead[id(arrival)]:
                done.append(arrival)
        now += machine.seconds(len(writing), THEIR_BATCH - len(writing) - room)
        for arrival in done:
            arrival.tokens.append(now)


def median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def _generation(arrival: Arrival, number: int) -> Generation:
    start = number * 100_000
    request = GenerationRequest(
        id=str(number),
        prompt=tuple(range(start, start + arrival.prompt)),
        sampling=SamplingParams(),
        received=arrival.at,
        principal="",
    )
    return Generation(request, context=100_000)
