"""Ownership of ids is the same after a restart."""

from pathlib import Path

from protocol.messages import Accepted, Attach, Attached, Error, Generate
from server.guard.guard import Guard
from server.guard.token_store import TokenStore
from server.guard.tokens import Tokens
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.guard.conftest import Keys, bearer
from tests.server.transports.running import RunningServer, serving


def guard(keys: Keys) -> Guard:
    return Guard(tokens=Tokens(TokenStore(keys.folder)))


async def test_each_finds_its_own_again_finished_or_not(keys: Keys, tmp_path: Path, no_errors_logged: None) -> None:
    async with serving(ScriptedModel(), tmp_path, guard=guard(keys)) as server:
        for token, prompt in ((keys.alice, "Alice asks"), (keys.bob, "Bob asks")):
            async with server.peer(additional_headers=bearer(token)) as peer:
                await peer.send(Generate(id="done", prompt=prompt))
                await peer.until_done("done")
        server.model.gate.close()
        async with server.peer(additional_headers=bearer(keys.alice)) as alice:
            await alice.send(Generate(id="open", prompt="Alice asks", on_detach_ms=None))
            await alice.take(Accepted, id="open")
            await server.held()
            before = texts(server)
            await server.registry.close()
    async with serving(ScriptedModel(), tmp_path, guard=guard(keys)) as server:
        assert {key: text for key, text in texts(server).items() if key.endswith("done")} == before
        async with (
            server.peer(additional_headers=bearer(keys.alice)) as alice,
            server.peer(additional_headers=bearer(keys.bob)) as bob,
        ):
            for peer in (alice, bob):
                await peer.send(Attach(id="done"))
                await peer.take(Attached, id="done")
                await peer.until_done("done")
            await bob.send(Attach(id="open"))
            assert (await bob.take(Error)).code == "unknown_id"
            await alice.send(Attach(id="open"))
            await alice.take(Attached, id="open")
            await alice.until_done("open")


async def test_generation_begun_without_tokens_is_hidden_from_principals(keys: Keys, tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="Hi"))
        await peer.until_done("g1")
    async with serving(ScriptedModel(), tmp_path, guard=guard(keys)) as server:
        assert (await server.ask("GET", "/generations/g1", headers=bearer(keys.alice))).status == 404
        assert (await server.ask("GET", "/generations/g1")).status == 401
    async with serving(ScriptedModel(), tmp_path) as server:
        assert (await server.ask("GET", "/generations/g1")).status == 200


def texts(server: RunningServer) -> dict[str, str]:
    logs = server.registry._generations
    return {key: generation.log.text for key, generation in logs.items() if generation.log.done}
