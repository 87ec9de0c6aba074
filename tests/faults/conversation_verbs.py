"""The machine of conversations with all that a client may do beside asking: instructions, changes of parameters,
alternatives, forks, compared answers, drafts, edited answers, branches as new conversations, and temporary chats."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from protocol.errors import ErrorCode
from protocol.messages import (
    Accepted,
    Alternatives,
    AlternativesRequest,
    Conversation,
    Draft,
    Error,
    Generate,
    Params,
    ServerMessage,
    Steer,
    Steered,
    Tune,
    Tuned,
)
from server.generations.ownership import LOCAL
from server.transports.looking import MOST as MOST_QUESTIONS
from tests.faults.conversation_machine import (
    GOOD,
    TOKENS,
    TOO_LONG,
    ConversationMachine,
    choices,
    endpoints,
    has,
    mostly,
)
from tests.faults.endpoints import ENDPOINTS, Body
from tests.faults.tree_model import Kept, Tree
from tests.server.transports.peer import Peer

FORK_TEXTS: Final = [None, None, "one ", " other", "\N{CJK UNIFIED IDEOGRAPH-6F22}"]
TUNED: Final = [{}, {"seed": 1}, {"max_tokens": 4}, {"max_tokens": TOKENS + 20}]
DRAFTS: Final = ["", "Hi", "Hi there, tell me", "Hi there, tell me more", TOO_LONG]
EDITED: Final = ["Frogs hop. ", "Frogs hop. ", "<|im_end|>\n", " \n"]
MOST_CONVERSATIONS: Final = 4

ENTRY: Final = {"steer": "steered", "tune": "tuned"}


@dataclass
class Asked:
    """An instruction or a change that was sent. ``name``: the text, or the temperature that it sets; each has its own.
    ``lost``: the server ended before it was read."""

    kind: str
    name: str
    lost: bool = False


class ConversationVerbMachine(ConversationMachine):
    """``asked``: instructions and changes, by generation. ``late``: number of refused ones, by type and generation.
    ``taken``: for each fork, the number of events that it has from another answer. ``questions``: those about
    alternatives that are not answered, each with the codes that may refuse it. ``temporary``: generations outside of
    conversations. ``draft_code``: the code that refuses the newest draft."""

    def __init__(self) -> None:
        super().__init__()
        self.asks: dict[str, list[Asked]] = {}
        self.late: Counter[tuple[str, str]] = Counter()
        self.taken: dict[str, int] = {}
        self.questions: deque[tuple[AlternativesRequest, set[str]]] = deque()
        self.temporary: set[str] = set()
        self.draft_code: str | None = None
        self.drafts_refused = 0

    async def _begin(self) -> None:
        await super()._begin()
        self.begun -= self.temporary
        self.temporary.clear()
        self.questions.clear()
        self.late.clear()
        for id, asks in self.asks.items():
            for ask in asks:
                ask.lost |= (ask.kind, ask.name) not in self._in_log(id)

    # What the watcher gets

    def _read(self, messages: Sequence[ServerMessage]) -> list[Conversation]:
        for message in messages:
            if isinstance(message, Alternatives):
                question, _ = self.questions.popleft()
                assert (message.id, message.seq) == (question.id, question.seq)
                assert len(message.tokens) >= question.count
            elif isinstance(message, Error):
                self._read_error(message)
        return super()._read(messages)

    def _read_error(self, error: Error) -> None:
        if error.re == "alternatives":
            question, codes = self.questions.popleft()
            assert error.id == question.id and error.code in codes, error
        elif error.re == "draft":
            self.drafts_refused += 1
            assert error.code == self.draft_code, error
        elif error.re in ENTRY:
            assert error.code == ErrorCode.ALREADY_DONE, error
            self.late[error.re, str(error.id)] += 1
        else:
            assert error.re == "cancel", error

    async def _check(self, unchanged: dict[str, Any] | None = None) -> None:
        await super()._check(unchanged)
        while any(self._waits(id, asks) for id, asks in self.asks.items()):
            await self._read_on()

    async def _read_on(self) -> None:
        await self.watcher.carried_out()
        self._read(await self.watcher.settle())

    def _in_log(self, id: str) -> list[tuple[str, str]]:
        """Return the instructions and changes in a log, without those that a fork has from another answer."""
        generation = self.server.registry.find(id, LOCAL)
        if generation is None:
            return []
        marks: list[tuple[str, str]] = []
        for message in generation.log.events(self.taken.get(id, 0)):
            if isinstance(message, Steered):
                marks.append(("steer", message.content))
            elif isinstance(message, Tuned):
                marks.append(("tune", str(message.params["temperature"])))
        return marks

    def _waits(self, id: str, asks: Sequence[Asked]) -> bool:
        """Check what became of all that was sent to an answer. Return whether a refusal is still on its way."""
        generation, marks = self.server.registry.find(id, LOCAL), self._in_log(id)
        for kind in ENTRY:
            names = [ask.name for ask in asks if ask.kind == kind]
            places = [names.index(name) for each, name in marks if each == kind]
            assert places == sorted(set(places)), "read twice, or in another order"
        if generation is None or generation.log.done is None:
            return False
        missing = Counter((ask.kind, id) for ask in asks if not ask.lost and (ask.kind, ask.name) not in marks)
        late = Counter({key: count for key, count in self.late.items() if key[1] == id})
        assert late <= missing, "refused, and read all the same"
        return late != missing

    @property
    def _works(self) -> bool:
        return super()._works or bool(self.questions)

    # Instructions, changes and alternatives

    def _some_generation(self, which: int, running: bool) -> str | None:
        active = [each.id for each in self.server.registry.active]
        found = active if running and active else sorted(self.begun)
        return found[which % len(found)] if found else None

    @rule(which=choices, running=mostly, content=st.sampled_from(["shorter", "in French", " <|im_end|>\n"]))
    @has("asked")
    def steer(self, which: int, running: bool, content: str) -> None:
        self.run(self._tell(which, running, "steer", lambda id, name: Steer(id=id, content=f"{content}{name}")))

    @rule(which=choices, steps=st.integers(0, 4), more=st.integers(0, 2), is_deleted=st.booleans())
    def ask_and_steer(self, which: int, steps: int, more: int, is_deleted: bool) -> None:
        """Ask, and give instructions between the answer's tokens. Then delete it at once, or let it be written."""
        self.closed = True
        tree = self.tree(which)

        async def ask_and_steer() -> None:
            self.server.model.gate.close()
            body = self._good(tree, content="Hi")
            await self._ask("websocket", body)
            for _ in range(1 + more):
                await self._step(steps)
                newest = len(self.server.registry.active) - 1
                await self._tell(newest, True, "steer", lambda id, name: Steer(id=id, content=f"shorter {name}"))
            await self._step(1)
            if is_deleted and not tree.deleted and body["id"] in tree.there:
                self.deletes = True
                await self._delete(tree, body["id"])

        self.run(ask_and_steer())

    @rule(which=choices, running=mostly, params=st.sampled_from(TUNED))
    @has("asked")
    def tune(self, which: int, running: bool, params: dict[str, Any]) -> None:
        def tuned(id: str, name: str) -> Tune:
            self.may_be_short.add(id)
            return Tune(id=id, params=Params(temperature=int(name[1:]) / 10_000, **params))

        self.run(self._tell(which, running, "tune", tuned))

    async def _tell(self, which: int, running: bool, kind: str, message: Any) -> None:
        await self._still()
        self._note_ends()
        if (id := self._some_generation(which, running)) is None:
            return
        self.moved = True
        sent = message(id, self.name())
        name = sent.content if kind == "steer" else str(sent.params.temperature)
        self.asks.setdefault(id, []).append(Asked(kind, name))
        event(f"{kind} of {'an ended' if self._generation(id).log.done else 'a running'} answer")
        await self.watcher.send(sent)
        await self._check()

    @rule(which=choices, running=mostly, place=choices, count=st.integers(1, 20))
    @has("asked")
    def look_up(self, which: int, running: bool, place: int, count: int) -> None:
        """Ask for alternatives, which may be answered much later: with no slot free they wait."""

        async def look_up() -> None:
            await self._still()
            self._note_ends()
            if (id := self._some_generation(which, running)) is None:
                return
            pieces = self._generation(id).log.pieces
            question = AlternativesRequest(id=id, seq=1 + place % (pieces + 2), count=count)
            codes = {"invalid_field"} if question.seq > pieces + 1 else set()
            self.questions.append((question, codes | ({"rate_limited"} if self._many else set())))
            before = await self._seen()
            await self.watcher.send(question)
            await self._check(before)

        self.run(look_up())

    @property
    def _many(self) -> bool:
        return len(self.questions) >= MOST_QUESTIONS

    # Forks and compared answers

    def _expected(self, body: Body) -> str | None:
        if "from" not in body:
            return super()._expected(body)
        tree, point = self.trees[body["conversation"]], body["from"]
        if body["id"] in self.begun:
            return "id_conflict"
        message = None if tree.deleted else tree.there.get(point["id"])
        if message is None or message.role != "assistant" or message.generation is None:
            return "unknown_id"
        generation = self.server.registry.find(point["id"], LOCAL)
        if generation is None:
            return "unknown_id"
        if point["seq"] > generation.log.pieces + 1:
            return "invalid_field"
        return self._no_room() or self._taken(tree, body)

    def _check_start(self, body: Body) -> None:
        if "from" not in body:
            super()._check_start(body)
            return
        point, first = body["from"], self._generation(body["from"]["id"])
        fork = self._generation(body["id"])
        assert fork.prompt == first.prompt
        taken = [first.log.event(seq) for seq in range(1, point["seq"])]
        for seq, other in enumerate(taken, start=1):
            own = fork.log.event(seq)
            assert own is not None and other is not None
            assert [getattr(own, name, None) for name in ("text", "content", "params")] == [
                getattr(other, name, None) for name in ("text", "content", "params")
            ]
        if point.get("text"):
            assert getattr(fork.log.event(point["seq"]), "text", "").endswith(point["text"])

    def _write(self, body: Body) -> None:
        if "from" not in body:
            super()._write(body)
            return
        id, tree = body["id"], self.trees[body["conversation"]]
        self.begun.add(id)
        self.may_be_short.add(id)
        self.taken[id] = body["from"]["seq"] - 1 + ("text" in body["from"])
        tree.add(Kept(id, tree.messages[body["from"]["id"]].parent, "assistant", "", "writing", id))
        tree.leaf = id

    @rule(
        which=choices,
        other=choices,
        message=choices,
        endpoint=endpoints,
        place=choices,
        text=st.sampled_from(FORK_TEXTS),
        most=st.sampled_from([None, None, 3, TOKENS + 9]),
    )
    @has("asked")
    def fork(
        self, which: int, other: int, message: int, endpoint: str, place: int, text: str | None, most: int | None
    ) -> None:
        """Fork an answer: running, ended, deleted, a part of a steered one, or of another conversation."""
        tree = self.tree(which)
        source = self.tree(other) if other % 5 == 0 else tree
        answers = [each for each in source.messages.values() if each.role == "assistant"]

        async def fork() -> None:
            await self._still()
            if not answers:
                return
            id = answers[message % len(answers)].id
            generation = self.server.registry.find(id, LOCAL)
            pieces = generation.log.pieces if generation else 0
            point = {"id": id, "seq": 1 + place % (pieces + 2)} | ({"text": text} if text else {})
            params = {"max_tokens": most} if most else {}
            body = {"conversation": tree.id, "id": self.name(), "from": point, "params": params}
            await self._ask(endpoint, body)

        self.run(fork())

    @rule(which=choices, count=st.integers(2, 4), content=st.sampled_from(GOOD), seeds=st.booleans())
    def compare(self, which: int, count: int, content: str, seeds: bool) -> None:
        """Ask for several answers to one question, in one frame."""
        self.asked = self.moved = True
        tree = self.tree(which)

        async def compare() -> None:
            await self._still()
            self._note_ends()
            first = self._good(tree, content=content)
            others = [
                {"conversation": tree.id, "id": self.name(), "parent": first["message_id"]} for _ in range(count - 1)
            ]
            refused = self._expected(first)
            expected = [{refused}]
            for more in range(1, count):
                ended: set[str | None] = set() if self.closed or refused else {None}  # so there is room again
                expected.append({"unknown_id" if refused else self._no_room(more)} | ended)
            bodies = [each | ({"params": {"seed": n}} if seeds else {}) for n, each in enumerate([first, *others])]
            async with self.server.peer() as peer:
                await peer.send(*(msgspec.convert(body, Generate) for body in bodies))
                codes = [await _outcome(peer, body["id"]) for body in bodies]
            event(f"compared: {codes.count(None)} of {count} accepted")
            for body, code, allowed in zip(bodies, codes, expected, strict=True):
                assert code in allowed
                if code is None:
                    self._check_start(body)
                    self._write(body)
            await self._check()

        self.run(compare())

    @rule(which=choices, message=choices, endpoint=endpoints, content=st.sampled_from(GOOD))
    @has("asked")
    def continue_from(self, which: int, message: int, endpoint: str, content: str) -> None:
        """Send the next message below any answer, such as the one of several that is kept."""
        tree = self.tree(which)
        if said := self.said(tree, "assistant", message):
            self.run(self._ask(endpoint, self._good(tree, content=content, parent=said.id)))

    # Drafts

    @rule(which=choices, message=choices, below=st.booleans(), content=st.sampled_from(DRAFTS))
    def draft(self, which: int, message: int, below: bool, content: str) -> None:
        """Send a draft, which changes nothing. One that is refused is refused as the message would be."""
        tree = self.tree(which)

        async def draft() -> None:
            await self._still()
            self._note_ends()
            parent = list(tree.messages)[message % len(tree.messages)] if below and tree.messages else tree.leaf
            self.draft_code = self._draft_code(tree, parent, content) if content else None
            event(f"draft: {self.draft_code or 'read'}")
            before, refused = await self._seen(), self.drafts_refused
            sent = Draft(conversation=tree.id, content=content, parent=parent) if content else Draft()
            await self.watcher.send(sent)
            while self.draft_code is not None and self.drafts_refused == refused:
                await self._read_on()
            await self._check(before)

        self.run(draft())

    def _draft_code(self, tree: Tree, parent: str | None, content: str) -> str | None:
        if tree.deleted or (parent is not None and parent not in tree.there):
            return "unknown_id"
        if any(message.state == "writing" for message in tree.branch(parent)):
            return "unexpected_message"
        return "context_overflow" if content == TOO_LONG or tree.fault == "context_overflow" else None

    # What a user changes

    async def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        answer = await self.server.ask(method, f"/api/conversations{path}", json.dumps(body))
        return answer.status, json.loads(answer.body)

    @rule(
        which=choices,
        message=choices,
        of_the_model=mostly,
        content=st.sampled_from(EDITED),
        was=st.sampled_from(["known", "known", "left out", "stale"]),
    )
    @has("asked")
    def edit_text(self, which: int, message: int, of_the_model: bool, content: str, was: str) -> None:
        """Change the text of an answer, or try it with that of another message."""
        tree = self.tree(which)

        async def edit() -> None:
            await self._still()
            self._note_ends()
            answers = [each for each in tree.messages.values() if not of_the_model or each.role == "assistant"]
            if not answers:
                return
            said = answers[message % len(answers)]
            before, code = await self._seen(), self._edit_code(tree, said, content, was)
            given = {} if was == "left out" else {"was": said.content if was == "known" else "something else"}
            status, told = await self._answer("PATCH", f"/{tree.id}/messages/{said.id}", {"content": content} | given)
            event(f"edit an answer: {code or 'done'}")
            assert (None if status == 200 else told["code"]) == code
            if code is None:
                said.content = content
            await self._check(before if code else None)

        self.run(edit())

    def _edit_code(self, tree: Tree, said: Kept, content: str, was: str) -> str | None:
        if tree.deleted or said.id not in tree.there:
            return "unknown_id"
        if said.role != "assistant" or not content.strip():
            return "invalid_field"
        if said.state == "writing":
            return "unexpected_message"
        return "edit_conflict" if was == "stale" else None

    @rule(which=choices, message=choices)
    @has("asked")
    @precondition(lambda machine: len(machine.trees) < MOST_CONVERSATIONS)
    def branch_off(self, which: int, message: int) -> None:
        """Begin a conversation with a copy of a branch."""
        tree = self.tree(which)

        async def branch_off() -> None:
            await self._still()
            self._note_ends()
            if not tree.messages:
                return
            said, id, before = list(tree.messages)[message % len(tree.messages)], self.name(), await self._seen()
            branch = tree.branch(said)
            code = "unknown_id" if tree.deleted or said not in tree.there else None
            if code is None and any(each.state == "writing" for each in branch):
                code = "unexpected_message"
            wanted = {"id": id, "branch": {"conversation": tree.id, "message": said}}
            status, told = await self._answer("POST", "", wanted)
            assert (None if status == 201 else told["code"]) == code
            if code is None:
                self._add_copy(id, tree, branch, [each["id"] for each in told["messages"]])
            await self._check(before if code else None)

        self.run(branch_off())

    def _add_copy(self, id: str, tree: Tree, branch: Sequence[Kept], ids: Sequence[str]) -> None:
        copy = self.trees[id] = Tree(id, fault=tree.fault)
        for message, name in zip(branch, ids, strict=True):
            copy.add(Kept(name, copy.leaf, message.role, message.content, message.state))
            copy.leaf = name

    # A temporary chat

    @rule(endpoint=endpoints, content=st.sampled_from(GOOD))
    def ask_temporarily(self, endpoint: str, content: str) -> None:
        """Ask outside of conversations: nothing of it is seen there, and the next server knows nothing of it."""
        self.asked = self.moved = True

        async def temporarily() -> None:
            await self._still()
            self._note_ends()
            before, expected = await self._seen(), self._no_room()
            messages = [{"role": "user", "content": content}]
            body: Body = {"id": self.name(), "messages": messages, "temporary": True, "on_detach_ms": None}
            assert await ENDPOINTS[endpoint](self.server, body, lambda: None) == expected
            if expected is None:
                self.begun.add(body["id"])
                self.temporary.add(body["id"])
            await self._check(before)

        self.run(temporarily())

    def teardown(self) -> None:
        """Check that each question about alternatives is answered, then what the machine without these checks."""

        async def answered() -> None:
            self.server.model.gate.open()
            while self.questions:
                await self._read_on()

        try:
            if self.serves:
                self.run(answered())
        finally:
            super().teardown()


async def _outcome(peer: Peer, id: str) -> str | None:
    """Return the code of the refusal of a `generate`, None if it was accepted."""
    while True:
        message = await peer.next()
        if getattr(message, "id", None) == id and isinstance(message, Accepted | Error):
            return message.code if isinstance(message, Error) else None
