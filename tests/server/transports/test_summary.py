"""Summaries that replace the earlier messages of a conversation (PROTOCOL 14.2)."""

import json
from pathlib import Path
from typing import Any

from protocol.messages import Accepted, Conversation, Generate, Params, Watch
from server.conversations.turn_prompt import SUMMARY_HEAD, asked
from server.conversations.turns import Turn
from server.conversations.values import ConversationSettings, Message, MessageState
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_context import size
from tests.server.transports.test_full_conversation import AT, filled, small_model, told, turn


async def summarize(server: RunningServer, message: str, text: str | None = "They counted.", id: str = "c") -> None:
    answer = await server.ask("PATCH", f"{AT}/{id}/messages/{message}", json.dumps({"summary": text}))
    assert answer.status == 200, answer.body


async def summaries(server: RunningServer, id: str = "c") -> dict[str, str]:
    return {m["id"]: m["summary"] for m in (await told(server, id))["messages"] if "summary" in m}


def message(id: str, role: str, summary: str | None = None) -> Message:
    fields: dict[str, Any] = {"id": id, "parent": None, "role": role, "content": id, "created_at": 0}
    return Message(**fields, state=MessageState.DONE, generation=None, summary=summary)


def given(*branch: Message, system: str | None = None, continued: bool = False) -> list[tuple[str, str]]:
    """Return the prompt of a branch followed by a question."""
    last = branch[-1] if continued else None
    content = None if continued else "And then?"
    settings = ConversationSettings(system=system)
    body = Generate(conversation="c", content=content, parent="x")
    turn = Turn(settings=settings, branch=branch, parent="x", content=content, continued=last)
    messages = asked(body, turn, ()).messages
    return [(each.role, each.content) for each in messages or ()]


NEW = ("user", "And then?")


def test_summary_stands_for_its_message_and_all_above() -> None:
    branch = message("q1", "user"), message("a1", "assistant", "S"), message("q2", "user"), message("a2", "assistant")
    assert given(*branch) == [("system", f"{SUMMARY_HEAD}S"), ("user", "q2"), ("assistant", "a2"), NEW]


def test_summary_follows_the_system_prompt_in_one_message() -> None:
    branch = message("q1", "user"), message("a1", "assistant", "S")
    assert given(*branch, system="Be brief.") == [("system", f"Be brief.\n\n{SUMMARY_HEAD}S"), NEW]


def test_newest_summary_of_a_branch_counts() -> None:
    branch = message("q1", "user", "old"), message("a1", "assistant"), message("q2", "user", "new")
    assert given(*branch, message("a2", "assistant")) == [("system", f"{SUMMARY_HEAD}new"), ("assistant", "a2"), NEW]


def test_system_messages_at_the_beginning_stay_beside_a_summary() -> None:
    branch = message("s", "system"), message("q1", "user"), message("a1", "assistant", "S")
    assert given(*branch) == [("system", f"{SUMMARY_HEAD}S"), ("system", "s"), NEW]
    assert given(message("s", "system", "S")) == [("system", f"{SUMMARY_HEAD}S"), ("system", "s"), NEW]


def test_summary_of_an_answer_that_continues_does_not_count() -> None:
    branch = message("q1", "user"), message("a1", "assistant", "old"), message("q2", "user")
    assert given(*branch, message("a2", "assistant", "new"), continued=True) == [
        ("system", f"{SUMMARY_HEAD}old"),
        ("user", "q2"),
    ]


async def test_a_full_conversation_fits_again_with_a_summary_and_keeps_its_messages() -> None:
    async with serving(small_model()) as server, server.peer() as peer:
        await filled(server)
        assert (await size(server, content="And then?"))["dropped"] > 0
        await summarize(server, "m35")
        found = await size(server, content="And then?")
        assert "dropped" not in found and found["tokens"] < found["room"]
        accepted = await turn(peer, "g")
        assert isinstance(accepted, Accepted) and accepted.dropped is None
        whole = await told(server)
        assert whole["messages"][-1]["usage"]["prompt_tokens"] == found["tokens"]
        assert len(whole["messages"]) == 42


async def test_summary_is_removed_by_null_and_by_blanks() -> None:
    async with serving(ScriptedModel()) as server:
        await filled(server, turns=2)
        before = await size(server)
        for nothing in (None, "", " \n"):
            await summarize(server, "m1")
            assert await summaries(server) == {"m1": "They counted."}
            await summarize(server, "m1", nothing)
            assert await summaries(server) == {}
        assert await size(server) == before


async def test_summary_of_the_last_answer_counts_for_the_next_message() -> None:
    async with serving(ScriptedModel()) as server:
        await filled(server, turns=3)
        before = (await size(server))["tokens"]
        await summarize(server, "m5", "S")
        assert (await size(server))["tokens"] < before


async def test_summary_is_that_of_one_branch() -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await filled(server, turns=3)
        other = await size(server, parent="m1", content="Or else?")
        await summarize(server, "m3")
        assert await size(server, parent="m1", content="Or else?") == other
        await peer.send(
            Generate(id="g", conversation="c", parent="m1", content="Or else?", params=Params(max_tokens=5))
        )
        done = (await peer.until_done("g"))[-1]
        assert done.usage.prompt_tokens == other["tokens"]  # type: ignore[union-attr]


async def test_summary_is_told_to_those_who_watch_and_survives_a_restart(tmp_path: Path) -> None:
    async with serving(ScriptedModel(), tmp_path) as server, server.peer() as peer:
        await filled(server, turns=2)
        version = (await told(server))["version"]
        await peer.send(Watch())
        await peer.settle()
        await summarize(server, "m1")
        await peer.take(Conversation, id="c", version=version + 1)
    async with serving(ScriptedModel(), tmp_path) as server:
        assert await summaries(server) == {"m1": "They counted."}


async def test_summary_of_a_deleted_message_is_gone_and_comes_back_with_it() -> None:
    async with serving(ScriptedModel()) as server:
        await filled(server, turns=3)
        await summarize(server, "m3")
        await server.ask("DELETE", f"{AT}/c/messages/m2")
        assert await summaries(server) == {}
        answer = await server.ask("PATCH", f"{AT}/c/messages/m3", '{"summary":"x"}')
        assert answer.status == 404
        await server.ask("POST", f"{AT}/c/messages/m2/restore", "{}")
        assert await summaries(server) == {"m3": "They counted."}


async def test_summary_set_while_its_answer_is_written_stays() -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await filled(server, turns=1)
        server.model.gate.close()
        await peer.send(Generate(id="g", conversation="c", content="And then?"))
        await peer.take(Accepted)
        await summarize(server, "g")
        server.model.gate.open()
        await peer.until_done("g")
        assert await summaries(server) == {"g": "They counted."}
        assert (await told(server))["messages"][-1]["reason"] == "stop"


async def test_summary_is_removed_when_its_answer_continues() -> None:
    async with serving(ScriptedModel()) as server, server.peer() as peer:
        await filled(server, turns=1)
        await summarize(server, "m1")
        await turn(peer, "g", content=None, parent="m1")
        assert await summaries(server) == {}


async def test_summary_is_in_each_export_and_comes_back_from_it() -> None:
    async with serving(ScriptedModel()) as server:
        await filled(server, turns=2)
        await summarize(server, "m1", "A --> B <!-- c")
        exports = [await server.ask("GET", f"{AT}/c/export?format={format}") for format in ("json", "markdown")]
        await server.ask("DELETE", f"{AT}/c")
        for export, kind in zip(exports, ("application/json", "text/markdown"), strict=True):
            answer = await server.ask("POST", f"{AT}/import", export.body, {"content-type": kind})
            (imported,) = json.loads(answer.body)["imported"]
            found = await summaries(server, imported["id"])
            assert list(found.values()) == ["A --> B <!-- c"]
            assert [m["id"] for m in (await told(server, imported["id"]))["messages"]].index(next(iter(found))) == 1


async def test_summary_that_is_too_long_is_not_imported() -> None:
    async with serving(ScriptedModel()) as server:
        first = {"id": "m0", "parent": None, "role": "user", "content": "Hi", "summary": "x" * 65_537}
        conversation = {"id": "c", "settings": {}, "leaf": "m0", "messages": [first]}
        body = {"format": "streamui.conversations", "version": 1, "conversations": [conversation]}
        answer = await server.ask("POST", f"{AT}/import", json.dumps(body))
        assert json.loads(answer.body)["imported"] == []
