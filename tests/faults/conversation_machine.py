"""State machine of conversations on a running server: turns, refusals, cut connections, changes and restarts (PROTOCOL
14)."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import shutil
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from protocol.messages import Cancel, Conversation, DoneReason, ServerMessage, Watch
from server.generations.generation import Generation
from server.generations.ownership import LOCAL
from server.guard.guard import Guard
from server.guard.limits import UsageLimits
from tests.faults.endpoints import ENDPOINTS, Body
from tests.faults.looped_machine import LoopedMachine
from tests.faults.tree_model import Kept, Tree, as_told, parts_of
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving

CONTEXT: Final = 1 << 16
TOKENS: Final = 12
QUEUE: Final = 2
REQUEST: Final = "RequestResponseCycle.run_asgi"
"""Qualified name of the task that uvicorn starts for a request."""

STRICT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{% if not message.content.strip() %}{{ raise_exception('a message is empty') }}{% endif %}"
    "{% if message.role != ('user' if loop.index0 % 2 == 0 else 'assistant') %}"
    "{{ raise_exception('roles must alternate, the user first') }}{% endif %}"
    "{{ message.role }}: {{ message.content }}\n"
    "{% endfor %}assistant: "
)
"""Chat template that refuses an empty answer, such as one stopped before its first token. It also refuses two questions
in a row, such as those before and after an empty answer."""

GOOD: Final = ("Hi", "Tell me more \N{SLIGHTLY SMILING FACE}", " <|im_end|>\n", "\N{CJK UNIFIED IDEOGRAPH-4E16}\x00")
TOO_LONG: Final = "x" * (CONTEXT + 5)
SCHEMA: Final = {"json_schema": {"type": "object"}}

FAULTS: Final[dict[str, tuple[str, Body]]] = {
    "too long": ("context_overflow", {"content": TOO_LONG}),
    "a schema that can't be had": ("unsupported", {"params": SCHEMA}),
    "a parameter out of range": ("invalid_field", {"params": {"temperature": 3}}),
    "a parameter of another type": ("invalid_field", {"params": {"max_tokens": "many"}}),
    "nothing": ("empty_prompt", {"content": ""}),
    "blanks": ("empty_prompt", {"content": " \n\t"}),
    "no text": ("invalid_field", {"content": 7}),
    "half a character": ("bad_json", {"content": "a\ud83d"}),
    "an unknown field": ("unknown_field", {"contents": "Hi"}),
    "an unknown parent": ("unknown_id", {"parent": "nobody"}),
    "an unknown conversation": ("unknown_id", {"conversation": "nowhere"}),
}
"""Requests that are always refused: the code, and the difference from a valid message."""

BEFORE_ALL: Final = ("invalid_field", "empty_prompt", "bad_json", "unknown_field")
"""Codes of faults that the message alone shows."""

BAD_SETTINGS: Final[dict[str, tuple[str, Any]]] = {
    "a system prompt that is too long": ("context_overflow", {"system": TOO_LONG}),
    "a schema that can't be had": ("unsupported", {"params": SCHEMA}),
}

endpoints = st.sampled_from(sorted(ENDPOINTS))
mostly = st.sampled_from([True, True, True, False])
choices = st.integers(0, 1000)
"""Index into the existing items, modulo their number."""


def has(what: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Precondition of a rule: this kind of action was tried before. Which rules can run may depend only on earlier
    rules, never on the server's progress."""
    return precondition(lambda machine: bool(getattr(machine, what)))


class ConversationMachine(LoopedMachine):
    """State machine that owns the server, and a second client that watches.

    A rule ends when the server is idle.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trees: dict[str, Tree] = {}
        self.begun: set[str] = set()
        """Ids of all generations that were accepted."""
        self.cancelled: set[str] = set()
        self.may_be_short: set[str] = set()
        """Ids of generations that may end with ``length``."""
        self.refused: list[Body] = []
        self.names = 0
        self.closed = True
        self.serves = False
        """True while a server runs. If its start failed, there is nothing to check."""
        self.asked = self.moved = self.deletes = self.refusals = False
        """Actions tried so far, with any outcome. ``moved``: an action since the server's start."""

    @initialize(
        strict=st.sampled_from([False, False, True]),
        active_limit=st.sampled_from([None, 2]),
        slots=st.sampled_from([1, 2]),
        closed=mostly,
    )
    def begin(self, strict: bool, active_limit: int | None, slots: int, closed: bool) -> None:
        self.strict, self.active_limit, self.slots, self.closed = strict, active_limit, slots, closed
        self.run(self._begin())
        self.create()

    async def _begin(self) -> None:
        model = ScriptedModel(context=CONTEXT, slots=self.slots, answer_tokens=TOKENS)
        if self.strict:
            model.facts = dataclasses.replace(model.facts, chat_template=STRICT_TEMPLATE)
        if self.closed:
            model.gate.close()
        guard = Guard(limits=UsageLimits(messages=10**9))
        self.server: RunningServer = await self._life.enter_async_context(
            serving(model, self._folder, queue_limit=QUEUE, active_limit=self.active_limit, guard=guard)
        )
        self.watcher: Peer = await self._life.enter_async_context(self.server.peer())
        await self.watcher.send(Watch())
        await self.watcher.settle()
        self.versions: dict[str, int] = {}
        self.serves, self.moved = True, False

    # What there is

    def tree(self, which: int) -> Tree:
        return list(self.trees.values())[which % len(self.trees)]

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def said(self, tree: Tree, role: str, which: int) -> Kept | None:
        found = [message for message in tree.there.values() if message.role == role]
        return found[which % len(found)] if found else None

    async def _still(self) -> None:
        """Return once no work is in progress: the model waits before the closed gate, or has nothing to do."""
        await self.server.until(self._nobody_asks)
        while self.server.registry.active:
            with contextlib.suppress(TimeoutError):
                await asyncio.to_thread(self.server.model.gate.wait_until_held, 0.05)
                break
        await self.server.registry.caught_up()

    def _nobody_asks(self) -> bool:
        """Return whether all connections except the watcher's, all requests, and the starts that they have left behind,
        have ended."""
        working = any(
            task.get_name() == "start" or getattr(task.get_coro(), "__qualname__", "") == REQUEST
            for task in asyncio.all_tasks()
        )
        return len(self.server.connections) == 1 and not working

    @property
    def _works(self) -> bool:
        """Return whether the model has something to do."""
        return bool(self.server.registry.active)

    async def _cancels_done(self) -> None:
        """Run steps until all cancels are carried out: a queued one is cancelled between two steps."""
        await self._still()
        while any(one.id in self.cancelled for one in self.server.registry.active):
            self.server.model.gate.step()
            await self._still()

    # What is so after each rule

    async def _check(self, unchanged: dict[str, Any] | None = None) -> None:
        """Check what a client can see. ``unchanged``: its state before a refused request, which must still be the
        same."""
        await self._still()
        self._note_ends()
        seen = await self._seen()
        for tree in self.trees.values():
            whole = seen[tree.id]
            if tree.deleted:
                assert whole["code"] == "unknown_id"
            else:
                assert (whole["leaf"], as_told(whole["messages"])) == tree.told()
        await self.watcher.carried_out()  # changes that came during this answer arrive before the next one
        news = self._read(await self.watcher.settle())
        for id, version in self.versions.items():
            assert seen[id].get("version", version) == version, "a change that the watcher was not told of"
        if unchanged is not None:
            assert (seen, news) == (unchanged, [])

    def _read(self, messages: Sequence[ServerMessage]) -> list[Conversation]:
        """Read what the watcher was sent, and return the news of conversations."""
        news = [message for message in messages if isinstance(message, Conversation)]
        for change in news:
            assert self.trees[change.id].used, "a conversation without a message was announced"
            self.versions[change.id] = change.version
        return news

    async def _seen(self) -> dict[str, Any]:
        """Return everything that another device can see."""
        seen: dict[str, Any] = {"list": await self._get("")}
        for id in tuple(self.trees):
            seen[id] = await self._get(f"/{id}")
        assert {one["id"] for one in seen["list"]["conversations"]} == {
            tree.id for tree in self.trees.values() if tree.used and not tree.deleted
        }
        return seen

    async def _get(self, path: str) -> Any:
        return json.loads((await self.server.ask("GET", f"/api/conversations{path}")).body)

    def _note_ends(self) -> None:
        """Update the model with answers that have ended."""
        for tree in self.trees.values():
            for message in tuple(tree.messages.values()):
                if message.state == "writing":
                    self._note_end(tree, message)

    def _note_end(self, tree: Tree, message: Kept) -> None:
        assert message.generation is not None
        generation = self._generation(message.generation)
        done = generation.log.done
        if done is None:
            return
        cancelled = done.reason is DoneReason.CANCELLED
        if cancelled:
            assert message.generation in self.cancelled
            event("stopped later" if generation.log.has_text else "stopped before the first token")
        else:
            short = message.generation in self.may_be_short
            assert done.reason is DoneReason.STOP or (short and done.reason is DoneReason.LENGTH), done
        tree.end(message, parts_of(generation.log), "stopped" if cancelled else "done")

    def _generation(self, id: str) -> Generation:
        return self.server.registry.get(id, re="attach", principal=LOCAL)

    # Asking

    def _expected(self, body: Body) -> str | None:
        """Return the code that ``body`` is refused with; None if it is accepted. Faults in BEFORE_ALL are not
        considered."""
        tree = self.trees.get(body["conversation"])
        if body["id"] in self.begun:
            return "id_conflict"
        if tree is None or tree.deleted:
            return "unknown_id"
        parent = body.get("parent", tree.leaf)
        if parent is not None and parent not in tree.there:
            return "unknown_id"
        if any(message.state == "writing" for message in tree.branch(parent)):
            return "unexpected_message"
        if body.get("content") == TOO_LONG or tree.fault == "context_overflow":
            return "context_overflow"
        if "json_schema" in body.get("params", {}) or tree.fault:
            return "unsupported"
        return self._no_room() or self._taken(tree, body)

    def _no_room(self, more: int = 0) -> str | None:
        """Return the code that one more generation is refused with, with ``more`` than the active ones."""
        active = len(self.server.registry.active) + more
        if self.active_limit is not None and active >= self.active_limit:
            return "rate_limited"
        return "busy" if active >= QUEUE + self.slots else None

    def _taken(self, tree: Tree, body: Body) -> str | None:
        if not {body["id"], body.get("message_id")} & set(tree.messages):
            return "id_conflict" if body["id"] == body.get("message_id") else None
        return "id_conflict"

    def _write(self, body: Body) -> None:
        """Add an accepted ``body`` to the model."""
        self.begun.add(body["id"])
        tree = self.trees[body["conversation"]]
        parent = body.get("parent", tree.leaf)
        id = body["id"]
        if "content" not in body and parent and tree.messages[parent].role == "assistant":
            message = tree.messages[parent]
            message.state, message.generation = "writing", id
            if parent not in [one.id for one in tree.branch(tree.leaf)]:
                tree.leaf = parent
            return
        if "content" in body:
            tree.add(Kept(body["message_id"], parent, "user", body["content"]))
            parent = body["message_id"]
        tree.add(Kept(id, parent, "assistant", "", "writing", id))
        tree.leaf = id

    def _check_start(self, body: Body) -> None:
        """Check what the model gets for an accepted ``body``: the branch as it is in the tree."""
        if not self.strict:
            tree = self.trees[body["conversation"]]
            dialogue = tree.prompt(body.get("parent", tree.leaf), body.get("content"))
            assert bytes(self._generation(body["id"]).prompt.tolist()).decode() == dialogue

    async def _ask(self, endpoint: str, body: Body, fault: str | None = None) -> None:
        """Send a request and check the outcome. ``fault``: a code that comes before all others."""
        self.asked = self.moved = True
        await self._still()
        self._note_ends()
        before, expected = await self._seen(), fault or self._expected(body)
        code = await ENDPOINTS[endpoint](self.server, body, lambda: None)
        event(f"{'accepted' if code is None else code} by {endpoint}")
        assert code == expected
        if code is None:
            self._check_start(body)
            self._write(body)
        else:
            self.refused.append(body)
        await self._check(None if code is None else before)

    def _good(self, tree: Tree, **fields: Any) -> Body:
        body = {"conversation": tree.id, "id": self.name(), "message_id": self.name(), **fields}
        return body if "content" in body else {name: body[name] for name in body if name != "message_id"}

    @rule(which=choices, endpoint=endpoints, content=st.sampled_from(GOOD))
    def say(self, which: int, endpoint: str, content: str) -> None:
        self.run(self._ask(endpoint, self._good(self.tree(which), content=content)))

    @rule(which=choices, message=choices, endpoint=endpoints, content=st.sampled_from(GOOD))
    @has("asked")
    def edit(self, which: int, message: int, endpoint: str, content: str) -> None:
        """Edit a question: a new branch beside the old one."""
        tree = self.tree(which)
        said = self.said(tree, "user", message)
        self.run(self._ask(endpoint, self._good(tree, content=content, parent=said.parent if said else None)))

    @rule(which=choices, message=choices, endpoint=endpoints)
    @has("asked")
    def regenerate(self, which: int, message: int, endpoint: str) -> None:
        tree = self.tree(which)
        if said := self.said(tree, "user", message):
            self.run(self._ask(endpoint, self._good(tree, parent=said.id)))

    @rule(which=choices, message=choices, endpoint=endpoints)
    @has("asked")
    def extend(self, which: int, message: int, endpoint: str) -> None:
        """Continue an answer, also one without text."""
        tree = self.tree(which)
        if said := self.said(tree, "assistant", message):
            self.run(self._ask(endpoint, self._good(tree, parent=said.id)))

    @rule(which=choices, endpoint=endpoints, fault=st.sampled_from(sorted(FAULTS)))
    def be_refused(self, which: int, endpoint: str, fault: str) -> None:
        self.refusals = True
        code, fields = FAULTS[fault]
        body = self._good(self.tree(which), **{"content": "Hi", **fields})
        self.run(self._ask(endpoint, body, code if code in BEFORE_ALL else None))

    @rule(which=choices, endpoint=endpoints, message=choices, taken=st.sampled_from(["id", "message_id", "both"]))
    @has("asked")
    def take_a_name(self, which: int, endpoint: str, message: int, taken: str) -> None:
        """Use ids that exist already, also those of deleted messages."""
        tree = self.tree(which)
        body = self._good(tree, content="Hi")
        if taken == "both":
            body["id"] = body["message_id"]
        elif tree.messages:
            body[taken] = list(tree.messages)[message % len(tree.messages)]
        self.run(self._ask(endpoint, body))

    @rule(which=choices, endpoint=endpoints, message=choices)
    @has("deletes")
    def go_on_from_what_is_gone(self, which: int, endpoint: str, message: int) -> None:
        tree = self.tree(which)
        gone = [one.id for one in tree.messages.values() if one.deleted is not None]
        if gone:
            self.run(self._ask(endpoint, self._good(tree, content="Hi", parent=gone[message % len(gone)])))

    @rule(which=choices, endpoint=endpoints)
    def crowd(self, which: int, endpoint: str) -> None:
        """Send requests until a limit is reached, and one more."""
        tree = self.tree(which)
        self.asked = self.moved = self.closed = self.refusals = True

        async def crowd() -> None:
            self.server.model.gate.close()
            await self._still()
            for _ in range(QUEUE + self.slots):
                if self._no_room() is None:
                    await self._ask("start", self._good(tree, content="Hi", parent=None))
            await self._ask(endpoint, self._good(tree, content="Hi", parent=None))

        self.run(crowd())

    @rule(which=choices, endpoint=endpoints)
    def be_too_fast(self, which: int, endpoint: str) -> None:
        async def be_too_fast() -> None:
            await self._still()
            self._note_ends()
            before = await self._seen()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(self.server.guard._rates, "take", lambda *_: 1.0)
                body = self._good(self.tree(which), content="Hi")
                assert await ENDPOINTS[endpoint](self.server, body, lambda: None) == "rate_limited"
            self.refused.append(body)
            await self._check(before)

        self.run(be_too_fast())

    @rule(endpoint=endpoints, content=st.sampled_from(GOOD))
    @has("refusals")
    def retry(self, endpoint: str, content: str) -> None:
        """Fix the last refused request, and send it with the same ids."""
        if not self.refused:
            return
        body = self.refused.pop()
        if "from" in body:
            return
        mended = {name: value for name, value in body.items() if name in ("conversation", "id", "message_id", "parent")}
        if "message_id" in body:
            mended["content"] = content
        if body["conversation"] in self.trees:
            self.run(self._ask(endpoint, mended))

    @rule(which=choices, endpoint=endpoints, turns=st.sampled_from([0, 3, 30, 300, 3000, 10_000]))
    def cut(self, which: int, endpoint: str, turns: int) -> None:
        """Cut the connection after this many turns of the loop: either everything was written or nothing. The client
        then reconnects and sends the request again."""
        self.asked = self.moved = True

        async def cut() -> None:
            await self._still()
            self._note_ends()
            body = self._good(self.tree(which), content="Hi")
            expected = self._expected(body)
            await self._begin_and_cut(endpoint, body, turns)
            if begun := self.server.registry.find(body["id"], LOCAL) is not None:
                assert expected is None
                self._write(body)
            event(f"cut: {'begun' if begun else 'not begun'}")
            await self._check()
            assert await ENDPOINTS["websocket"](self.server, body, lambda: None) == expected
            if expected is None and not begun:
                self._write(body)
            await self._check()

        self.run(cut())

    async def _begin_and_cut(self, endpoint: str, body: Body, turns: int) -> None:
        sent = asyncio.Event()
        asking = asyncio.ensure_future(ENDPOINTS[endpoint](self.server, body, sent.set))
        waiting = asyncio.ensure_future(sent.wait())
        await asyncio.wait([asking, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        await self._still()

    @rule(which=choices, by_http=st.booleans())
    @has("asked")
    def stop(self, which: int, by_http: bool) -> None:
        async def stop() -> None:
            await self._still()
            active = self.server.registry.active
            if not active:
                return
            id = active[which % len(active)].id
            self.cancelled.add(id)
            if by_http:
                stopping = asyncio.ensure_future(self.server.ask("DELETE", f"/generations/{id}"))
                await self.server.until(lambda: active[which % len(active)].cancel_received is not None)
                while not stopping.done():
                    self.server.model.gate.step()
                    await asyncio.wait([stopping], timeout=0.05)
                assert json.loads(stopping.result().body)["reason"] == "cancelled"
            else:
                await self.watcher.send(Cancel(id=id))
                await self.watcher.carried_out()
            await self._cancels_done()
            await self._check()

        self.run(stop())

    # What a user changes

    async def _change(self, method: str, path: str, body: Any = None) -> int:
        await self._still()
        self._note_ends()
        text = None if body is None else json.dumps(body)
        return (await self.server.ask(method, f"/api/conversations{path}", text)).status

    @rule()
    @precondition(lambda self: len(self.trees) < 3)
    def create(self) -> None:
        async def create() -> None:
            id = self.name()
            assert await self._change("POST", "", {"id": id}) == 201
            self.trees[id] = Tree(id)
            await self._check()

        self.run(create())

    @rule(which=choices, message=choices)
    @has("asked")
    def delete_message(self, which: int, message: int) -> None:
        tree = self.tree(which)

        self.deletes = True

        if not tree.deleted and tree.messages:
            self.run(self._delete(tree, list(tree.messages)[message % len(tree.messages)]))

    async def _delete(self, tree: Tree, id: str) -> None:
        """Delete a message, which may be gone already."""
        there = id in tree.there
        status = await self._change("DELETE", f"/{tree.id}/messages/{id}", None)
        assert status == (200 if there else 404)
        if there:
            self.cancelled |= {str(one.generation) for one in tree.delete(id) if one.state == "writing"}
        await self._cancels_done()
        await self._check()

    @rule(which=choices, message=choices)
    @has("deletes")
    def restore_message(self, which: int, message: int) -> None:
        tree = self.tree(which)

        async def restore() -> None:
            gone = [one.id for one in tree.messages.values() if one.deleted is not None]
            if tree.deleted or not gone:
                return
            id = gone[message % len(gone)]
            status = await self._change("POST", f"/{tree.id}/messages/{id}/restore", {})
            assert status == (200 if tree.can_restore(id) else 404)
            if status == 200:
                tree.restore(id)
            await self._check()

        self.run(restore())

    @rule(which=choices)
    def delete_or_restore(self, which: int) -> None:
        tree = self.tree(which)

        async def turn() -> None:
            if tree.deleted:
                assert await self._change("POST", f"/{tree.id}/restore", {}) == 200
            else:
                assert await self._change("DELETE", f"/{tree.id}") == 200
                writing = [one for one in tree.there.values() if one.state == "writing"]
                self.cancelled |= {str(one.generation) for one in writing}
            tree.deleted = not tree.deleted
            await self._cancels_done()
            await self._check()

        self.run(turn())

    @rule(which=choices, bad=st.sampled_from([None, None, *sorted(BAD_SETTINGS), "refused"]))
    def set(self, which: int, bad: str | None) -> None:
        """Change settings. The server accepts settings that no answer can use, but not invalid ones."""
        tree = self.tree(which)

        async def set() -> None:
            if tree.deleted:
                return
            if bad == "refused":
                before = await self._seen()
                assert await self._change("PATCH", f"/{tree.id}", {"settings": {"params": {"top_p": 7}}}) == 400
                await self._check(before if not self.server.registry.active else None)
                return
            code, given = BAD_SETTINGS[bad] if bad else (None, {})
            assert await self._change("PATCH", f"/{tree.id}", {"settings": given}) == 200
            tree.fault = code
            await self._check()

        self.run(set())

    @rule(which=choices, message=choices)
    @has("asked")
    def choose_a_branch(self, which: int, message: int) -> None:
        tree = self.tree(which)

        async def choose() -> None:
            if tree.deleted or not tree.there:
                return
            id = list(tree.there)[message % len(tree.there)]
            assert await self._change("PATCH", f"/{tree.id}", {"leaf": id}) == 200
            tree.leaf = tree.newest_under(id)
            await self._check()

        self.run(choose())

    # The model and the server

    @rule(steps=st.integers(1, 15))
    @has("asked")
    def step(self, steps: int) -> None:
        self.closed = True
        self.run(self._step(steps))

    async def _step(self, steps: int) -> None:
        """Let the model compute this many steps, or fewer if it has nothing to do."""
        self.server.model.gate.close()
        for _ in range(steps):
            await self._still()
            if self._works:
                self.server.model.gate.step()
        await self._still()
        self.server.model.gate.close()
        await self._check()

    @rule()
    @has("closed")
    def open(self) -> None:
        async def open() -> None:
            self.closed = False
            self.server.model.gate.open()
            await self._check()

        self.run(open())

    @rule(crash=st.booleans())
    @has("moved")
    def restart(self, crash: bool) -> None:
        """Restart on the folder of the last server, after a shutdown or a crash."""

        async def restart() -> None:
            await self._still()
            self._note_ends()
            if crash:
                folder = self._new_folder()
                shutil.copytree(self._folder, folder, dirs_exist_ok=True)
            self.serves = False
            await self._life.aclose()
            self._folder = folder if crash else self._folder
            await self._begin()
            await self._check()

        self.run(restart())

    def teardown(self) -> None:
        """Check that the next valid message in each conversation is answered."""

        async def last() -> None:
            self.closed = False
            self.server.model.gate.open()
            await self._check()
            for tree in tuple(self.trees.values()):
                if tree.deleted:
                    assert await self._change("POST", f"/{tree.id}/restore", {}) == 200
                if tree.fault:
                    assert await self._change("PATCH", f"/{tree.id}", {"settings": {}}) == 200
                tree.deleted, tree.fault = False, None
                await self._ask("websocket", self._good(tree, content="Are you there?"))
                assert tree.leaf is not None and tree.messages[tree.leaf].state == "done"
                assert tree.messages[tree.leaf].content

        with self._files, self._runner:
            try:
                if self.serves:
                    self.run(last())
            finally:
                self.run(self._life.aclose())
