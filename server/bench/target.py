"""A server under load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from server.bench.timed_answer import BenchConnection, TimedAnswer


@dataclass(frozen=True, slots=True)
class ServerCounters:
    """Counters of the engine since its start; None where it has no such counter. Times in seconds."""

    prompt_tokens: int
    completion_tokens: int
    decode_seconds: float | None
    busy_seconds: float | None
    sample_seconds: float | None
    accepted_tokens: int | None

    @classmethod
    def of(cls, engine: dict[str, Any]) -> ServerCounters:
        """Read them from the field ``engine`` of ``/healthz``."""
        return cls(
            engine["prompt_tokens"],
            engine["completion_tokens"],
            engine.get("decode_seconds"),
            engine.get("busy_seconds"),
            engine.get("sample_seconds"),
            engine.get("accepted_tokens"),
        )

    @property
    def outside(self) -> float | None:
        """Time of steps outside llama.cpp, in seconds."""
        if self.busy_seconds is None or self.decode_seconds is None:
            return None
        return self.busy_seconds - self.decode_seconds - (self.sample_seconds or 0.0)


class Target(Protocol):
    """Interface of a server for the measures. ``acknowledges``: it reports the end of a stopped answer. ``two_way``: it
    takes drafts, instructions and new parameters, and its connections are TwoWayConnections."""

    acknowledges: bool
    two_way: bool

    async def connect(self) -> BenchConnection: ...

    async def counters(self) -> ServerCounters | None:
        """Return the engine's counters; None when the server has none."""
        ...


async def ask(target: Target, prompt: str, max_tokens: int) -> TimedAnswer:
    """Request one complete answer on its own connection."""
    line = await target.connect()
    answer = line.ask(prompt, max_tokens)
    try:
        await answer.done()
    finally:
        line.close()
    return answer


async def ask_at_once(target: Target, prompts: list[str], max_tokens: int) -> list[TimedAnswer]:
    """Request answers at the same moment on connections opened before, and wait for all of them."""
    lines = [await target.connect() for _ in prompts]
    answers = [line.ask(prompt, max_tokens) for line, prompt in zip(lines, prompts, strict=True)]
    try:
        for answer in answers:
            await answer.done()
    finally:
        for line in lines:
            line.close()
    return answers
