"""An upstream directly and through StreamUI, in turns: ``python -m tests.server.writers.upstream.compare``.

Both are asked over OpenAI's API, with prompts of the same length. Prints the median of tokens per second and of the
first token's time, and their ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import NamedTuple

from server.writers.upstream.chunks import DONE, read_chunk
from server.writers.upstream.line import Line


class Sample(NamedTuple):
    """``rate``: tokens per second of all streams together; ``first``: median time to the first token, in seconds."""

    rate: float
    first: float


async def sampled(url: str, model: str | None, streams: int, tokens: int, turn: str) -> Sample:
    """Ask for ``streams`` answers at once. ``turn``: no two turns have the same prompts, which would be cached."""
    line = Line(url, None, silence=600)
    began = time.monotonic()
    try:
        found = await asyncio.gather(*(_answer(line, model, f"{turn}{n}", tokens) for n in range(streams)))
    finally:
        await line.close()
    return Sample(
        sum(count for count, _ in found) / (time.monotonic() - began), statistics.median(first for _, first in found)
    )


async def _answer(line: Line, model: str | None, name: str, tokens: int) -> tuple[int, float]:
    """Return the tokens of one answer and the time to its first one."""
    text = f"Story {name}: tell me a very long story about the sea and a ship."
    body = {
        **({"model": model} if model else {}),
        "messages": [{"role": "user", "content": text}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "max_tokens": tokens,
    }
    began, first, count = time.monotonic(), 0.0, 0
    async with line.stream("/v1/chat/completions", body) as stream:
        while (events := await stream.read()) is not None:
            for data in events:
                if data == DONE:
                    continue
                delta = read_chunk("chat", data, None)
                if delta.text and not first:
                    first = time.monotonic() - began
                count = delta.used.completion if delta.used else count
    assert count, "no usage came"
    return count, first


async def compare(asked: argparse.Namespace) -> None:
    for streams in asked.streams:
        direct: list[Sample] = []
        through: list[Sample] = []
        for round in range(asked.rounds):
            sides = [(direct, asked.direct, "a"), (through, asked.through, "b")]
            for samples, url, side in sides if round % 2 else sides[::-1]:
                samples.append(await sampled(url, asked.model, streams, asked.tokens, f"{round}{side}"))
        ours, theirs = (Sample(*map(statistics.median, zip(*each, strict=True))) for each in (through, direct))
        print(
            f"{streams} streams: {theirs.rate:.1f} tokens/s directly, {ours.rate:.1f} through, "
            f"{ours.rate / theirs.rate:.3f}; first token {theirs.first * 1000:.0f} ms, {ours.first * 1000:.0f} ms, "
            f"{ours.first / theirs.first:.3f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--direct", required=True, metavar="URL")
    parser.add_argument("--through", required=True, metavar="URL")
    parser.add_argument("--model", help="the default model of both")
    parser.add_argument("--streams", type=lambda text: [int(part) for part in text.split(",")], default=[1, 8, 32])
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=6)
    asyncio.run(compare(parser.parse_args()))


if __name__ == "__main__":
    main()
