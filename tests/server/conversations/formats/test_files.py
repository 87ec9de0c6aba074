"""Exported files of other programs: what is read from them, and the errors for unreadable ones."""

import io
import json
import zipfile
from typing import Any

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from server.chat.thinking import parts
from server.conversations.formats import archive
from server.conversations.formats.draft import Draft
from server.conversations.formats.recognise import MOST_CONVERSATIONS, Skipped, read_file
from tests.server.conversations.formats.test_recognise import CHAT, LLAMA, OUTER

NOW = 1_764_000_000_000


def read(body: bytes | Any) -> list[Draft | Skipped]:
    return list(read_file(body if isinstance(body, bytes) else json.dumps(body).encode(), NOW))


def one(body: bytes | Any) -> Draft:
    (draft,) = read(body)
    assert isinstance(draft, Draft), draft
    return draft


def said(draft: Draft) -> list[tuple[str, str | None, str, str]]:
    return [(m.id, m.parent, m.role, m.content) for m in draft.messages]


def zipped(files: dict[str, bytes | Any], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body if isinstance(body, bytes) else json.dumps(body))
    return buffer.getvalue()


# --- llama-server ---


def session(id: str = "0f6e-1", **more: Any) -> list[dict[str, Any]]:
    """Return a conversation in llama-server's current format, a line for each record."""
    conv = {**LLAMA["conv"], "id": id, **more}
    records = [{"harness": "llama.app", "type": "session", **conv}]
    return records + [{"message": message, "type": "message"} for message in LLAMA["messages"]]


def lines(*records: dict[str, Any], end: str = "\n") -> bytes:
    return end.join(json.dumps(record) for record in records).encode()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_llama_servers_sessions_are_read(end: str) -> None:
    draft = one(lines(*session(pinned=True), end=end))
    assert (draft.id, draft.title, draft.leaf, draft.updated_at) == ("0f6e-1", "Sums", "a1", 1704067200000)
    assert (draft.settings.system, draft.pinned) == ("Be brief", True)
    assert [m.content for m in draft.messages] == [
        "2+2?",
        "<think>\nHm\n</think>\n\n4",
        "Four",
        "Why?\n\n--- a.txt ---\nA",
    ]
    assert draft.messages[2].parent == "u1"


def test_several_sessions_and_unknown_records_in_a_file_are_read() -> None:
    body = lines(*session("a"), {"type": "note", "x": 1}, *session("b"), {"type": "message", "message": None})
    first, bad = read(body)
    assert isinstance(first, Draft)
    assert first.id == "a"
    assert isinstance(bad, Skipped)
    assert bad.title == "Sums"
    assert [type(item) for item in read(lines(*session("a"), *session("b")))] == [Draft, Draft]


def test_a_session_without_messages_is_read() -> None:
    draft = one(lines(session()[0]))
    assert (draft.title, draft.messages) == ("Sums", ())


def test_a_file_that_was_cut_off_costs_only_its_last_session() -> None:
    first, bad = read(lines(*session("a"), *session("b"))[:-40])
    assert isinstance(first, Draft)
    assert isinstance(bad, Skipped)
    assert bad.message == "line 16 is not JSON; was the file cut off?"


def test_lines_that_are_conversations_of_their_own_are_read() -> None:
    dialogue = {"title": "T", "messages": [{"role": "user", "content": "Hi"}]}
    first, second, bad = read(lines(dialogue, OUTER, {"type": "message", "message": {}}))
    assert isinstance(first, Draft)
    assert isinstance(second, Draft)
    assert (first.title, second.title) == ("T", "Frogs!")
    assert isinstance(bad, Skipped)


def test_llama_servers_attachments_are_read_or_named() -> None:
    extra = [
        {"type": "TEXT", "name": "a.txt", "content": "A"},
        {"type": "PDF", "name": "b.pdf", "content": "B", "base64Data": "x", "processedAsImages": False},
        {"type": "PDF", "name": "c.pdf", "content": "", "base64Data": "x", "processedAsImages": True},
        {"type": "MCP_RESOURCE", "name": "d", "uri": "u", "serverName": "s", "content": "D"},
        {"type": "IMAGE", "name": "e.png", "base64Url": "data:"},
        {"type": "AUDIO", "name": "f.wav", "base64Data": "x"},
        {"type": "VIDEO", "name": "g.mp4", "base64Data": "x"},
    ]
    message = {"id": "m", "type": "text", "role": "user", "content": "See", "parent": "r", "extra": extra}
    root = {"id": "r", "type": "root", "role": "system", "content": "", "parent": None}
    records = [session()[0], {"type": "message", "message": root}, {"type": "message", "message": message}]
    (only,) = one(lines(*records)).messages
    assert only.content == (
        "See\n\n--- a.txt ---\nA\n\n--- b.pdf ---\nB\n\n[Attachment: c.pdf]\n\n--- d ---\nD\n\n[Image: e.png]"
        "\n\n[Audio: f.wav]\n\n[Video: g.mp4]"
    )


def test_llama_servers_zip_is_read() -> None:
    body = zipped({"a.jsonl": lines(*session("a")), "folder/b.jsonl": lines(*session("b")), "c.txt": b"x"})
    assert [item.id for item in read(body) if isinstance(item, Draft)] == ["a", "b"]


# --- Encodings ---


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("kind", ["json", "jsonl", "markdown"])
def test_a_file_in_another_encoding_is_read(kind: str, encoding: str) -> None:
    text = {
        "json": json.dumps([CHAT | {"title": "Größe 世界"}], ensure_ascii=False),
        "jsonl": "\n".join(json.dumps(record, ensure_ascii=False) for record in session(name="Größe 世界")),
        "markdown": '<!-- streamui:conversation {"title":"Größe 世界"} -->\n# x\n\n',
    }[kind]
    assert one(text.encode(encoding)).title == "Größe 世界"
    assert one(zipped({f"x.{kind.replace('markdown', 'md')}": text.encode(encoding)})).title == "Größe 世界"


def test_a_file_that_is_not_in_the_encoding_it_claims_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="not valid utf-16-le text"):
        read(b"\xff\xfe[\0]\0x")


# --- Open WebUI ---


def answer_of(content: Any, **more: Any) -> str:
    messages = {
        "u": {"id": "u", "parentId": None, "role": "user", "content": "Hi"},
        "a": {"id": "a", "parentId": "u", "role": "assistant", "content": content, **more},
    }
    return one({"title": "T", "history": {"currentId": "a", "messages": messages}}).messages[1].content


@pytest.mark.parametrize(
    ("content", "thinking", "answer"),
    [
        (
            '<details type="reasoning" done="true" duration="3">\n<summary>Thought for 3 seconds</summary>\n'
            "&gt; Is 1 &lt; 2?\n&gt;\n&gt; &quot;Yes&quot; &amp;amp; done\n</details>\nYes.",
            'Is 1 < 2?\n\n"Yes" &amp; done',
            "Yes.",
        ),
        ("<details done='true' type='reasoning'><summary>x</summary>\n> A\n</details>\n\nB", "A", "B"),
        ('<details type="reasoning" title="a > b">\nno quote\n> a quote\n</details>B', "no quote\n> a quote", "B"),
        ('<details type="reasoning" done="false">\n<summary>Thinking…</summary>\n> cut', "cut", ""),
        (
            '<details type="reasoning">\n> A\n</details>\nB\n<details type="reasoning">\n> C\n</details>\nD',
            "A\n\nC",
            "B\n\nD",
        ),
        (
            '<details type="tool_calls" done="true" arguments="&quot;{}&quot;"><summary>x</summary></details>B',
            None,
            "B",
        ),
        (
            '<details type="code_interpreter" done="true"><summary>x</summary>\n```python\n1\n```\n</details>\nB',
            None,
            "```python\n1\n```\n\nB",
        ),
        ("<details><summary>Mine</summary>x</details>", None, "<details><summary>Mine</summary>x</details>"),
        (
            '<details type="reasoning">\n> I end with &lt;/think&gt; now\n</details>\nB',
            "I end with `</think>` now",
            "B",
        ),
    ],
)
def test_open_webuis_reasoning_is_thinking(content: str, thinking: str | None, answer: str) -> None:
    found = parts(answer_of(content))
    assert found.thinking == thinking
    assert found.answer.strip().replace("\n\n\n", "\n\n") == answer


def test_a_details_element_that_a_user_wrote_stays() -> None:
    content = '<details type="reasoning">\n> A\n</details>'
    messages = {"u": {"id": "u", "parentId": None, "role": "user", "content": content}}
    assert one({"title": "T", "history": {"messages": messages}}).messages[0].content == content


def test_open_webuis_output_items_are_read() -> None:
    output = [
        {"type": "reasoning", "content": [{"type": "output_text", "text": "Hm"}], "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": "Yes."}]},
    ]
    assert answer_of("", output=output) == answer_of("Yes.", output=output) == "<think>\nHm\n</think>\n\nYes."


def test_open_webuis_chats_without_branches_are_read() -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo", "id": "x", "parentId": "gone"},
    ]
    draft = one([{"id": "c", "title": "T", "chat": {"messages": messages}}])
    assert (draft.title, draft.leaf) == ("T", "m1")
    assert said(draft) == [("m0", None, "user", "Hi"), ("m1", "m0", "assistant", "Yo")]
    assert one([{"chat": {"messages": []}}]).messages == ()


def test_open_webuis_files_are_named() -> None:
    files = [{"type": "image", "url": "data:", "name": "a.png"}, {"type": "file", "file": {"filename": "b.pdf"}}, {}]
    assert answer_of("See", files=files) == "See\n\n[Image: a.png]\n\n[Attachment: b.pdf]\n\n[Attachment]"


# --- ChatGPT ---


def node(parent: str | None, role: str = "user", content: Any = None, **more: Any) -> dict[str, Any]:
    if isinstance(content, str):
        content = {"content_type": "text", "parts": [content]}
    message = {"author": {"role": role, "name": None, "metadata": {}}, "content": content, "status": "x", **more}
    return {"parent": parent, "children": [], "message": message if content is not None else None}


def chatgpt(mapping: dict[str, Any], **more: Any) -> dict[str, Any]:
    facts = {"title": "Frogs", "create_time": 1700000000.5, "update_time": 1700000001.5, "conversation_id": "c-1"}
    entries = {id: {"id": id, **entry} for id, entry in mapping.items()}
    return {**facts, "moderation_results": [], "mapping": entries, **more}


HIDDEN = {"is_visually_hidden_from_conversation": True}
FROGS = chatgpt(
    {
        "root": node(None),
        "sys": node("root", "system", "", metadata=HIDDEN),
        "ctx": node("sys", "user", {"content_type": "user_editable_context", "user_profile": "x"}, metadata=HIDDEN),
        "u1": node("ctx", "user", "Why are frogs green?", create_time=1700000000.25, metadata={}),
        "t1": node(
            "u1",
            "assistant",
            {"content_type": "thoughts", "thoughts": [{"summary": "Frogs", "content": ["Hm"]}, {"content": "So"}]},
            create_time=1700000000.5,
            metadata={"model_slug": "gpt-5"},
        ),
        "r1": node("t1", "assistant", {"content_type": "reasoning_recap", "content": "Thought for 5s"}),
        "s1": node("r1", "assistant", '{"q":"frogs"}', recipient="web.run"),
        "s2": node("s1", "tool", {"content_type": "tether_browsing_display", "result": "pages"}),
        "a1": node(
            "s2",
            "assistant",
            "Pigments.\ue200cite\ue202turn0search1\ue201",
            recipient="all",
            metadata={"model_slug": "gpt-5"},
        ),
        "a2": node("u1", "assistant", "To hide.", metadata={"model_slug": "gpt-4o"}),
        "u2": node("a1", "user", "Thanks"),
    },
    current_node="a1",
)


def test_chatgpts_branches_thoughts_and_times_are_kept() -> None:
    draft = one([FROGS])
    searched = '**Call: web.run**\n\n```\n{"q":"frogs"}\n```\n\n**Result: tool**\n\n```\npages\n```'
    assert (draft.id, draft.title, draft.leaf) == ("c-1", "Frogs", "t1")
    assert (draft.created_at, draft.updated_at) == (1700000000500, 1700000001500)
    assert said(draft) == [
        ("u1", None, "user", "Why are frogs green?"),
        ("t1", "u1", "assistant", f"<think>\n**Frogs**\n\nHm\n\nSo\n\n{searched}\n</think>\n\nPigments."),
        ("a2", "u1", "assistant", "To hide."),
        ("u2", "t1", "user", "Thanks"),
    ]
    assert [m.created_at for m in draft.messages][:2] == [1700000000250, 1700000000500]
    assert [m.about.model for m in draft.messages] == [None, "gpt-5", "gpt-4o", None]


def test_chatgpts_code_its_output_and_pictures_are_kept() -> None:
    picture = {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_1", "width": 1}
    spoken = {"content_type": "audio_transcription", "text": "Spoken words", "direction": "in"}
    sound = {"content_type": "audio_asset_pointer", "asset_pointer": "sediment://file_9"}
    attachments = [{"id": "file_1", "name": "frog.png"}, {"id": "file_2", "name": "notes.pdf"}]
    document = json.dumps({"name": "Poem", "type": "document", "content": "Frogs are green"})
    mapping = {
        "u": node(
            None,
            "user",
            {"content_type": "multimodal_text", "parts": [picture, "Look", spoken, sound]},
            metadata={"attachments": attachments},
        ),
        "c": node("u", "assistant", {"content_type": "code", "language": "unknown", "text": "1+1"}, recipient="python"),
        "o": node("c", "tool", {"content_type": "execution_output", "text": "2"}),
        "p": node("o", "tool", {"content_type": "multimodal_text", "parts": [picture]}),
        "d": node("p", "assistant", document, recipient="canmore.create_textdoc"),
        "b": node("d", "assistant", {"content_type": "code", "text": 'search("x")'}, recipient="browser"),
        "r": node("b", "tool", {"content_type": "tether_browsing_display", "result": "L0: x is a letter"}),
        "e": node("r", "assistant", {"content_type": "text", "parts": ["Two", "", {"name": "x"}]}),
    }
    mapping["r"]["message"]["author"]["name"] = "browser"
    user, answer = one([chatgpt(mapping)]).messages
    assert user.content == "[Image: frog.png]\n\nLook\n\nSpoken words\n\n[Attachment: notes.pdf]"
    assert answer.content == (
        '<think>\n**Call: browser**\n\n```\nsearch("x")\n```\n\n'
        "**Result: browser**\n\n```\nL0: x is a letter\n```\n</think>\n\n"
        "```python\n1+1\n```\n\n```\n2\n```\n\n[Image]\n\n--- Poem ---\nFrogs are green\n\nTwo\n\n[Attachment: x]"
    )


@pytest.mark.parametrize("names", [["conversations.json"], ["conversations-000.json", "conversations-001.json"]])
def test_chatgpts_zip_is_read(names: list[str]) -> None:
    others = {"user.json": {"id": "u"}, "message_feedback.json": [], "chat.html": b"<html>", "file-1.png": b"\x89PNG"}
    body = zipped({**{f"export/{name}": [FROGS | {"conversation_id": name}] for name in names}, **others})
    assert [item.id for item in read(body) if isinstance(item, Draft)] == names
    assert len(read(body)) == len(names)


def test_a_chatgpt_conversation_without_messages_is_read() -> None:
    assert one([chatgpt({"root": node(None)})]).messages == ()


def test_a_chatgpt_mapping_that_is_no_tree_is_named() -> None:
    (skipped,) = read([chatgpt({"a": node("b", "user", "x"), "b": node("a", "user", "y")})])
    assert isinstance(skipped, Skipped)
    assert (skipped.title, skipped.message) == ("Frogs", "message 'a' is below itself")


def test_a_chatgpt_chain_of_a_thousand_turns_is_read() -> None:
    roles = ("user", "assistant")
    mapping = {f"n{n}": node(f"n{n - 1}" if n else None, roles[n % 2], f"text {n}") for n in range(2000)}
    draft = one([chatgpt(dict(reversed(mapping.items())), current_node="n1999")])
    assert (len(draft.messages), draft.leaf) == (2000, "n1999")


# --- Claude ---


def spoken(uuid: str, sender: str, content: Any, **more: Any) -> dict[str, Any]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    message = {"uuid": uuid, "sender": sender, "text": "flat", "content": blocks, "created_at": "2026-03-01T10:00:00Z"}
    return {**message, "updated_at": "2026-03-01T10:00:00Z", "attachments": [], "files": [], **more}


def claude(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    facts = {"uuid": "c-2", "name": "Ponds", "created_at": "2026-03-01T10:00:00.5Z", "summary": "", "account": {}}
    return {**facts, "updated_at": "2026-03-01T11:00:00+00:00", "chat_messages": messages, **more}


def test_claudes_turns_follow_each_other() -> None:
    files = {
        "attachments": [{"file_name": "a.txt", "extracted_content": "A"}, {"file_name": "b.bin"}],
        "files": [{"file_name": "c.png"}],
    }
    answer = [
        {"type": "thinking", "thinking": "Hm", "summaries": []},
        {"type": "text", "text": "See:"},
        {"type": "tool_use", "name": "artifacts", "input": {"title": "P", "content": "1+1", "language": "python"}},
        {"type": "tool_use", "name": "web_search", "input": {"query": "x"}},
        {"type": "tool_result", "name": "web_search", "content": [{"type": "knowledge", "url": "https://x.test"}]},
        {"type": "tool_result", "name": "repl", "content": "2"},
        {"type": "tool_result", "name": "artifacts", "content": [{"type": "text", "text": "OK"}]},
        {"type": "text", "text": "Done."},
    ]
    draft = one([claude(spoken("u", "human", "Hi", **files), spoken("a", "assistant", answer))])
    thought = (
        'Hm\n\n**Call: web_search**\n\n```\n{\n  "query": "x"\n}\n```\n\n**Result: web_search**\n\n```\n{\n'
        '  "type": "knowledge",\n  "url": "https://x.test"\n}\n```\n\n**Result: repl**\n\n```\n2\n```'
    )
    assert (draft.id, draft.title, draft.leaf) == ("c-2", "Ponds", "a")
    assert (draft.created_at, draft.updated_at) == (1772359200500, 1772362800000)
    assert said(draft) == [
        ("u", None, "user", "Hi\n\n--- a.txt ---\nA\n\n[Attachment: b.bin]\n\n[Attachment: c.png]"),
        ("a", "u", "assistant", f"<think>\n{thought}\n</think>\n\nSee:\n\n--- P ---\n```python\n1+1\n```\n\nDone."),
    ]
    assert draft.messages[0].created_at == 1772359200000


def test_claudes_branches_are_kept() -> None:
    root = "00000000-0000-4000-8000-000000000000"
    draft = one(
        claude(
            spoken("u", "human", "Hi", parent_message_uuid=root),
            spoken("a", "assistant", "A", parent_message_uuid="u"),
            spoken("b", "assistant", "B", parent_message_uuid="u"),
            current_leaf_message_uuid="a",
        )
    )
    assert said(draft) == [("u", None, "user", "Hi"), ("a", "u", "assistant", "A"), ("b", "u", "assistant", "B")]
    assert draft.leaf == "a"


def test_claudes_older_messages_have_their_text_beside_the_blocks() -> None:
    draft = one([claude(spoken("u", "human", []), spoken("a", "assistant", None))])
    assert [m.content for m in draft.messages] == ["flat", "flat"]


def test_claudes_zip_is_read() -> None:
    body = zipped({"conversations.json": [claude(spoken("u", "human", "Hi"))], "users.json": [{}], "projects.json": []})
    assert one(body).title == "Ponds"


# --- LibreChat ---

NO_PARENT = "00000000-0000-0000-0000-000000000000"


def libre(id: str, parent: str, text: str, *, user: bool, **more: Any) -> dict[str, Any]:
    facts = {"messageId": id, "parentMessageId": parent, "text": text, "isCreatedByUser": user, "sender": "x"}
    return {**facts, "createdAt": f"2026-03-01T10:00:0{len(id)}Z", **more}


def test_librechats_flat_export_is_read() -> None:
    content = [
        {"type": "think", "think": "Hm"},
        {"type": "tool_call", "tool_call": {"name": "f"}},
        {"type": "text", "text": {"value": "A"}},
        {"type": "image_file", "image_file": {"filename": "b.png"}},
    ]
    messages = [
        libre("u", NO_PARENT, "Hi", user=True, files=[{"filename": "a.pdf"}]),
        libre("aa", "u", "", user=False, content=content, model="gpt"),
        libre("bb", "u", "B", user=False),
    ]
    export = {"conversationId": "c-3", "title": "Ponds", "exportAt": "10:00", "branches": True, "recursive": False}
    draft = one({**export, "options": {"model": "m", "promptPrefix": "Be brief"}, "messages": messages})
    assert (draft.id, draft.title, draft.leaf, draft.settings.system) == ("c-3", "Ponds", "bb", "Be brief")
    assert said(draft) == [
        ("u", None, "user", "Hi\n\n[Attachment: a.pdf]"),
        ("aa", "u", "assistant", "<think>\nHm\n</think>\n\nA\n\n[Image: b.png]"),
        ("bb", "u", "assistant", "B"),
    ]
    assert [m.about.model for m in draft.messages] == [None, "gpt", "m"]
    assert (draft.created_at, draft.updated_at) == (1772359201000, 1772359202000)


@pytest.mark.parametrize("name", ["messages", "messagesTree"])
def test_librechats_recursive_export_is_read(name: str) -> None:
    newest = libre("bbb", "u", "B", user=False)
    tree = [libre("u", NO_PARENT, "Hi", user=True, children=[newest, libre("aa", "u", "A", user=False, children=[])])]
    draft = one({"conversationId": "c-3", "title": "Ponds", "recursive": True, name: tree})
    assert [(m.id, m.parent) for m in draft.messages] == [("u", None), ("bbb", "u"), ("aa", "u")]
    assert draft.leaf == "bbb"


def test_librechats_last_message_is_shown_where_not_all_have_a_time() -> None:
    messages = [
        libre("u", NO_PARENT, "Hi", user=True),
        {"messageId": "a", "parentMessageId": "u", "text": "Yo", "isCreatedByUser": False},
    ]
    assert one({"conversationId": "c", "messages": messages}).leaf == "a"


def test_librechats_sender_says_who_spoke_where_nothing_else_does() -> None:
    messages = [
        {"messageId": "a", "sender": "User", "text": "Hi"},
        {"messageId": "b", "parentMessageId": "a", "sender": "ChatGPT", "text": "Yo"},
    ]
    draft = one({"conversationId": "c", "messages": messages})
    assert [m.role for m in draft.messages] == ["user", "assistant"]


# --- Dialogues ---


def test_a_dialogue_with_parts_and_tools_is_read() -> None:
    messages = [
        {"role": "developer", "content": "S"},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "{}"},
        {"role": "assistant", "content": "Yo", "reasoning_content": "Hm"},
    ]
    draft = one({"messages": messages})
    assert draft.settings.system == "S"
    assert [m.content for m in draft.messages] == ["Hi\n\n[Image]", "", "<think>\nHm\n</think>\n\nYo"]


# --- Zip files ---


def test_a_zip_file_names_what_failed_and_imports_the_rest() -> None:
    good = {"title": "Good", "messages": [{"role": "user", "content": "Hi"}]}
    body = zipped(
        {
            "a/../../etc/x.json": good,
            "b.json": b"{broken",
            "c.json": [{"title": "Odd"}, good],
            "d.json": b"\x89PNG\r\n\x1a\n",
            "e.md": b"# Notes",
            "__MACOSX/._a.json": b"x",
            ".hidden.json": b"x",
            "folder/": b"",
        }
    )
    found = read(body)
    assert [item.title for item in found if isinstance(item, Draft)] == ["Good", "Good"]
    skipped = [(item.index, item.title) for item in found if isinstance(item, Skipped)]
    assert skipped == [(1, "b.json"), (2, "Odd"), (4, "d.json"), (5, "e.md")]


def test_a_zip_bomb_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_UNPACKED", 1 << 20)
    good = {"title": "Good", "messages": []}
    body = zipped({"a.json": good, "b.json": b" " * (1 << 20), "c.json": good})
    first, bomb, last = read(body)
    assert isinstance(first, Draft)
    assert isinstance(bomb, Skipped)
    assert (bomb.title, bomb.message) == ("b.json", "the files of this zip file unpack to more than 1 MiB")
    assert isinstance(last, Draft)


def test_a_zip_file_that_lies_about_a_size_is_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_UNPACKED", 1 << 20)
    body = bytearray(zipped({"a.json": b"[" + b" " * (4 << 20) + b"]"}))
    size = (4 << 20) + 2
    assert body.count(size.to_bytes(4, "little")) == 2
    found = read(bytes(body.replace(size.to_bytes(4, "little"), (9).to_bytes(4, "little"))))
    assert [type(item) for item in found] == [Skipped]


def test_a_zip_file_with_very_many_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)
    with pytest.raises(RemoteProtocolError, match="more than 3 files"):
        read(zipped({f"{n}.json": {} for n in range(4)}))


def test_an_encrypted_or_broken_file_in_a_zip_file_is_named() -> None:
    body = bytearray(zipped({"a.json": {"messages": []}, "b.json": {"messages": []}}, zipfile.ZIP_STORED))
    central = body.index(b"PK\x01\x02")
    body[central + 8] |= 1
    body[body.rindex(b'{"messages"') + 2] ^= 1
    first, second = read(bytes(body))
    assert isinstance(first, Skipped)
    assert isinstance(second, Skipped)
    assert [(one.title, one.message) for one in (first, second)] == [
        ("a.json", "it is encrypted"),
        ("b.json", "it is broken"),
    ]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (zipped({}), "this zip file has no chats in it"),
        (zipped({"a.png": b"x"}), "this zip file has no chats in it"),
        (zipped({"a.zip": zipped({})}), "but other zip files; unpack it first"),
        (zipped({"[Content_Types].xml": b"", "word/document.xml": b""}), "this is a document or a program"),
        (zipped({"a.json": {}})[:-30], "this zip file is broken or incomplete"),
        (b"PK\x03\x04", "this zip file is broken or incomplete"),
    ],
)
def test_a_zip_file_without_chats_says_so(body: bytes, says: str) -> None:
    with pytest.raises(RemoteProtocolError, match=says) as caught:
        read(body)
    assert caught.value.code == ErrorCode.UNSUPPORTED


# --- What is no chat export ---


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\x89PNG\r\n\x1a\n....", "an image"),
        (b"\xff\xd8\xff\xe0....JFIF", "an image"),
        (b"GIF89a", "an image"),
        (b"RIFF....WEBPVP8 ", "an image"),
        (b"RIFF....WAVEfmt ", "a sound file"),
        (b"....ftypmp42", "a video or an image"),
        (b"\x1f\x8b\x08", "a gzip file; unpack it first"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"GGUF\x03", "a model file"),
        (b"\n<!DOCTYPE html><html>", "a web page; use the JSON file of the same export"),
        (b'<?xml version="1.0"?><svg/>', "an XML file"),
        (b"", "an empty file"),
        (b" \n", "an empty file"),
        (b"\xef\xbb\xbf", "an empty file"),
    ],
)
def test_a_file_that_is_no_chat_export_says_what_it_is(body: bytes, says: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(body)
    message = caught.value.as_message().message
    assert message.startswith("not a chat export: this is ")
    assert says in message


@pytest.mark.parametrize(
    "body", [b"# Notes\n\nhello", b"a,b\n1,2", b"{", b"[1,", b'{"a":1}}', b'[{"a":"\xff"}', b"\xfe\xfa\x00"]
)
def test_a_broken_file_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(body)
    assert caught.value.code == ErrorCode.BAD_JSON


def test_json_of_another_kind_names_the_formats_that_are_known() -> None:
    (skipped,) = read({"name": "package", "version": "1.0"})
    assert isinstance(skipped, Skipped)
    assert "ChatGPT, Claude and LibreChat" in skipped.message


def test_very_many_lines_are_refused_before_all_are_read() -> None:
    with pytest.raises(RemoteProtocolError, match="more than 10000 conversations"):
        read(b'{"messages":[]}\n' * (MOST_CONVERSATIONS + 1))
