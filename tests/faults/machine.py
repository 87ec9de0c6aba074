"""State machine of a running server, its restarts, and clients that stall and disconnect (PROTOCOL 6)."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections import Counter
from pathlib import Path
from typing import ClassVar

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, precondition, rule

from protocol.errors import CloseCode, ErrorCode
from protocol.messages import Attach, Cancel, Detach, DoneReason, Generate, Params, StatusRequest
from tests.faults.looped_machine import LoopedMachine
from tests.faults.oracle import AT_LENGTH, TOKENS
from tests.faults.witness import Line, LineClosed, Outspoken, Truth, named
from tests.server.transports.running import RunningServer, serving

SLOTS = 2
LOST = 1006
"""Close code of a connection that broke before the other end could send a reason."""

RECEIVE_BYTES = 4096
"""Receive buffer of a stalled client, in bytes."""

CONTEXT = 16_384
"""Context of the model, in tokens. No answer fills it, however often it is steered."""

BODIES = [
    Generate(prompt=prompt, raw=raw, params=Params(seed=seed, max_tokens=most), on_detach_ms=None)
    for prompt, raw in (("Hi", True), ("Hi", False), ("Tell me a story", False))
    for seed, most in ((1, None), (2, None), (3, 12))
]

LONG_BODY = Generate(prompt=AT_LENGTH, raw=True, on_detach_ms=None)
"""Request of the stalled client only: even a client that reads may be too slow for a model that computes nothing."""


class Machine(LoopedMachine):
    """State machine that owns the running server and its clients. A rule ends when the server is
    idle.

    ``line``: a client that always reads. ``stalled``: a second one that doesn't read until `unstall`. ``moved``: an
    action since the server's start; without one another restart would test little. ``stalls``: counts the outcomes of
    stalled clients over all runs.
    """

    stalls: ClassVar[Counter[str]] = Counter()

    ids: Bundle[str] = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.truths: dict[str, Truth] = {}
        self.closed = True
        self.moved = False
        self.stalled: Line | None = None
        self.run(self._begin())

    async def _begin(self) -> None:
        """Start a server over the folder, and connect a client."""
        model = Outspoken(context=CONTEXT, slots=SLOTS, answer_tokens=TOKENS)
        self.moved = False
        if self.closed:
            model.gate.close()
        self.server: RunningServer = await self._life.enter_async_context(serving(model, self._folder))
        self.line = await Line.to(self.server.port, self.truths)

    async def _vanish(self) -> None:
        await self.line.vanish()
        if self.stalled is not None:
            await self.stalled.vanish()
        self.stalled = None

    async def _still(self) -> None:
        """Return once the model waits before the closed gate, or has nothing to do. The logs then hold all that it
        wrote."""
        while self.server.registry.active:
            with contextlib.suppress(TimeoutError):
                await asyncio.to_thread(self.server.model.gate.wait_until_held, 0.05)
                break
        await self.server.registry.caught_up()

    async def _refused(self, code: ErrorCode | None = None) -> None:
        assert [error.code for error in await self.line.settle()] == ([] if code is None else [code])

    # Asking

    @initialize(target=ids, body=st.sampled_from(BODIES))
    def first(self, body: Generate) -> str:
        return self._generate(body)

    @rule(target=ids, body=st.sampled_from(BODIES))
    def generate(self, body: Generate) -> str:
        return self._generate(body)

    def _generate(self, body: Generate) -> str:
        self.moved = True
        id = f"g{len(self.truths)}"
        truth = self.truths[id] = Truth(named(body, id))

        async def generate() -> None:
            await self.line.send(truth.body)
            await self.line.accepted(id)
            await self._refused()

        self.run(generate())
        return id

    @rule(id=ids)
    def generate_again(self, id: str) -> None:
        async def again() -> None:
            await self.line.send(self.truths[id].body)
            attached = await self.line.attached(id)
            assert (attached.recovered, attached.from_) == (True, 0)
            await self._refused()

        self.run(again())

    @rule(id=ids, body=st.sampled_from(BODIES))
    def generate_another(self, id: str, body: Generate) -> None:
        async def conflict() -> None:
            same = named(body, id) == self.truths[id].body
            await self.line.send(named(body, id))
            await self._refused(None if same else ErrorCode.ID_CONFLICT)

        self.run(conflict())

    @rule(id=ids)
    def cancel(self, id: str) -> None:
        """Cancel a generation. A step that other generations share, and that reads no prompt, isn't aborted; the cancel
        waits."""

        async def cancel() -> None:
            truth, model = self.truths[id], self.server.model
            await self.line.attach(id)
            if self.closed:
                await self._still()
                await self.line.settle()
            ended, rows, truth.cancelled = truth.done, model.rows_computed, True
            waits = self.closed and not ended and not self.server.engine.aborts_for(id)
            event("cancel: ended before" if ended else "cancel: at the end of a step" if waits else "cancel: at once")
            await self.line.send(Cancel(id=id))
            errors = [error.code for error in await self.line.settle()]
            if waits:
                model.gate.step()
            done = await self.line.until_done(id)
            await self._refused()
            assert errors in ([[ErrorCode.ALREADY_DONE]] if ended else [[], [ErrorCode.ALREADY_DONE]])
            if self.closed:
                await self._still()
                assert waits or model.rows_computed == rows
                assert waits or ended or (done.reason, errors) == (DoneReason.CANCELLED, [])

        self.run(cancel())

    @rule(message=st.sampled_from([Cancel(id="x"), Attach(id="x"), Detach(id="x"), StatusRequest(id="x")]))
    def unknown(self, message: Cancel | Attach | Detach | StatusRequest) -> None:
        async def unknown() -> None:
            await self.line.send(message)
            await self._refused(ErrorCode.UNKNOWN_ID)

        self.run(unknown())

    # Following

    @rule(
        id=ids, after=st.integers(0, TOKENS + 3), wrong=st.sampled_from([None, None, "elsewhere"]), named=st.booleans()
    )
    def attach(self, id: str, after: int, wrong: str | None, named: bool) -> None:
        async def attach() -> None:
            truth = self.truths[id]
            await self._follow(self.line, id, after % (truth.newest + 3), wrong or (truth.epoch if named else None))
            await self.line.attach(id)  # with all text from the start, so that the oracle knows it
            await self._refused()

        self.run(attach())

    @rule(id=ids)
    def detach(self, id: str) -> None:
        async def detach() -> None:
            await self.line.send(Detach(id=id))
            await self._refused()
            place = self.line.places.get(id)
            if not self.closed or not self.server.registry.active:
                return
            self.server.model.gate.step()
            await self._still()
            await self._refused()
            assert self.line.places.get(id) == place

        self.run(detach())

    @rule()
    def drop(self) -> None:
        async def drop() -> None:
            places = self.line.places
            await self.line.vanish()
            self.line = await Line.to(self.server.port, self.truths)
            await self._go_on(self.line, places)
            await self._refused()

        self.run(drop())

    async def _follow(self, line: Line, id: str, after: int, epoch: str | None) -> None:
        """Attach, and check the answer: it resumes at a valid cursor, otherwise it starts from the beginning (PROTOCOL
        6.8)."""
        attached = await line.attach(id, after=after, epoch=epoch)
        known = epoch in (None, self.truths[id].epoch)
        assert attached.recovered == (known and after <= attached.to)
        done = self.truths[id].done
        last = attached.to - 1 if done and attached.to == done.seq else attached.to
        assert attached.from_ == (min(after, last) if attached.recovered else 0)

    async def _go_on(self, line: Line, places: dict[str, int]) -> None:
        """Resume each generation where another connection had read to, also after a restart."""
        for id, place in tuple(places.items()):
            truth = self.truths[id]
            after = truth.done.seq if place < 0 and truth.done else place
            await self._follow(line, id, after, truth.epoch)
            assert id in line.places
            for name, message in truth.instructions.items():
                if line is self.line and name not in truth.read:
                    await line.ask(message)  # the server may not have got it

    @rule(id=ids)
    @precondition(lambda self: self.stalled is None)
    def stall(self, id: str) -> None:
        """Connect a second client that requests a long answer, attaches to ``id`` as well, and then stops reading."""
        self.moved = True
        long = f"s{len(self.truths)}"
        truth = self.truths[long] = Truth(named(LONG_BODY, long))

        async def stall() -> None:
            line = self.stalled = await Line.to(self.server.port, self.truths, receive_bytes=RECEIVE_BYTES)
            await line.send(truth.body)
            await line.accepted(long)
            try:
                await line.attach(id)
            except LineClosed as closed:  # it read too slowly already, on a busy machine
                assert closed.code in (CloseCode.SLOW_READER, LOST)
            line.stall()

        self.run(stall())

    @rule()
    @precondition(lambda self: self.stalled is not None)
    def unstall(self) -> None:
        self.run(self._unstall())

    async def _unstall(self) -> None:
        """Let the stalled client read again. It gets all that was held back, or is disconnected and resumes at its
        cursors."""
        assert self.stalled is not None
        await self._refused()  # by then all is under way that can be
        assert self.stalled.taken_meanwhile <= 1
        line, outcome = self.stalled, "held back" if self._holds_back() else "not held back"
        line.read_on()
        try:
            assert await line.settle() == []
        except LineClosed as closed:
            assert closed.code in (CloseCode.SLOW_READER, LOST)
            outcome = "let go"
            again = await Line.to(self.server.port, self.truths)
            await self._go_on(again, line.places)
            await again.vanish()
        self.stalls[outcome] += 1
        event(f"stall: {outcome}")
        await line.vanish()
        self.stalled = None

    def _holds_back(self) -> bool:
        """Return whether a connection waits for its client to read."""
        return any(connection._pace.sending for connection in self.server.connections._open)

    # The model and the server

    @rule(steps=st.integers(1, 15))
    def step(self, steps: int) -> None:
        async def step() -> None:
            self.closed = self.moved = True
            self.server.model.gate.close()
            for _ in range(steps):
                await self._still()
                if self.server.registry.active or self.line.questions:
                    self.server.model.gate.step()
            await self._still()
            self.server.model.gate.close()
            await self._refused()

        self.run(step())

    @rule()
    def open(self) -> None:
        self.closed, self.moved = False, True
        self.server.model.gate.open()

    @rule()
    @precondition(lambda self: self.moved)
    def restart(self) -> None:
        """Shut down, and start a server over the same folder."""
        self._restart(self._folder)

    @rule()
    @precondition(lambda self: self.closed and self.moved)
    def crash(self) -> None:
        """Start a server over a copy of the folder, taken while the old server was running."""
        self._restart(self._new_folder())

    def _restart(self, folder: Path) -> None:
        async def restart() -> None:
            places, crash = self.line.places, folder != self._folder
            if crash:
                await self._still()
            event(f"{'crash' if crash else 'restart'}: {len(self.server.registry.active)} unfinished")
            await self._vanish()
            if crash:
                shutil.copytree(self._folder, folder, dirs_exist_ok=True)
            await self._life.aclose()
            self._folder = folder
            await self._begin()
            await self._go_on(self.line, places)

        self.run(restart())

    def teardown(self) -> None:
        """Check that every generation ends with the expected text, and that everything asked was answered."""

        async def read_all() -> None:
            self.server.model.gate.open()
            await self.server.until(lambda: not self.server.registry.active)
            for id in tuple(self.truths):
                await self.line.attach(id)
                await self.line.until_done(id)
            await self._refused()
            await self.line.until_answered()
            self.line.check_refusals()
            if self.stalled is not None:
                await self._unstall()
            for truth in self.truths.values():
                truth.check()

        async def close() -> None:
            await self._vanish()
            await self._life.aclose()

        with self._files, self._runner:
            try:
                self.run(read_all())
            finally:
                self.run(close())
