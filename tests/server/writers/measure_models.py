"""Times of a server with several models: ``python -m tests.server.writers.measure_models MODEL.gguf``.

It serves four copies of the file, of which two fit into the memory for models. The rounds of each pair of rows are in
turns, so that other work on the machine meets both.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from protocol.client import Chat, connect
from protocol.messages import GenerationState, Status, Token
from server.models.header_facts import read_header
from server.models.memory import ChatSizes, memory_need

NAMES: Final = ("one", "two", "three", "four")
CONTEXT: Final = 2048
LONG: Final = "Tell me a very long story about a ship and its crew, day by day."


@dataclass
class Times:
    """Times of one answer, in seconds: from the request to the first status ``loading`` and to the first token, and
    between tokens."""

    loading: float | None = None
    first: float = 0.0
    gaps: list[float] = field(default_factory=list)


async def timed(chat: Chat, model: str, prompt: str, tokens: int) -> Times:
    times, begun, last = Times(), time.perf_counter(), None
    generation = chat.generate(prompt, model=model, max_tokens=tokens, temperature=0)
    async for event in generation:
        now = time.perf_counter()
        if isinstance(event, Status) and event.state is GenerationState.LOADING and times.loading is None:
            times.loading = now - begun
        elif isinstance(event, Token):
            if last is None:
                times.first = now - begun
            else:
                times.gaps.append(now - last)
            last = now
    return times


async def measured(url: str, rounds: int) -> Mapping[str, Sequence[float]]:
    """Return the times of each row, in seconds."""
    staying, switching, loading, alone, beside = [], [], [], [], []
    async with connect(url) as chat, connect(url) as other:
        for round in range(rounds):
            await timed(chat, "one", f"Name a river, number {round}.", 4)
            staying.append((await timed(chat, "one", f"Name a colour, number {round}.", 4)).first)
            await timed(chat, "two", f"Name a river, number {round}.", 4)
            switching.append((await timed(chat, "one", f"Name a fruit, number {round}.", 4)).first)
        for round in range(rounds // 2):
            alone.append(max((await timed(chat, "one", LONG, 150)).gaps))
            async with asyncio.TaskGroup() as tasks:
                writing = tasks.create_task(timed(chat, "one", LONG, 250), name="writing")
                loaded = await timed(other, NAMES[2 + round % 2], "Hi", 1)
            loading += [] if loaded.loading is None else [loaded.loading]
            beside.append(max(writing.result().gaps))
    return {
        "first token, the same model as before": staying,
        "first token, another loaded model than before": switching,
        "first progress of a load": loading,
        "longest pause of a running answer, nothing else": alone,
        "longest pause of a running answer, another model is loaded": beside,
    }


@contextlib.contextmanager
def served(model: Path) -> Iterator[str]:
    """Serve copies of a model; yields the address."""
    with tempfile.TemporaryDirectory() as folder:
        models = Path(folder) / "models"
        models.mkdir()
        for name in NAMES:
            shutil.copy(model, models / f"{name}.gguf")
        header = read_header(model)
        assert header.network is not None
        need = memory_need(model.stat().st_size, header.network, header.context, ChatSizes(CONTEXT, 1)).total
        command = [
            sys.executable,
            "-m",
            "server",
            "serve",
            "--port",
            "0",
            "--data",
            folder,
            "--models-dir",
            str(models),
        ]
        command += ["--model", "one", "--context", str(CONTEXT), "--parallel", "1"]
        command += ["--model-memory", str((5 * need // 2) >> 20)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "HOME": folder}
        ) as process:
            try:
                assert process.stdout is not None
                port = process.stdout.readline().rpartition(":")[2].strip()
                yield f"ws://127.0.0.1:{port}/ws"
            finally:
                process.terminate()
                process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    with served(asked.model) as url:
        for name, times in asyncio.run(measured(url, asked.rounds)).items():
            middle, high = 1000 * statistics.median(times), 1000 * sorted(times)[int(0.9 * len(times))]
            print(f"{name:60}{middle:7.0f} ms median{high:7.0f} ms 90th percentile ({len(times)})", flush=True)


if __name__ == "__main__":
    main()
