"""The attacked servers, in a process of their own, so that the effects of an attack can be measured.

``python -m tests.hostile.serving`` prints one line of JSON (``Targets``), and ends when its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import msgspec

from protocol import admission
from server.guard.deadlines import Deadlines, PunctualProtocol
from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from server.guard.rates import Rates
from server.guard.token_store import TokenStore, hash_of
from server.guard.tokens import Tokens, new_token
from server.models.local_models import LocalModels
from server.models.memory import ChatSizes
from server.serving import CLIENTS_FAULTS
from server.transports import connection
from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.upstream import Address
from server.writers.upstream.writer import UpstreamWriter
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, refusing_port, serving
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import Reply

NEVER = 3600.0

FEW_SOCKETS = 4
FEW_MESSAGES = 16
FEW_ACTIVE = 2
FEW_QUEUED = 2


class Targets(msgspec.Struct, frozen=True):
    """Ports of the servers, and the tokens of their users.

    ``open``: without tokens. ``locked``: with tokens, and a model that answers at once. ``held``: with tokens, and a
    model that never writes anything. ``tight``: as ``held``, and a user may have FEW_ACTIVE answers. ``strict``:
    without tokens, and with low limits.
    """

    open: int
    locked: int
    held: int
    tight: int
    strict: int
    alice: str
    bob: str
    revoked: str


class Patient(PunctualProtocol):
    """HTTP protocol without time limits, for slow machines."""

    deadlines = Deadlines(head=NEVER, body=NEVER)


class Impatient(PunctualProtocol):
    deadlines = Deadlines(head=0.3, body=0.3)


def _keys(folder: Path) -> tuple[str, str, str]:
    store = TokenStore(folder)
    names = ("alice", "bob", "revoked")
    tokens = {name: new_token() for name in names}
    for name, token in tokens.items():
        assert store.add(name, hash_of(token))
    assert store.revoke("revoked")
    store.close()
    return tokens["alice"], tokens["bob"], tokens["revoked"]


def _strict() -> Guard:
    """Guard with low limits. Message allowances don't refill, however slow the machine is."""
    guard = Guard(limits=UsageLimits(sockets=FEW_SOCKETS, messages=FEW_MESSAGES))
    guard._rates = Rates(1e-9, FEW_MESSAGES)
    return guard


def _behind(stack: contextlib.AsyncExitStack, *, held: bool) -> UpstreamWriter:
    """Return a writer over a scripted upstream, which writes nothing if it is ``held``."""
    answer = Reply(hold=0) if held else Reply(answer="12")
    scripted = stack.enter_context(Scripted("llama-server", lambda seen: replace(answer)))
    known = KnownUpstream(Address(url=scripted.url), slots=2)
    known.ask()
    return UpstreamWriter(known)


async def _serve(folder: Path, http: type[PunctualProtocol], is_behind: bool) -> None:
    """Run all servers until standard input ends. ``is_behind``: each is in front of an upstream."""
    alice, bob, revoked = _keys(folder)

    async with contextlib.AsyncExitStack() as stack:
        nowhere = f"http://127.0.0.1:{stack.enter_context(refusing_port())}"
        environ = {"HF_ENDPOINT": nowhere, "HOME": str(folder / "nobody")}

        async def start(
            guard: Guard | None, *, held: bool = False, queue: int = 64, active: int | None = None
        ) -> RunningServer:
            model = ScriptedModel(slots=2)
            if held:
                model.gate.close()
            return await stack.enter_async_context(
                serving(
                    model,
                    guard=guard,
                    queue_limit=queue,
                    active_limit=active,
                    http=http,
                    local_models=LocalModels(folder / "models", None, environ, ChatSizes(None, 2)),
                    writer=await asyncio.to_thread(_behind, stack, held=held) if is_behind else None,
                )
            )

        def guarded() -> Guard:
            return Guard(tokens=Tokens(TokenStore(folder)))

        servers = (
            await start(None),
            await start(guarded()),
            await start(guarded(), held=True),
            await start(guarded(), held=True, active=FEW_ACTIVE),
            await start(_strict(), held=True, queue=FEW_QUEUED),
        )
        names = ("open", "locked", "held", "tight", "strict")
        ports = {name: server.port for name, server in zip(names, servers, strict=True)}
        targets = Targets(**ports, alice=alice, bob=bob, revoked=revoked)
        print(msgspec.json.encode(targets).decode(), flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--impatient", action="store_true", help="whoever is slow is given up soon")
    parser.add_argument("--upstream", action="store_true", help="the models are behind another server")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.msg not in CLIENTS_FAULTS)
    if asked.impatient:
        for module in (admission, connection):
            setattr(module, "HELLO_SECONDS", 0.3)  # noqa: B010
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_serve(Path(folder), Impatient if asked.impatient else Patient, asked.upstream))


if __name__ == "__main__":
    main()
