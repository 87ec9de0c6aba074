"""CPU time of an upstream writer for each token: ``python -m tests.server.writers.upstream.measure``.

A scripted upstream in a process of its own writes at a fixed rate; this process only has the writer. CPU time doesn't
depend on what else the machine does, or hardly.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from multiprocessing.connection import Connection

from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.upstream import Address
from server.writers.upstream.writer import UpstreamWriter
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import Reply
from tests.server.writers.upstream.writing import Writing


def upstream(kind: str, tokens: int, rate: float, ends: Connection) -> None:
    """Run the scripted upstream until the other process closes its end."""
    text = " ".join(map(str, range(1, tokens + 1)))
    with Scripted(kind, lambda seen: Reply(answer=text, pace=1 / rate)) as scripted:
        ends.send(scripted.url)
        ends.poll(None)


def measured(kind: str, streams: int, rate: float, seconds: float) -> tuple[float, float]:
    """Return the CPU time for each token, in seconds, and the tokens per second."""
    tokens = int(rate * seconds)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=upstream, args=(kind, tokens, rate, theirs))
    process.start()
    try:
        known = KnownUpstream(Address(url=ours.recv()), kind=kind, slots=streams)
        known.ask()
        writer = UpstreamWriter(known)
        try:
            return _written(Writing(writer), streams, tokens)
        finally:
            writer.close()
    finally:
        ours.send(None)
        process.join()


def _written(desk: Writing, streams: int, tokens: int) -> tuple[float, float]:
    desk.ask("first", params={"max_tokens": 1})
    desk.news.finished("first")
    cpu, wall = time.process_time(), time.monotonic()
    for number in range(streams):
        desk.ask(f"g{number}")
    counts = [desk.news.finished(f"g{number}").usage.completion_tokens for number in range(streams)]
    assert counts == [tokens] * streams
    return (time.process_time() - cpu) / sum(counts), sum(counts) / (time.monotonic() - wall)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", default="vllm")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--rate", type=float, default=20.0, help="tokens per second of each stream")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    for _ in range(asked.rounds):
        cpu, rate = measured(asked.kind, asked.streams, asked.rate, asked.seconds)
        print(f"{asked.kind}: {asked.streams} streams, {rate:,.0f} tokens/s: {cpu * 1e6:.1f} µs of CPU for a token")


if __name__ == "__main__":
    main()
