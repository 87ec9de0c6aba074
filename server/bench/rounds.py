"""Interleaved rounds: ours, theirs, theirs, ours, and so on, so that drift of the machine affects both sides
equally."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from server.bench.busy_processes import busy_processes
from server.bench.load_sizes import LoadSizes
from server.bench.measures.arrivals import arrivals
from server.bench.measures.changes import changes
from server.bench.measures.drafts import drafts
from server.bench.measures.places import places
from server.bench.measures.readings import readings
from server.bench.measures.second_turn import turns
from server.bench.measures.speculation import speculation
from server.bench.measures.stops import stops
from server.bench.measures.throughput import throughput
from server.bench.prompts import Prompts
from server.bench.samples import Samples, merge
from server.bench.sides import BenchSide
from server.bench.target import Target, ask

Remark = Callable[[str], None]
"""Reports the progress of the run to the person."""

Measure = Callable[[Target, LoadSizes, Prompts], Awaitable[Samples]]

MEASURES: Final[Mapping[str, Measure]] = {
    "throughput": throughput,
    "arrivals": arrivals,
    "readings": readings,
    "stops": stops,
    "turns": turns,
    "drafts": drafts,
    "changes": changes,
    "places": places,
    "speculation": speculation,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Plan of a run. ``seed``: prompts differ from those of any other run, and are the same for both sides.
    ``busy_processes``: number of busy processes beside the server."""

    sizes: LoadSizes
    groups: tuple[str, ...]
    rounds: int
    seed: str
    tokens_per_word: float
    busy_processes: int = 0

    def prompts(self, round: int, group: str) -> Prompts:
        return Prompts(f"{self.seed}/{round}/{group}", self.tokens_per_word)


async def run_rounds(plan: RunPlan, sides: Sequence[BenchSide], remark: Remark) -> list[dict[str, Samples]]:
    """Run the rounds and return each side's samples per round."""
    results: list[dict[str, Samples]] = []
    for round in range(plan.rounds):
        result: dict[str, Samples] = {}
        for side in sides if round % 2 == 0 else tuple(reversed(sides)):
            result[side.name] = await _turn(plan, round, side, remark)
        results.append(result)
    return results


async def _warm_up(target: Target, plan: RunPlan, round: int) -> None:
    """Request a long prompt and then a short one.

    For the short one a server may copy what the long one left in its cache, into memory that it has never used before.
    Some virtual machines get such memory from their host a page at a time, so the first copy takes longer than others.
    """
    prompts, sizes = plan.prompts(round, "warm-up"), plan.sizes
    for length in (sizes.long, sizes.short):
        await ask(target, prompts.fresh(length), sizes.answer)


async def _turn(plan: RunPlan, round: int, side: BenchSide, remark: Remark) -> Samples:
    async with side.serving() as target, busy_processes(plan.busy_processes):
        await _warm_up(target, plan, round)
        parts = []
        gc.collect()
        gc.disable()  # a collection here would count as the server's time
        try:
            for group in plan.groups:
                remark(f"round {round + 1} of {plan.rounds}: {side.name}, {group}")
                parts.append(await MEASURES[group](target, plan.sizes, plan.prompts(round, group)))
        finally:
            gc.enable()
        return merge(parts)
