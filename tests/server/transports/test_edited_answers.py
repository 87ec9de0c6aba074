"""Answers whose text the user has changed, and branches as conversations of their own (PROTOCOL 14.3)."""

import json
from typing import Any

from protocol.messages import Accepted, Conversation, Generate, Params, Watch
from server.conversations.branching import MARK
from server.conversations.values import MAX_TITLE
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_conversations import AT, call, made, told
from tests.server.transports.test_opened_thought import thinking_model


async def answered(server: RunningServer, id: str = "c", **settings: Any) -> dict[str, Any]:
    """Create a conversation with a question and its answer; return the answer."""
    await made(server, id=id, settings=settings)
    body = {
        "id": f"{id}-g",
        "conversation": id,
        "content": "Frogs",
        "message_id": "q",
        "params": {"max_tokens": 4, "seed": 1},
    }
    status, _ = await call(server, "POST", "/generate", body)
    assert status == 200
    answer = (await told(server, id))["messages"][-1]
    assert isinstance(answer, dict)
    return answer


async def edit(server: RunningServer, answer: dict[str, Any], content: str, **fields: Any) -> tuple[int, Any]:
    return await call(server, "PATCH", f"{AT}/c/messages/{answer['id']}", {"content": content, **fields})


async def found(server: RunningServer, words: str) -> list[str]:
    _, page = await call(server, "GET", f"{AT}?q={words}")
    return [each["id"] for each in page["conversations"]]


async def test_an_edited_answer_keeps_everything_but_its_text(server: RunningServer) -> None:
    answer = await answered(server)
    status, summary = await edit(server, answer, "Toads croak.", was=answer["content"])
    assert (status, summary["id"]) == (200, "c")
    (_, edited) = (await told(server, "c"))["messages"]
    assert edited.pop("edited_at") >= answer["created_at"]
    assert edited == answer | {"content": "Toads croak."}


async def test_the_search_finds_the_new_text_and_not_the_old_one(server: RunningServer) -> None:
    answer = await answered(server)
    await edit(server, answer, "Newts swim.")
    assert await found(server, "newts") == ["c"]
    await edit(server, answer, "Toads croak.")
    assert (await found(server, "toads"), await found(server, "newts")) == (["c"], [])


async def test_a_change_of_a_text_that_has_changed_is_refused(server: RunningServer) -> None:
    answer = await answered(server)
    await edit(server, answer, "Toads croak.")
    status, error = await edit(server, answer, "Newts swim.", was=answer["content"])
    assert (status, error["code"]) == (409, "edit_conflict")
    assert error["message"].startswith("was: the text of message 'c-g' has changed since; read the conversation")
    assert (await told(server, "c"))["messages"][-1]["content"] == "Toads croak."


async def test_an_answer_that_is_being_written_is_not_edited() -> None:
    model = ScriptedModel()
    async with serving(model) as server, server.peer() as peer:
        await made(server, id="c")
        model.gate.close()
        await peer.send(Generate(id="g", conversation="c", content="Hi", params=Params(max_tokens=4)))
        await peer.take(Accepted)
        status, error = await edit(server, {"id": "g"}, "Toads croak.")
        assert (status, error["code"]) == (400, "unexpected_message")
        assert error["message"] == "message 'g' is still being written: wait for its end, or cancel its generation"
        status, error = await call(server, "POST", AT, {"branch": {"conversation": "c", "message": "g"}})
        assert (status, error["code"]) == (400, "unexpected_message")
        model.gate.open()
        await peer.until_done("g")
        assert (await edit(server, {"id": "g"}, "Toads croak."))[0] == 200


async def test_a_wrong_text_is_refused(server: RunningServer) -> None:
    answer = await answered(server)
    status, error = await edit(server, answer, " \n")
    assert (status, error["code"]) == (400, "invalid_field")
    assert error["message"] == "content must not be blank; to remove the answer, delete the message"
    status, error = await edit(server, {"id": "q"}, "Toads")
    assert (status, error["code"]) == (400, "invalid_field")
    assert error["message"].startswith("content: only an answer's text can be changed; 'q' has the role user")
    assert (await told(server, "c"))["messages"][-1] == answer


async def test_a_text_and_a_summary_are_changed_apart_and_together(server: RunningServer) -> None:
    answer = await answered(server)
    await call(server, "PATCH", f"{AT}/c/messages/{answer['id']}", {"summary": "They greeted."})
    await edit(server, answer, "Toads croak.")
    assert (await told(server, "c"))["messages"][-1]["summary"] == "They greeted."
    await edit(server, answer, "Newts swim.", summary=None)
    edited = (await told(server, "c"))["messages"][-1]
    assert edited["content"] == "Newts swim." and "summary" not in edited


async def test_the_model_continues_from_the_edited_end(server: RunningServer) -> None:
    answer = await answered(server)
    await edit(server, answer, "Toads")
    status, more = await call(
        server, "POST", "/generate", {"conversation": "c", "parent": answer["id"], "params": {"max_tokens": 3}}
    )
    edited = (await told(server, "c"))["messages"][-1]
    assert (status, edited["content"]) == (200, "Toads" + more["text"])
    assert edited["edited_at"] > 0 and edited["earlier"]["completion_tokens"] == answer["usage"]["completion_tokens"]


async def test_an_edited_thought_keeps_its_time() -> None:
    async with serving(thinking_model()) as server:
        answer = await answered(server)
        await edit(server, answer, answer["content"] + " Indeed.")
        assert (await told(server, "c"))["messages"][-1]["thoughts"] == answer["thoughts"]


async def test_other_devices_are_told_of_an_edit_and_of_a_branch(server: RunningServer) -> None:
    answer = await answered(server)
    async with server.peer() as peer:
        await peer.send(Watch())
        await peer.settle()
        version = (await told(server, "c"))["version"]
        await edit(server, answer, "Toads croak.")
        assert (await peer.take(Conversation)).version == version + 1
        await made(server, id="d", branch={"conversation": "c", "message": answer["id"]})
        assert (await peer.take(Conversation)).title == "Frogs (branch)"


async def test_export_and_import_keep_an_edit(server: RunningServer) -> None:
    answer = await answered(server)
    await edit(server, answer, "Toads croak.")
    edited = (await told(server, "c"))["messages"][-1]
    file = (await server.ask("GET", f"{AT}/c/export")).body
    exported = json.loads(file)
    exported["conversations"][0]["id"] = "d"
    status, imported = await call(server, "POST", f"{AT}/import", exported)
    assert (status, imported["skipped"]) == (200, [])
    again = (await told(server, "d"))["messages"][-1]
    assert (again["content"], again["edited_at"]) == ("Toads croak.", edited["edited_at"])


async def test_a_branch_is_a_conversation_of_its_own(server: RunningServer) -> None:
    answer = await answered(server, system="Be brief.", params={"max_tokens": 3})
    await call(server, "POST", "/generate", {"conversation": "c", "content": "And then?"})
    before = await told(server, "c")
    copy = await made(server, branch={"conversation": "c", "message": answer["id"]})
    assert (copy["title"], copy["settings"]) == ("Frogs (branch)", before["settings"])
    question, answered_again = copy["messages"]
    assert answered_again == answer | {"id": copy["leaf"], "parent": question["id"], "generation": None}
    assert {question["id"], copy["leaf"]}.isdisjoint(each["id"] for each in before["messages"])
    await call(server, "POST", "/generate", {"conversation": copy["id"], "content": "Otherwise?"})
    assert len((await told(server, copy["id"]))["messages"]) == 4
    assert await told(server, "c") == before
    assert await found(server, "otherwise") == [copy["id"]]
    await call(server, "DELETE", f"{AT}/c")
    assert len((await told(server, copy["id"]))["messages"]) == 4


async def test_a_branch_may_have_a_title_and_settings_of_its_own(server: RunningServer) -> None:
    answer = await answered(server, system="Be brief.")
    point = {"conversation": "c", "message": answer["id"]}
    copy = await made(server, branch=point, title="Toads", settings={})
    assert (copy["title"], copy["settings"]) == ("Toads", {})
    longest = await made(server, branch=point, title="x" * MAX_TITLE)
    again = await made(server, branch={"conversation": longest["id"], "message": longest["leaf"]})
    assert len(again["title"]) == MAX_TITLE and again["title"].endswith("…" + MARK)
    twice = await made(server, branch={"conversation": again["id"], "message": again["leaf"]})
    assert twice["title"] == again["title"]


async def test_a_large_branch_is_copied_in_one_request(server: RunningServer) -> None:
    messages = [
        {
            "id": f"m{n}",
            "parent": f"m{n - 1}" if n else None,
            "role": "assistant" if n % 2 else "user",
            "content": f"word{n}",
        }
        for n in range(2000)
    ]
    chat = {"id": "c", "title": "Long", "leaf": "m1999", "messages": messages}
    file = {"format": "streamui.conversations", "version": 1, "conversations": [chat]}
    assert (await call(server, "POST", f"{AT}/import", file))[0] == 200
    copy = await made(server, branch={"conversation": "c", "message": "m1998"})
    assert [each["content"] for each in copy["messages"]] == [f"word{n}" for n in range(1999)]
    assert copy["leaf"] == copy["messages"][-1]["id"]


async def test_a_branch_of_nothing_is_refused(server: RunningServer) -> None:
    await answered(server)
    for point, words in (
        ({"conversation": "c", "message": "no"}, "branch.message: conversation 'c' has no message 'no'"),
        ({"conversation": "no", "message": "no"}, "conversation: there is no conversation 'no'"),
    ):
        status, error = await call(server, "POST", AT, {"id": "d", "branch": point})
        assert (status, error["code"], error["message"].split(";")[0]) == (404, "unknown_id", words)
    status, error = await call(server, "POST", AT, {"branch": {"conversation": "c"}})
    assert (status, error["code"]) == (400, "missing_field")
    assert (await call(server, "GET", f"{AT}/d"))[0] == 404
