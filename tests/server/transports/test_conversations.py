"""The endpoints of conversations, and turns in them."""

import asyncio
import json
import time
from typing import Any

import pytest
from starlette.types import Scope

from protocol.conformance.http import fetch
from protocol.messages import Accepted, Attach, Attached, Cancel, Conversation, Error, Generate, Params, Watch
from server.conversations import upkeep
from server.transports import conversation_files, conversations, generations
from tests.server.conversations.formats.test_files import lines, session, zipped
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_opened_thought import thinking_model

AT = "/api/conversations"


async def call(
    server: RunningServer, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    """Send a request; return the status and the parsed JSON of the response."""
    text = body if body is None or isinstance(body, str) else json.dumps(body)
    answer = await server.ask(method, path, text, headers)
    return answer.status, json.loads(answer.body) if answer.body else None


async def made(server: RunningServer, **fields: Any) -> dict[str, Any]:
    status, whole = await call(server, "POST", AT, fields)
    assert status == 201
    assert isinstance(whole, dict)
    return whole


async def told(server: RunningServer, id: str) -> dict[str, Any]:
    status, whole = await call(server, "GET", f"{AT}/{id}")
    assert status == 200
    assert isinstance(whole, dict)
    return whole


WRONG: list[tuple[str, str, Any, int, str, str]] = [
    ("POST", AT, "", 400, "bad_json", "not JSON: Input data was truncated"),
    ("POST", AT, "[]", 400, "bad_json", "conversation is a JSON object, not an array"),
    ("POST", AT, {"titel": "x"}, 400, "unknown_field", '"titel" is not a field of conversation (did you mean title?)'),
    (
        "POST",
        AT,
        {"title": 5},
        400,
        "invalid_field",
        "title must be a string of at most 200 characters, not 5; or leave",
    ),
    ("POST", AT, {"id": "a b"}, 400, "invalid_field", "id must be a string of 1 to 64 of A-Z a-z 0-9 . _ -, not"),
    ("POST", AT, {"id": "import"}, 400, "invalid_field", "id: 'import' is reserved and can't name a"),
    ("POST", AT, '{"id":"a","id":"b"}', 400, "invalid_field", "id is given twice in one object"),
    (
        "POST",
        AT,
        {"settings": {"params": {"temperature": 3}}},
        400,
        "invalid_field",
        "settings.params.temperature must be a number from 0 to 2, not 3; or leave it out",
    ),
    ("POST", AT, '{"title":"\\ud800"}', 400, "bad_json", "a \\ud800-\\udfff escape without its other half"),
    ("GET", f"{AT}?limit=0", None, 400, "invalid_field", "limit must be a whole number from 1 to 200, not '0'"),
    ("GET", f"{AT}?limit=x", None, 400, "invalid_field", "limit must be a whole number from 1 to 200, not 'x'"),
    ("GET", f"{AT}?limit=201", None, 400, "invalid_field", "limit must be a whole number from 1 to 200, not '201'"),
    ("GET", f"{AT}?before=x", None, 400, "invalid_field", "before must be the `next` of an earlier page, not 'x'"),
    ("GET", f"{AT}?q=" + "x" * 1001, None, 400, "invalid_field", "q must have at most 1000 characters, not 1001"),
    ("GET", f"{AT}/no", None, 404, "unknown_id", "conversation: there is no conversation 'no'; it may have been"),
    ("PATCH", f"{AT}/no", {"title": "x"}, 404, "unknown_id", "conversation: there is no conversation 'no'"),
    ("PATCH", f"{AT}/c1", {"leaf": "no"}, 404, "unknown_id", "leaf: conversation 'c1' has no message 'no'"),
    ("PATCH", f"{AT}/c1", {"pinned": 1}, 400, "invalid_field", "pinned must be true or false, not 1; or leave it out"),
    ("PATCH", f"{AT}/c1", {"version": 1}, 400, "unknown_field", '"version" is not a field of conversation'),
    ("DELETE", f"{AT}/no", None, 404, "unknown_id", "conversation: there is no conversation 'no'"),
    ("POST", f"{AT}/no/restore", {}, 404, "unknown_id", "conversation: there is no conversation 'no'"),
    ("POST", f"{AT}/no/context", {}, 404, "unknown_id", "conversation: there is no conversation 'no'"),
    ("POST", f"{AT}/c1/context", {"parent": "no"}, 404, "unknown_id", "parent: conversation 'c1' has no message 'no'"),
    ("POST", f"{AT}/c1/context", {"text": ""}, 400, "unknown_field", '"text" is not a field of context'),
    ("PATCH", f"{AT}/c1/messages/no", {"summary": ""}, 404, "unknown_id", "message: conversation 'c1' has no message"),
    ("PATCH", f"{AT}/no/messages/no", {"content": "x"}, 404, "unknown_id", "conversation: there is no conversation"),
    ("PATCH", f"{AT}/c1/messages/no", {}, 400, "missing_field", "message has neither content nor summary; send"),
    (
        "PATCH",
        f"{AT}/c1/messages/no",
        {"summary": "x" * 65_537},
        400,
        "invalid_field",
        "summary must be a string of at most 65536",
    ),
    ("PATCH", f"{AT}/c1/messages/no", {"text": "x"}, 400, "unknown_field", '"text" is not a field of message'),
    ("DELETE", f"{AT}/c1/messages/no", None, 404, "unknown_id", "message: conversation 'c1' has no message 'no'"),
    ("POST", f"{AT}/c1/messages/no/restore", {}, 404, "unknown_id", "message: conversation 'c1' has no message 'no'"),
    ("GET", f"{AT}/no/export", None, 404, "unknown_id", "conversation: there is no conversation 'no'"),
    ("GET", f"{AT}/c1/export?format=pdf", None, 400, "invalid_field", "format must be json or markdown, not 'pdf'"),
    ("POST", f"{AT}/import", "x", 400, "bad_json", "the file is not JSON with conversations: invalid character"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "message"), WRONG)
async def test_errors_name_the_fault(
    server: RunningServer, method: str, path: str, body: Any, status: int, code: str, message: str
) -> None:
    await made(server, id="c1")
    found, error = await call(server, method, path, body)
    assert (found, error["type"], error["code"]) == (status, "error", code)
    assert error["message"].startswith(message)


@pytest.mark.parametrize(
    "path", [AT, f"{AT}/import", f"{AT}/c1/restore", f"{AT}/c1/context", f"{AT}/c1/messages/m/restore"]
)
async def test_a_page_of_another_site_cant_post(server: RunningServer, path: str) -> None:
    status, error = await call(server, "POST", path, "{}", {"content-type": "text/plain"})
    assert (status, error["code"]) == (415, "bad_frame")


async def test_a_file_that_is_too_long_is_refused(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation_files, "MOST_BYTES", 1000)
    status, error = await call(server, "POST", f"{AT}/import", "[" + " " * 1000)
    assert (status, error["message"]) == (413, "the body is longer than 1000 bytes; send less at a time")


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> None:
    """Server that takes the principal from the header X-User."""

    def principal_of(scope: Scope) -> str:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        return headers.get(b"x-user", b"local").decode()

    for module in (conversations, conversation_files, generations):
        monkeypatch.setattr(module, "principal_of", principal_of)


async def test_a_strangers_conversation_is_as_unknown_as_none(server: RunningServer, users: None) -> None:
    await made(server, id="c1")
    await call(server, "POST", "/generate", {"id": "g1", "conversation": "c1", "content": "Hi", "message_id": "m1"})
    you = {"x-user": "you"}
    asked: list[tuple[str, str, Any]] = [
        ("GET", f"{AT}/ID", None),
        ("PATCH", f"{AT}/ID", {"title": "x"}),
        ("DELETE", f"{AT}/ID", None),
        ("POST", f"{AT}/ID/restore", {}),
        ("POST", f"{AT}/ID/context", {}),
        ("PATCH", f"{AT}/ID/messages/m1", {"summary": "x"}),
        ("DELETE", f"{AT}/ID/messages/m1", None),
        ("POST", f"{AT}/ID/messages/m1/restore", {}),
        ("GET", f"{AT}/ID/export", None),
        ("POST", "/generate", {"conversation": "ID", "content": "Hi"}),
        ("POST", "/generations", {"conversation": "ID", "parent": "m1"}),
    ]
    for method, path, body in asked:
        answers = []
        for id in ("c1", "c9"):
            text = None if body is None else json.dumps(body).replace("ID", id)
            status, error = await call(server, method, path.replace("ID", id), text, you)
            assert (status, error["code"]) == (404, "unknown_id")
            answers.append(json.dumps(error).replace(id, "ID"))
        assert answers[0] == answers[1]
    assert (await call(server, "GET", AT, None, you))[1] == {"conversations": [], "next": None}
    assert (await call(server, "GET", f"{AT}?q=hi", None, you))[1] == {"conversations": [], "next": None}
    assert (await call(server, "GET", f"{AT}/export", None, you))[1]["conversations"] == []
    assert len((await told(server, "c1"))["messages"]) == 2


async def ids_listed(server: RunningServer) -> list[str]:
    _, answer = await call(server, "GET", AT)
    return [conversation["id"] for conversation in answer["conversations"]]


async def test_a_conversation_without_messages_is_not_listed_or_announced(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Watch())
        await peer.carried_out()
        await made(server, id="c1")
        await call(server, "PATCH", f"{AT}/c1", {"settings": {"system": "Be brief"}})
        assert not [m for m in await peer.settle() if isinstance(m, Conversation)]
        assert await ids_listed(server) == []
        assert (await call(server, "GET", f"{AT}/export"))[1]["conversations"] == []
        assert (await told(server, "c1"))["settings"]["system"] == "Be brief"
        await peer.send(Generate(id="g1", conversation="c1", content="Hello"))
        assert (await peer.take(Conversation, id="c1")).title == "Hello"
        await peer.until_done("g1")
        assert await ids_listed(server) == ["c1"]
        assert len((await call(server, "GET", f"{AT}/export"))[1]["conversations"]) == 1


@pytest.mark.parametrize("settings", [{}, {"params": {"json_schema": {"type": "nope"}}}])
async def test_a_refused_first_message_leaves_nothing_that_others_see(
    server: RunningServer, settings: dict[str, Any]
) -> None:
    async with server.peer() as peer:
        await peer.send(Watch())
        await peer.carried_out()
        await made(server, id="c1", settings=settings)
        content = "Hi" if settings else "x" * 4000
        await peer.send(Generate(id="g1", conversation="c1", content=content))
        await peer.take(Error, id="g1")
        assert not [m for m in await peer.settle() if isinstance(m, Conversation)]
    assert await ids_listed(server) == []


async def test_deleting_a_conversation_that_nobody_has_used_is_announced_to_nobody(server: RunningServer) -> None:
    await made(server, id="c1")
    async with server.peer() as peer:
        await peer.send(Watch())
        await peer.settle()
        assert (await call(server, "DELETE", f"{AT}/c1"))[0] == 200
        assert (await call(server, "POST", f"{AT}/c1/restore", {}))[0] == 200
        await peer.carried_out()
        assert [message for message in await peer.settle() if isinstance(message, Conversation)] == []


@pytest.mark.parametrize("change", [{"title": "Frogs"}, {"pinned": True}])
async def test_a_conversation_that_is_named_or_pinned_is_listed(server: RunningServer, change: dict[str, Any]) -> None:
    async with server.peer() as peer:
        await peer.send(Watch())
        await peer.carried_out()
        await made(server, id="c1")
        await call(server, "PATCH", f"{AT}/c1", change)
        assert (await peer.take(Conversation)).id == "c1"
        assert await ids_listed(server) == ["c1"]
        await call(server, "PATCH", f"{AT}/c1", {"title": "", "pinned": False})
        assert (await peer.take(Conversation)).title == ""
        assert await ids_listed(server) == []


async def test_two_connections_see_what_a_third_does(server: RunningServer) -> None:
    async with server.peer() as one, server.peer() as two, server.peer() as third:
        for peer in (one, two):
            await peer.send(Watch())
            await peer.carried_out()
        await made(server, id="c1")
        server.model.gate.close()
        await third.send(Generate(id="g1", conversation="c1", content="Hello"))
        await third.take(Accepted)
        for peer in (one, two):
            told_of = await peer.take(Conversation, version=2)
            assert (told_of.id, told_of.title, told_of.writing) == ("c1", "Hello", ("g1",))
        server.model.gate.open()
        await third.until_done("g1")
        for peer in (one, two):
            assert (await peer.take(Conversation, version=3)).writing == ()
        await call(server, "DELETE", f"{AT}/c1")
        for peer in (one, two):
            assert (await peer.take(Conversation, version=4)).deleted
        assert not [m for m in await third.settle() if isinstance(m, Conversation)]
    assert server.conversations.changes._listeners == {}


async def test_announced_answer_accepts_attaches_at_once(server: RunningServer) -> None:
    async with server.peer() as one, server.peer() as two:
        await two.send(Watch())
        await two.carried_out()
        for number in range(10):
            await made(server, id=f"c{number}")
            await one.send(Generate(id=f"g{number}", conversation=f"c{number}", content="Hello"))
            (generation,) = (await two.take(Conversation, id=f"c{number}", version=2)).writing
            await two.send(Attach(id=generation))
            assert (await two.take(Attached, id=generation)).from_ == 0
            await two.until_done(generation)


async def test_while_it_is_written_it_has_what_was_there_before(server: RunningServer) -> None:
    await made(server, id="c1")
    async with server.peer() as peer:
        server.model.gate.close()
        await peer.send(Generate(id="g1", conversation="c1", content="Hello"))
        await peer.take(Accepted)
        server.model.gate.step(5)
        await server.held()
        answer = (await told(server, "c1"))["messages"][1]
        assert (answer["state"], answer["content"], answer["generation"]) == ("writing", "", "g1")
        await peer.send(Cancel(id="g1"))
        await peer.until_done("g1")  # the gate stays closed: the step that stood before it was aborted
        first = peer.text("g1")
        answer = (await told(server, "c1"))["messages"][1]
        assert (answer["state"], answer["content"], answer["reason"]) == ("stopped", first, "cancelled")
        await peer.send(Generate(id="g2", conversation="c1", parent="g1"))
        assert (await peer.take(Accepted)).message == "g1"
        answer = (await told(server, "c1"))["messages"][1]
        assert (answer["state"], answer["content"], answer["generation"]) == ("writing", first, "g2")
        assert "reason" not in answer
        server.model.gate.open()
        await peer.until_done("g2")
        answer = (await told(server, "c1"))["messages"][1]
        assert (answer["state"], answer["content"]) == ("done", first + peer.text("g2"))


async def test_a_continued_answer_keeps_the_figures_of_what_was_there_before(server: RunningServer) -> None:
    await made(server, id="c1")
    async with server.peer() as peer:
        for number, tokens in enumerate((3, 4), start=1):
            parent: dict[str, Any] = {"content": "Hello"} if number == 1 else {"parent": "g1"}
            await peer.send(Generate(id=f"g{number}", conversation="c1", params=Params(max_tokens=tokens), **parent))
            await peer.until_done(f"g{number}")
        answer = (await told(server, "c1"))["messages"][1]
        assert (answer["reason"], answer["limit"], answer["usage"]["completion_tokens"]) == ("length", "max_tokens", 4)
        assert (answer["earlier"]["generations"], answer["earlier"]["completion_tokens"]) == (1, 3)
        decode = answer["earlier"]["decode"] + answer["timings"]["decode"]
        server.model.gate.close()
        await peer.send(Generate(id="g3", conversation="c1", parent="g1"))
        await peer.take(Accepted, id="g3")
        answer = (await told(server, "c1"))["messages"][1]
        assert answer["earlier"] == {"generations": 2, "completion_tokens": 7, "decode": pytest.approx(decode)}
        assert "usage" not in answer
        await peer.send(Cancel(id="g3"))
        await peer.until_done("g3")
        server.model.gate.open()
        answer = (await told(server, "c1"))["messages"][1]
        assert (answer["state"], answer["earlier"]["completion_tokens"]) == ("stopped", 7)
    exported = (await server.ask("GET", f"{AT}/c1/export?format=json")).body
    whole = json.loads(exported)
    whole["conversations"][0]["id"] = "c2"
    assert (await call(server, "POST", f"{AT}/import", whole))[1]["skipped"] == []
    assert (await told(server, "c2"))["messages"][1]["earlier"] == answer["earlier"]


async def test_an_answer_has_the_time_that_each_of_its_thoughts_took() -> None:
    async with serving(thinking_model()) as server, server.peer() as peer:
        await made(server, id="c1")
        await peer.send(Generate(id="g1", conversation="c1", content="Hello", params=Params(max_tokens=5)))
        await peer.until_done("g1")
        question, answer = (await told(server, "c1"))["messages"]
        assert [type(ms) for ms in answer["thoughts"]] == [int]
        assert "thoughts" not in question


async def test_a_deleted_conversation_stops_what_writes_in_it(server: RunningServer) -> None:
    await made(server, id="c1")
    async with server.peer() as peer:
        server.model.gate.close()
        await peer.send(Generate(id="g1", conversation="c1", content="Hello"))
        await peer.take(Accepted)
        status, deleted = await call(server, "DELETE", f"{AT}/c1")
        assert status == 200
        assert 0 < deleted["restore_until"] - time.time() * 1000 <= upkeep.KEPT_MS
        server.model.gate.open()
        assert (await peer.until_done("g1"))[-1].reason == "cancelled"  # type: ignore[union-attr]
    await call(server, "POST", f"{AT}/c1/restore", {})
    assert (await told(server, "c1"))["messages"][1]["state"] == "stopped"


async def test_refused_message_leaves_no_turn(server: RunningServer) -> None:
    before = await made(server, id="c1")
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", conversation="c1", content="x" * 4000))
        error = await peer.take(Error)
    assert (error.re, error.id, error.code) == ("generate", "g1", "context_overflow")
    assert error.message.startswith("conversation: the prompt has ")
    assert await told(server, "c1") == before
    await call(server, "PATCH", f"{AT}/c1", {"settings": {"params": {"json_schema": {"type": "nope"}}}})
    status, error_body = await call(server, "POST", "/generate", {"conversation": "c1", "content": "Hi"})
    assert (status, error_body["code"]) == (400, "unsupported")
    assert (await told(server, "c1"))["messages"] == []


async def test_a_turn_that_begins_when_the_server_goes_down_is_taken_back(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(server, id="c1")
    registry = server.registry

    looks = 0
    refuse = registry._refuse_when_down

    def look(body: Generate) -> None:
        nonlocal looks
        looks += 1
        registry._shutting_down = looks == 2
        refuse(body)

    monkeypatch.setattr(registry, "_refuse_when_down", look)
    status, error = await call(server, "POST", "/generate", {"conversation": "c1", "content": "Hi"})
    assert (status, error["code"], looks) == (503, "busy", 2)
    registry._shutting_down = False
    whole = await told(server, "c1")
    assert (whole["messages"], whole["leaf"], whole["title"], whole["writing"]) == ([], None, "", [])


async def test_two_turns_at_once_go_one_after_the_other(server: RunningServer) -> None:
    await made(server, id="c1")
    body = {"conversation": "c1", "content": "Hi", "id": "g1"}
    answers = await asyncio.gather(*(call(server, "POST", "/generate", body) for _ in range(4)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["text"] for _, answer in answers}) == 1
    assert len((await told(server, "c1"))["messages"]) == 2


async def test_an_answer_that_cant_be_written_now_is_written_later(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("server.conversations.answers.RETRY_SECONDS", 0.01)
    await made(server, id="c1")
    store = server.conversations._store
    async with server.peer() as peer:
        server.model.gate.close()
        await peer.send(Generate(id="g1", conversation="c1", content="Hello"))
        await peer.take(Accepted)
        await store.submit(lambda db: db.execute("PRAGMA query_only = 1").fetchall())
        server.model.gate.open()
        await peer.until_done("g1")
        text = peer.text("g1")
    status, error = await call(server, "POST", AT, {})
    assert (status, error["code"], error["retryable"]) == (503, "storage_failed", True)
    health = json.loads((await server.get("/healthz")).body)
    assert (health["status"], health["conversations"]["status"]) == ("ok", "failed")
    await asyncio.to_thread(lambda: store._thread.submit(lambda: store._db.execute("PRAGMA query_only = 0")).result())
    async with asyncio.timeout(DEADLINE):
        while (answer := (await told(server, "c1"))["messages"][1])["state"] == "writing":
            await asyncio.sleep(0.001)
    assert (answer["state"], answer["content"]) == ("done", text)
    assert json.loads((await server.get("/healthz")).body)["conversations"] == {"status": "ok", "error": None}
    caplog.clear()


async def test_500_messages_come_whole(server: RunningServer) -> None:
    chain = [
        {"id": f"m{n}", "parent": f"m{n - 1}" if n else None, "role": "user", "content": "word " * 200}
        for n in range(500)
    ]
    file = {"format": "streamui.conversations", "version": 1, "conversations": [{"settings": {}, "messages": chain}]}
    status, answer = await call(server, "POST", f"{AT}/import", file)
    assert (status, answer["skipped"]) == (200, [])
    whole = await told(server, answer["imported"][0]["id"])
    assert [(m["id"], m["parent"], m["content"]) for m in whole["messages"]] == [
        (m["id"], m["parent"], m["content"]) for m in chain
    ]
    status, again = await call(server, "POST", f"{AT}/import", json.dumps([whole]))
    assert again == {
        "imported": [],
        "skipped": [
            {
                "index": 0,
                "title": whole["title"],
                "message": "it is here already; to import the file's version, delete this one first",
            }
        ],
    }


async def test_a_branch_goes_out_as_markdown_and_comes_back(server: RunningServer) -> None:
    await made(server, id="c1", title='Frogs & "toads" / 蛙')
    await call(server, "POST", "/generate", {"conversation": "c1", "content": "What\n# is it?", "message_id": "m1"})
    before = await told(server, "c1")
    answer = await server.ask("GET", f"{AT}/c1/export?format=markdown")
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="frogs-toads.md"'
    status, result = await call(server, "POST", f"{AT}/import", answer.body, {"content-type": "text/markdown"})
    assert status == 200
    after = await told(server, result["imported"][0]["id"])
    assert after["title"] == before["title"]
    assert [(m["role"], m["content"]) for m in after["messages"]] == [
        (m["role"], m["content"]) for m in before["messages"]
    ]


async def test_all_go_out_and_come_back(server: RunningServer) -> None:
    for number in range(3):
        await made(server, id=f"c{number}", title=f"Number {number}")
    text = (await server.ask("GET", f"{AT}/export")).body
    for number in range(3):
        await call(server, "DELETE", f"{AT}/c{number}")
    status, result = await call(server, "POST", f"{AT}/import", text)
    assert (status, [c["title"] for c in result["imported"]]) == (200, ["Number 0", "Number 1", "Number 2"])
    assert result["skipped"] == []


@pytest.mark.parametrize(
    "kind", ["application/zip", "application/octet-stream", "application/jsonl", "application/json"]
)
async def test_a_zip_file_of_another_program_is_imported(server: RunningServer, kind: str) -> None:
    body = zipped({"a.jsonl": lines(*session("a")), "b.json": b"\x89PNG\r\n\x1a\n"})
    answer = await fetch("POST", server.url(f"{AT}/import"), body, {"content-type": kind})
    result = json.loads(answer.body)
    assert (answer.status, [c["id"] for c in result["imported"]]) == (200, ["a"])
    assert [(one["index"], one["title"]) for one in result["skipped"]] == [(1, "b.json")]
    assert result["skipped"][0]["message"] == "not a chat export: this is an image"
    assert [m["content"] for m in (await told(server, "a"))["messages"]][:2] == [
        "2+2?",
        "<think>\nHm\n</think>\n\n4",
    ]


async def test_a_file_that_is_no_chat_export_is_called_what_it_is(server: RunningServer) -> None:
    status, error = await call(server, "POST", f"{AT}/import", "%PDF-1.7", {"content-type": "application/zip"})
    assert (status, error["code"], error["message"]) == (400, "bad_json", "not a chat export: this is a PDF")
    assert error["retryable"] is False
