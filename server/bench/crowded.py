"""``streamui bench --connections N``: our server alone, with and without many idle connections."""

from __future__ import annotations

import argparse
import resource
import secrets
from typing import Final

from server.bench.bench_error import BenchError
from server.bench.calibration import tokens_per_word
from server.bench.load_sizes import FULL, MARGIN, QUICK
from server.bench.measures.crowd import Crowd, crowd
from server.bench.prompts import Prompts
from server.bench.rounds import Remark, RunPlan
from server.bench.rows import TableRow
from server.bench.samples import Samples, median, p50, p99
from server.bench.sides import Load, Ours
from server.bench.target import ask_at_once

GROUP: Final = "connections"
OTHER_FILES: Final = 256
"""Open files of a process beside its connections, with a reserve."""

ANSWER: Final = 128


def check(arguments: argparse.Namespace) -> None:
    """Check the options and the limit of open files. Raises BenchError."""
    for name in ("against", "against_command", "against_options", "busy_processes"):
        if getattr(arguments, name) not in (None, 0):
            raise BenchError(f"--connections measures our server alone; leave --{name.replace('_', '-')} out")
    needed = arguments.connections + arguments.busy + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        remedy = f"enter `ulimit -n {needed}` and try again"
        if hard != resource.RLIM_INFINITY and hard < needed:
            remedy = f"raise the hard limit of {hard} (nofile in /etc/security/limits.conf), or take fewer"
        raise BenchError(
            f"--connections {arguments.connections}: this needs {needed} open files, the limit is {soft}; {remedy}"
        )


def size_of(arguments: argparse.Namespace, context: int) -> Crowd:
    short = QUICK.short if arguments.quick else FULL.short
    answer = min(QUICK.answer if arguments.quick else ANSWER, context - 2 * short - MARGIN)
    return Crowd(idle=arguments.connections, busy=arguments.busy, short=short, answer=answer)


def rows(size: Crowd) -> tuple[TableRow, ...]:
    """Return all rows, in the table's order."""
    alone, beside = f"gap of {size.busy} busy ones alone", f"the same beside {size.idle:,} idle ones"
    return (
        TableRow(GROUP, "crowd.memory", median, "memory of an idle connection", "KiB", 1),
        TableRow(GROUP, "crowd.files", median, "open files of an idle connection", "files", 2),
        TableRow(GROUP, "crowd.alone", p50, f"{alone}, p50", "ms", 1),
        TableRow(GROUP, "crowd.alone", p99, f"{alone}, p99", "ms", 1),
        TableRow(GROUP, "crowd.beside", p50, f"{beside}, p50", "ms", 1),
        TableRow(GROUP, "crowd.beside", p99, f"{beside}, p99", "ms", 1),
        TableRow(GROUP, "crowd.ratio", median, "p99 beside / alone", "x", 3),
    )


async def run(
    arguments: argparse.Namespace, load: Load, size: Crowd, remark: Remark
) -> tuple[RunPlan, list[dict[str, Samples]]]:
    """Run the rounds, each on a new server; in every second round the idle connections come first."""
    side = Ours(load, raw=True, options=f"--max-sockets {size.idle + size.busy + OTHER_FILES}")
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    seed, ratio = secrets.token_hex(4), 0.0
    results: list[dict[str, Samples]] = []
    for round in range(rounds):
        remark(f"round {round + 1} of {rounds}: {size.busy} busy connections, alone and beside {size.idle} idle ones")
        async with side.serving() as target:
            ratio = ratio or await tokens_per_word(target)
            prompts = Prompts(f"{seed}/{round}/{GROUP}", ratio)
            await ask_at_once(target, [prompts.fresh(size.short) for _ in range(size.busy)], size.answer)
            results.append({side.name: await crowd(target, size, prompts, idle_first=round % 2 == 1)})
    sizes = (QUICK if arguments.quick else FULL).fitted(context=load.context, parallel=load.parallel)
    return RunPlan(sizes=sizes, groups=(GROUP,), rounds=rounds, seed=seed, tokens_per_word=ratio), results
