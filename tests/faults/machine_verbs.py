"""The machine of faults with all that a client may do while an answer is written: drafts, instructions, changes of
parameters, alternatives and forks."""

from __future__ import annotations

from typing import Final

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from protocol.errors import ErrorCode
from protocol.messages import (
    ChatMessage,
    Draft,
    ForkPoint,
    Generate,
    Params,
    Steer,
    Tune,
)
from server.generations.ownership import LOCAL
from tests.faults.machine import Machine
from tests.faults.witness import Truth

ids = Machine.ids

CHANGES: Final = [
    Params(),
    Params(seed=1),
    Params(seed=4),
    Params(max_tokens=6),
    Params(max_tokens=20),
    Params(max_tokens=70),
]
FORK_PARAMS: Final = [Params(), Params(), Params(seed=5), Params(max_tokens=9), Params(max_tokens=90)]
FORK_TEXTS: Final = [None, None, "one ", " other", "漢"]
DRAFTS: Final = ["", "Hi", "Tell me", "Tell me a story", "Tell me a story of frogs"]
UNKNOWN: Final = [
    Steer(id="x", content="shorter"),
    Tune(id="x", params=Params(temperature=1.0)),
    Generate(from_=ForkPoint(id="x", seq=1)),
]


class VerbMachine(Machine):
    """``asked``: number of instructions and changes, which gives each its own content."""

    def __init__(self) -> None:
        self.asked = 0
        super().__init__()

    # Instructions and changes

    @rule(id=ids, content=st.sampled_from(["shorter", "in French"]))
    def steer(self, id: str, content: str) -> None:
        self.asked += 1
        self.run(self._ask(Steer(id=id, content=f"{content} {self.asked}", key=f"k{self.asked}")))

    @rule(id=ids, params=st.sampled_from(CHANGES))
    def tune(self, id: str, params: Params) -> None:
        self.asked += 1
        temperature = self.asked / 1000
        values = {name: getattr(params, name) for name in ("seed", "max_tokens")}
        self.run(self._ask(Tune(id=id, params=Params(temperature=temperature, **values))))

    async def _ask(self, message: Steer | Tune) -> None:
        """Send it. Only an answer that has ended, or a raw one, may refuse it at once."""
        kind, id = type(message).__name__.lower(), message.id
        self.moved = True
        before = self.line.refused[kind, id]
        await self.line.ask(message)
        await self._refused()
        refused = self.line.refused[kind, id] - before
        generation = self.server.registry.find(id, LOCAL)
        assert generation is not None
        raw = kind == "steer" and self.truths[id].plan.raw
        event(f"{kind}: {'refused' if refused else 'taken'}")
        assert not refused or raw or generation.log.done or generation.cancel_received is not None

    @rule(pick=st.integers(0, 9), conflicting=st.booleans())
    @precondition(lambda self: any(truth.instructions for truth in self.truths.values()))
    def steer_again(self, pick: int, conflicting: bool) -> None:
        """Send an instruction again, with its key: it is read once, and another one with its key never."""
        if not (sent := self._instructions):
            return
        message = sent[pick % len(sent)]

        async def again() -> None:
            if conflicting:
                await self.line.ask_in_conflict(Steer(id=message.id, content="something else", key=message.key))
            else:
                await self.line.ask(message)
            await self._refused()

        self.run(again())

    @property
    def _instructions(self) -> list[Steer]:
        """Instructions that this connection has sent to this server."""
        sent = [(id, name) for kind, id, name in self.line.sent if kind == "steer"]
        return [self.truths[id].instructions[name] for id, name in sent if name in self.truths[id].instructions]

    # Places and forks

    @rule(id=ids, place=st.integers(0, 100), count=st.integers(1, 20))
    def alternatives(self, id: str, place: int, count: int) -> None:
        async def alternatives() -> None:
            await self.line.attach(id)
            await self.line.look_up(id, 1 + place % (self.truths[id].pieces + 3), count)
            await self._refused()

        self.run(alternatives())

    @rule()
    def alternatives_of_unknown(self) -> None:
        async def alternatives() -> None:
            await self.line.look_up("x", 1, 3)
            await self._refused()

        self.run(alternatives())

    @rule(
        target=ids,
        id=ids,
        place=st.integers(0, 100),
        text=st.sampled_from(FORK_TEXTS),
        params=st.sampled_from(FORK_PARAMS),
    )
    def fork(self, id: str, place: int, text: str | None, params: Params) -> str:
        self.moved = True
        new, other = f"g{len(self.truths)}", self.truths[id]

        async def fork() -> None:
            await self.line.attach(id)
            point = ForkPoint(id=id, seq=1 + place % (other.pieces + 1), text=text)
            body = Generate(id=new, from_=point, params=params, on_detach_ms=None)
            self.truths[new] = Truth(body, other.plan.fork(body, other.marks))
            event(f"fork of {'an ended' if other.done else 'a running'} answer")
            await self.line.send(body)
            await self.line.accepted(new)
            await self._refused()

        self.run(fork())
        return new

    @rule(id=ids, beyond=st.integers(0, 5))
    def fork_beyond(self, id: str, beyond: int) -> None:
        """Fork an answer behind its end. While the model writes, the end is not known."""

        async def fork() -> None:
            if self.closed:
                await self._still()
            await self.line.attach(id)
            if not self.closed and not self.truths[id].done:
                return
            point = ForkPoint(id=id, seq=self.truths[id].pieces + 2 + beyond)
            await self.line.send(Generate(id="beyond", from_=point))
            await self._refused(ErrorCode.INVALID_FIELD)

        self.run(fork())

    @rule(message=st.sampled_from(UNKNOWN))
    def unknown_verb(self, message: Steer | Tune | Generate) -> None:
        async def unknown() -> None:
            await self.line.send(message)
            await self._refused(ErrorCode.UNKNOWN_ID)

        self.run(unknown())

    # Drafts

    @rule(content=st.sampled_from(DRAFTS))
    def draft(self, content: str) -> None:
        async def draft() -> None:
            messages = (ChatMessage(role="user", content=content),)
            await self.line.send(Draft(messages=messages) if content else Draft())
            await self._refused()

        self.run(draft())
