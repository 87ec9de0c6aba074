"""Chats of many kinds at once, over one server, beside busy processes that come and go."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from protocol.client import Chat, Event, Generation, Retry, connect
from protocol.conformance.http import fetch
from protocol.messages import Accepted, Done, DoneReason, GenerationState, Status, Token
from server.bench.busy_processes import busy_processes
from server.resources import usable_cores

CHATS: Final = 16
TOKENS_OF_A_PHASE: Final = 100
"""Tokens of all chats that a phase waits for, so that each phase shows that answers are written in it."""

PHASE_DEADLINE: Final = 120.0
"""Seconds in which these tokens must come. On busy cores they take a few seconds."""

NEVER_END: Final = {"0": -100.0, "2": -100.0}
"""Bias against the end tokens of the starter model and of SmolLM2. Such an answer ends only by its Stop."""

SUBJECTS: Final = ("a river", "the moon", "sleep", "an old clock", "the sea", "bread", "a lighthouse", "snow")
KINDS: Final = (
    "turn",
    "stopped",
    "long",
    "turn",
    "stopped in queue",
    "greedy",
    "turn",
    "stopped",
    "stopped in prefill",
)
"""Kinds of requests, in the order in which the chats make them. So each kind occurs, however few requests there are."""

COMPARED: Final = "Once there was a fox who"
"""Prompt of the greedy answers, which are compared with each other."""


@dataclass
class Phase:
    """A part of the run, with busy processes or without. ``seconds``: its duration, once it has ended. ``gap``: longest
    pause between two tokens of one answer."""

    busy: bool
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    tokens: int = 0
    gap: float = 0.0


@dataclass(frozen=True)
class Stop:
    """Moment at which a client stops its answer: in this state, and after ``pieces`` pieces of text."""

    state: GenerationState
    pieces: int = 0

    def is_due(self, event: Event, pieces: int) -> bool:
        match self.state:
            case GenerationState.QUEUED:
                return isinstance(event, Accepted)
            case GenerationState.PREFILL:
                return pieces > 0 or (isinstance(event, Status) and event.state is GenerationState.PREFILL)
            case _:
                return pieces >= max(self.pieces, 1)


class Load:
    """Runs the chats, and keeps what they and the phases saw. ``words``: length of a long prompt."""

    def __init__(self, port: int, *, words: int, phase_seconds: float) -> None:
        self.reasons: Counter[DoneReason] = Counter()
        self.stops: Counter[GenerationState] = Counter()
        self.greedy: Counter[str] = Counter()
        self.phases: list[Phase] = []
        self.connections = 0
        self._address = f"127.0.0.1:{port}"
        self._words = words
        self._phase_seconds = phase_seconds
        self._dice = random.Random(1)
        self._numbers = itertools.count()
        self._kinds = itertools.cycle(KINDS)
        self._ending = False
        self._arrived = asyncio.Event()

    @property
    def answers(self) -> int:
        return sum(self.reasons.values())

    async def run(self, *, answers: int, seconds: float) -> None:
        """Run all chats through pairs of a quiet and a busy phase.

        They take at least ``seconds``, and continue until ``answers`` more have ended.
        """
        end, enough, self._ending = time.monotonic() + seconds, self.answers + answers, False
        async with asyncio.TaskGroup() as chats:
            for number in range(CHATS):
                chats.create_task(self._chat(), name=f"chat {number}")
            while True:
                await self._phase(busy=False)
                async with busy_processes(usable_cores()):
                    await self._phase(busy=True)
                if self.answers >= enough and time.monotonic() >= end:
                    break
            self._ending = True

    async def _phase(self, *, busy: bool) -> None:
        phase = Phase(busy)
        self.phases.append(phase)
        try:
            async with asyncio.timeout(PHASE_DEADLINE):
                while phase.tokens < TOKENS_OF_A_PHASE:
                    await self._arrived.wait()
                    self._arrived.clear()
        except TimeoutError:
            raise AssertionError(f"{phase.tokens} tokens in {PHASE_DEADLINE:g} s, busy: {busy}") from None
        await asyncio.sleep(max(0.0, phase.began + self._phase_seconds - time.monotonic()))
        phase.seconds = time.monotonic() - phase.began

    # One chat

    async def _chat(self) -> None:
        """Have one conversation after the other, each over a connection of its own."""
        while not self._ending:
            self.connections += 1
            async with connect(f"ws://{self._address}/ws", retry=Retry(give_up_after=0)) as chat:
                conversation = await self._new_conversation()
                for _ in range(self._dice.randrange(1, 5)):
                    if not self._ending:
                        await self._ask(chat, conversation)

    async def _new_conversation(self) -> str:
        id = f"c{next(self._numbers)}"
        body = json.dumps({"id": id, "title": id}).encode()
        answer = await fetch("POST", f"http://{self._address}/api/conversations", body)
        assert answer.status == 201, answer
        return id

    async def _ask(self, chat: Chat, conversation: str) -> None:
        subject = self._dice.choice(SUBJECTS)
        question: dict[str, Any] = {"conversation": conversation, "content": f"Tell me about {subject}."}
        long: dict[str, Any] = {"prompt": " ".join(self._dice.choices(SUBJECTS, k=self._words // 2)), "raw": True}
        shortest: dict[str, Any] = {"max_tokens": self._dice.randrange(8, 64)}
        pieces = self._dice.choice((1, 2, 5, 20))
        match next(self._kinds):
            case "turn":
                await self._read(chat.generate(**question, **shortest), None)
            case "long":
                await self._read(chat.generate(**long, **shortest), None)
            case "stopped":
                stop = Stop(GenerationState.DECODE, pieces)
                await self._read(chat.generate(**question, logit_bias=NEVER_END), stop)
            case "stopped in queue":
                await self._read(chat.generate(**long, logit_bias=NEVER_END), Stop(GenerationState.QUEUED))
            case "stopped in prefill":
                await self._read(chat.generate(**long, logit_bias=NEVER_END), Stop(GenerationState.PREFILL))
            case "greedy":
                greedy = chat.generate(COMPARED, raw=True, temperature=0.0, max_tokens=24)
                await self._read(greedy, None)
                self.greedy[greedy.text] += 1

    async def _read(self, generation: Generation, stop: Stop | None) -> None:
        """Read an answer to its end, and check that it is the right one."""
        pieces, last = 0, 0.0
        ends: list[Done] = []
        async for event in generation:
            if isinstance(event, Token):
                pieces += event.n
                last = self._note(event.n, last)
            elif isinstance(event, Done):
                ends.append(event)
            if stop is not None and stop.is_due(event, pieces):
                generation.stop()
        (done,) = ends
        assert done.error is None, done
        expected = (DoneReason.STOP, DoneReason.LENGTH) if stop is None else (DoneReason.CANCELLED,)
        assert done.reason in expected, done
        self.reasons[done.reason] += 1
        if stop is not None:
            self.stops[stop.state] += 1

    def _note(self, pieces: int, last: float) -> float:
        """Note text of an answer whose text before arrived at ``last``; 0: it is the first. Return the time."""
        now, phase = time.monotonic(), self.phases[-1]
        if not phase.seconds:
            phase.tokens += pieces
            phase.gap = max(phase.gap, now - last if last else 0.0)
        self._arrived.set()
        return now
