"""CPU time of a whole server over an upstream for each token, without a model:
``python -m tests.server.writers.upstream.measure_server``.

The scripted upstream and the clients, which use OpenAI's API, are in other processes. The upstream's answers are
written in step, as a batch of a real one is. CPU time doesn't depend on what else the machine does, or hardly. Linux
only.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from tests.server.writers.upstream.compare import sampled
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import Reply


class Cost(NamedTuple):
    """``seconds``: CPU time of each thread, by its id; ``waits``: times that the threads waited."""

    seconds: Mapping[int, float]
    waits: int

    def since(self, before: Cost) -> Cost:
        seconds = {id: spent - before.seconds.get(id, 0.0) for id, spent in self.seconds.items()}
        return Cost(seconds, self.waits - before.waits)


def cost_of(process: int) -> Cost:
    """Return what a process has used so far. Its main thread comes first."""
    tasks = sorted(Path(f"/proc/{process}/task").iterdir(), key=lambda task: int(task.name))
    seconds = {int(task.name): int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks}
    waits = [re.search(r"^voluntary_ctxt_switches:\s*(\d+)", (task / "status").read_text(), re.M) for task in tasks]
    return Cost(seconds, sum(int(found[1]) for found in waits if found))


def upstream(kind: str, tokens: int, rate: float, ends: Connection) -> None:
    """Run the scripted upstream until the other process closes its end."""
    text = " ".join(map(str, range(1, tokens + 1)))
    with Scripted(kind, lambda seen: Reply(answer=text, pace=1 / rate, in_step=True)) as scripted:
        ends.send(scripted.url)
        ends.poll(None)


@contextmanager
def front(url: str, kind: str, streams: int, options: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Run a server in front of ``url``. Yields its process id and its address."""
    with tempfile.TemporaryDirectory() as data:
        command = [sys.executable, "-m", "server", "serve", "--port", "0", "--data", data, "--upstream", url]
        command += ["--upstream-kind", kind, "--parallel", str(streams), "--on-restart", "interrupt", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout
            found = (re.search(r"ready: (http://\S+)", line) for line in process.stdout)
            try:
                yield process.pid, next(filter(None, found))[1]
            finally:
                process.terminate()


async def measured(process: int, url: str, streams: int, tokens: int) -> Cost:
    """Return the cost of ``streams`` answers."""
    await sampled(url, None, streams, tokens, "warm")  # the threads and connections are there from now on
    before = cost_of(process)
    await sampled(url, None, streams, tokens, "cold")
    return cost_of(process).since(before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", default="llama-server")
    parser.add_argument("--streams", type=lambda text: [int(part) for part in text.split(",")], default=[1, 8, 32])
    parser.add_argument("--rate", type=float, default=200.0, help="tokens per second of all streams together")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("options", nargs="*", help="more options of the server, after --")
    asked = parser.parse_args()
    for streams in asked.streams:
        rate = min(asked.rate / streams, 90.0)
        tokens = int(rate * asked.seconds)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=upstream, args=(asked.kind, tokens, rate, theirs))
        process.start()
        try:
            with front(ours.recv(), asked.kind, streams, asked.options) as (pid, url):
                for _ in range(asked.rounds):
                    cost = asyncio.run(measured(pid, url, streams, tokens))
                    each = tokens * streams
                    spent = [one / each * 1e6 for one in cost.seconds.values()]
                    parts = " + ".join(f"{one:.0f}" for one in spent if one >= 1)
                    print(
                        f"{streams} streams of {rate:.1f} tokens/s: {sum(spent):.0f} µs of CPU for a token ({parts}), "
                        f"{cost.waits / each:.2f} waits",
                        flush=True,
                    )
        finally:
            ours.send(None)
            process.join()


if __name__ == "__main__":
    main()
