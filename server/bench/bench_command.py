"""The command ``streamui bench``: the whole run."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from server.bench import crowded
from server.bench.bench_error import BenchError
from server.bench.calibration import timed, tokens_per_word
from server.bench.gguf_facts import read_facts
from server.bench.json_report import report
from server.bench.load_sizes import FULL, QUICK
from server.bench.options import CONTEXT
from server.bench.prompts import Prompts
from server.bench.rounds import RunPlan, run_rounds
from server.bench.rows import rows
from server.bench.sides import BenchSide, Load, Ours, RunningServer, StartedServer
from server.bench.table import figures, table
from server.bench.target import ask
from server.resources import usable_cores
from server.starter import MODEL_PATH

INTERRUPTED = 130


def run(arguments: argparse.Namespace) -> int:
    """Run the measurements for ``arguments`` and return the exit status. Raises BenchError."""
    if arguments.json is not None:
        _check_writable(arguments.json)
    if arguments.connections is not None:
        crowded.check(arguments)
    model = _model(arguments)
    facts = read_facts(model)
    context = arguments.context or min(CONTEXT, facts.context or CONTEXT)
    load = Load(model=model, context=context, parallel=arguments.parallel, threads=arguments.threads, ends=facts.ends)
    measure = _measure if arguments.connections is None else _measure_crowd
    try:
        asyncio.run(_until_terminated(measure(arguments, load)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print(file=sys.stderr)
        return INTERRUPTED
    return 0


async def _until_terminated(measuring: Coroutine[Any, Any, None]) -> None:
    """Run ``measuring``; SIGTERM ends it like Ctrl-C, including the servers it started. A second SIGTERM does
    nothing."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: task.cancelling() or task.cancel())
    await measuring


async def _measure(arguments: argparse.Namespace, load: Load) -> None:
    sides = _sides(arguments, load)
    await _try(sides[1:])
    plan = await _plan(arguments, load, sides[0])
    results = await run_rounds(plan, sides, _remark)
    shown = [row for row in rows(plan.sizes) if row.group in plan.groups]
    found = figures(shown, results)
    print(_heading(load, plan, plan.sizes.answer), table(found, compared=len(sides) > 1), sep="\n\n")
    early = sum(len(side.get("early", ())) for each in results for side in each.values())
    if early:
        _remark(f"{early} answers ended before their length: the rows of throughput compare answers of unequal length")
    if arguments.json is not None:
        arguments.json.write_bytes(report(plan, load, results, found))


async def _measure_crowd(arguments: argparse.Namespace, load: Load) -> None:
    size = crowded.size_of(arguments, load.context)
    plan, results = await crowded.run(arguments, load, size, _remark)
    found = figures(crowded.rows(size), results)
    print(_heading(load, plan, size.answer), table(found, compared=False), sep="\n\n")
    if arguments.json is not None:
        arguments.json.write_bytes(report(plan, load, results, found))


def _model(arguments: argparse.Namespace) -> Path:
    if arguments.synthetic is None:
        return arguments.model or MODEL_PATH
    from server.bench.synthetic import make  # here: its package is not always installed

    return make(arguments.synthetic, arguments.model, arguments.data, _remark)


def _sides(arguments: argparse.Namespace, load: Load) -> tuple[BenchSide, ...]:
    ours = Ours(load, raw=arguments.against_api == "completions")
    if arguments.against is not None:
        return ours, RunningServer(load, arguments.against, arguments.against_api)
    if arguments.against_command is not None:
        return ours, StartedServer(load, arguments.against_command, arguments.against_api)
    if arguments.against_options is not None:
        return ours, Ours(load, raw=ours.raw, name="theirs", options=arguments.against_options)
    return (ours,)


async def _try(others: Sequence[BenchSide]) -> None:
    """Send one request to the other servers, so that mistakes in their options show before ours is measured."""
    for side in others:
        _remark("trying the other server")
        async with side.serving() as target:
            await ask(target, "Hello", 1)


async def _plan(arguments: argparse.Namespace, load: Load, ours: BenchSide) -> RunPlan:
    """Plan the run. The sizes suit the speed of our server, which is measured first."""
    sizes = (QUICK if arguments.quick else FULL).fitted(context=load.context, parallel=load.parallel)
    seed = secrets.token_hex(4)
    _remark("measuring this machine's speed with this model")
    async with ours.serving() as target:
        ratio = await tokens_per_word(target)
        sizes = await timed(target, sizes, Prompts(f"{seed}/timing", ratio))
    rounds = arguments.rounds or (1 if arguments.quick else 3)
    return RunPlan(
        sizes=sizes,
        groups=arguments.only,
        rounds=rounds,
        seed=seed,
        tokens_per_word=ratio,
        busy_processes=arguments.busy_processes,
    )


def _heading(load: Load, plan: RunPlan, answer: int) -> str:
    sizes, cores, threads = plan.sizes, usable_cores(), load.threads or "default"
    beside = f"; busy processes: {plan.busy_processes}" if plan.busy_processes else ""
    return (
        f"{load.model.name}: {load.parallel} x {load.context} tokens of context, threads: {threads}, cores: {cores}; "
        f"answers of {answer} tokens, short prompts of {sizes.short}; rounds: {plan.rounds}{beside}"
    )


def _check_writable(path: Path) -> None:
    """Check that the report can be written, before measuring for an hour."""
    try:
        path.open("ab").close()
    except OSError as error:
        raise BenchError(f"--json {path}: can't be written: {error.strerror}") from None


def _remark(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
