"""A long run of mixed load: turns, long prompts and stops of 16 chats, beside busy processes that come and go.

It checks that answers are written in every phase, that each request gets one end, the right one, and that nothing is
left behind. ``make soak`` runs it for ten minutes; SOAK_MODEL names a model for that instead of the starter.
"""

from __future__ import annotations

import asyncio
import os
import urllib.request
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import psutil

from protocol.messages import DoneReason, GenerationState
from server.starter import MODEL_PATH
from tests.faults.lives import START, Life, living
from tests.faults.mixed_load import Load, Phase
from tests.faults.scale import DEADLINE, SOAK, scaled

MODEL: Final = os.environ.get("SOAK_MODEL", str(MODEL_PATH))
THIRD_SECONDS: Final = scaled(0, 200)
THIRD_ANSWERS: Final = 24
"""Number of answers of each third, at least."""

PHASE_SECONDS: Final = scaled(0, 5)
WORDS: Final = scaled(150, 800)
"""Length of a long prompt."""

SLOTS: Final = 8
"""Half as many as chats, so that answers also wait for one."""

CACHE_MIB: Final = 16
"""Memory and disk for idle chats, so small that both are full after the first third."""

GROWTH: Final = scaled(32, 96) << 20
"""Allowed memory growth after the first third, in bytes: logs, which are kept for ten minutes, and chance."""

MORE: Final = 8
"""Allowed further threads and open files after the first third: threads of asyncio's pool, and files being written."""

DIFFERENT: Final = 0.1
"""Allowed share of greedy answers that differ from the most frequent one; docs/structure.md gives the reasons."""

COLLAPSED: Final = 0.1
"""Share of the quiet speed at which busy phases count as a collapse: 40 s for what takes 3 s are 0.075. The starter
model, whose client needs the cores too, keeps 0.27 of it."""


class Usage(NamedTuple):
    """Resources of the server while it has nothing to do. ``memory`` is in bytes."""

    memory: int
    threads: int
    files: int

    @classmethod
    def of(cls, life: Life) -> Usage:
        process = psutil.Process(life.process.pid)
        return cls(int(process.memory_info().rss), process.num_threads(), process.num_fds())


def metrics(life: Life) -> dict[str, float]:
    """Return all figures of ``/metrics``, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{life.port}/metrics", timeout=START) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def rest(life: Life) -> Usage:
    """Check that the server has nothing left of the answers that have ended. Returns its usage."""
    async with asyncio.timeout(DEADLINE):
        while (await asyncio.to_thread(metrics, life))['streamui_connections{transport="websocket"}']:
            pass  # a socket that the client has closed may still be open here
    health = await life.health()
    engine = health["engine"]
    assert (health["status"], health["failures"]) == ("ok", {})
    assert (engine["alive"], engine["running"], engine["queued"], engine["kv_tokens"]) == (True, 0, 0, 0)
    assert engine["saved_bytes"] <= CACHE_MIB << 20
    return Usage.of(life)


def check_counts(load: Load, counted: dict[str, float]) -> None:
    """Check that the server counts the ends and connections that the clients saw, and no others."""
    ends = {reason: counted[f'streamui_generations_done_total{{reason="{reason}"}}'] for reason in DoneReason}
    assert {reason: count for reason, count in ends.items() if count} == load.reasons
    assert counted['streamui_connections_opened_total{transport="websocket"}'] == load.connections
    assert counted["streamui_slow_closes_total"] == 0


def speed(phases: list[Phase]) -> float:
    """Return the tokens per second of the middle phase."""
    return median(phase.tokens / phase.seconds for phase in phases)


def report(load: Load, usage: list[Usage]) -> None:
    reasons, stops = ({str(key): n for key, n in counts.items()} for counts in (load.reasons, load.stops))
    print(f"{load.answers} answers over {load.connections} connections: {reasons}; stops while {stops}")
    print(f"greedy answers: {sorted(load.greedy.values(), reverse=True)}")
    for busy in (False, True):
        phases = [phase for phase in load.phases if phase.busy is busy]
        slowest = min(phase.tokens / phase.seconds for phase in phases)
        gaps = sorted(phase.gap for phase in phases)
        print(
            f"{len(phases)} {'busy' if busy else 'quiet'} phases: {speed(phases):.1f} tokens/s, slowest {slowest:.1f}; "
            f"longest gap {median(gaps):.2f} s in the middle phase, {gaps[-1]:.2f} s in all"
        )
    for at, each in enumerate(usage):
        print(f"after third {at + 1}: {each.memory / 2**20:.1f} MiB, {each.threads} threads, {each.files} files")


async def test_a_mixed_load_neither_collapses_nor_leaks(tmp_path: Path) -> None:
    # An answer that only its Stop ends must not end at a full context either, if the Stop comes late.
    kv = (f"--cache-ram={CACHE_MIB}", f"--cache-disk={CACHE_MIB}", "--context-shift=on")
    sizes = (f"--model={MODEL}", f"--parallel={SLOTS}", f"--context={scaled(1024, 2048)}")
    async with (
        asyncio.timeout(DEADLINE),
        living("server", "serve", "--port=0", f"--data={tmp_path}", *sizes, *kv) as life,
    ):
        load = Load(life.port, words=WORDS, phase_seconds=PHASE_SECONDS)
        usage = []
        for _ in range(3):
            await load.run(answers=THIRD_ANSWERS, seconds=THIRD_SECONDS)
            usage.append(await rest(life))
        counted = await asyncio.to_thread(metrics, life)
    report(load, usage)
    check_counts(load, counted)
    assert load.stops.keys() == {GenerationState.QUEUED, GenerationState.PREFILL, GenerationState.DECODE}
    compared, same = sum(load.greedy.values()), max(load.greedy.values())
    assert compared - same <= max(1, DIFFERENT * compared)
    first, *later = usage
    assert max(each.memory for each in later) - first.memory < GROWTH
    assert max(each.threads for each in later) <= first.threads + MORE
    assert max(each.files for each in later) <= first.files + MORE
    if SOAK:
        quiet, busy = ([phase for phase in load.phases if phase.busy is kind] for kind in (False, True))
        assert speed(busy) > COLLAPSED * speed(quiet)
