"""Files of conversations: ours, llama-server's, Open WebUI's, and hostile ones."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import DoneReason, Params
from server.conversations.formats import markdown, recognise, streamui_json
from server.conversations.formats.draft import MOST_MESSAGES, Draft
from server.conversations.formats.recognise import Skipped, read_json, read_markdown
from server.conversations.values import ConversationSettings, Message, MessageState, Whole

NOW = 1_764_000_000_000


def read(value: Any) -> list[Draft | Skipped]:
    return list(read_json(json.dumps(value).encode(), NOW))


def one(value: Any) -> Draft:
    (draft,) = read(value)
    assert isinstance(draft, Draft), draft
    return draft


def said(draft: Draft) -> list[tuple[str, str | None, str, str]]:
    return [(m.id, m.parent, m.role, m.content) for m in draft.messages]


def message(id: str, parent: str | None, role: str = "user", content: str = "x", **more: Any) -> Message:
    fields = {"created_at": 5, "state": MessageState.DONE, "generation": None, **more}
    return Message(id=id, parent=parent, role=role, content=content, **fields)  # type: ignore[arg-type]


WHOLE = Whole(
    id="c1",
    title="Frogs",
    created_at=1,
    updated_at=2,
    pinned=True,
    version=9,
    writing=("g9",),
    settings=ConversationSettings(system="Be --> brief", params=Params(temperature=0.5)),
    leaf="m4",
    messages=(
        message("m1", None, content="What\n<!-- streamui:message {} -->\n\\<!-- streamui:x\n## User\n\n"),
        message("m2", "m1", "assistant", "One", reason=DoneReason.STOP, model="starter", generation="m2"),
        message("m3", "m1", "assistant", "", state=MessageState.WRITING, generation="g9"),
        message("m4", "m2", content=""),
    ),
)


def test_own_export_is_imported_unchanged() -> None:
    draft = one(json.loads(streamui_json.exported(WHOLE)))
    assert (draft.id, draft.title, draft.pinned, draft.leaf) == ("c1", "Frogs", True, "m4")
    assert (draft.created_at, draft.updated_at, draft.settings) == (1, 2, WHOLE.settings)
    assert said(draft) == [(m.id, m.parent, m.role, m.content) for m in WHOLE.messages]
    assert [m.state for m in draft.messages] == ["done", "done", "interrupted", "done"]
    assert (draft.messages[1].about.reason, draft.messages[1].about.model) == (DoneReason.STOP, "starter")


async def test_own_export_of_all_conversations_is_one_file() -> None:
    async def wholes(*some: Whole) -> AsyncIterator[Whole]:
        for whole in some:
            await asyncio.sleep(0)
            yield whole

    for count in (0, 1, 3):
        text = "".join([part async for part in streamui_json.exported_all(wholes(*[WHOLE] * count))])
        assert json.loads(text)["format"] == "streamui.conversations"
        assert len(read(json.loads(text))) == count


def test_own_export_of_a_later_version_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="version 2 of the format; this StreamUI reads version 1"):
        read({"format": "streamui.conversations", "version": 2, "conversations": []})


def test_the_branch_that_is_shown_comes_back_from_markdown() -> None:
    text = markdown.exported(WHOLE)
    assert text.startswith("<!-- streamui:conversation ")
    assert "\n# Frogs\n" in text
    (draft,) = read_markdown(text, NOW)
    assert isinstance(draft, Draft)
    assert (draft.title, draft.settings.system, draft.created_at) == ("Frogs", "Be --> brief", 1)
    assert [(m.role, m.content) for m in draft.messages] == [
        (m.role, m.content) for m in WHOLE.messages if m.id != "m3"
    ]


PARTS = ["\\", "<!-- streamui:", "\n", "message {} -->", "## User", "x", "\r", "\0"]
CONTENT = st.lists(st.sampled_from(PARTS)).map("".join)


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), CONTENT)))
def test_any_text_comes_back_from_markdown(turns: list[tuple[str, str]]) -> None:
    messages = [message(f"m{at}", f"m{at - 1}" if at else None, *turn) for at, turn in enumerate(turns)]
    text = markdown.exported(
        Whole(
            id="c",
            title="",
            created_at=1,
            updated_at=1,
            pinned=False,
            version=1,
            writing=(),
            settings=ConversationSettings(),
            leaf=messages[-1].id if messages else None,
            messages=tuple(messages),
        )
    )
    (draft,) = read_markdown(text, NOW)
    assert isinstance(draft, Draft)
    assert [(m.role, m.content) for m in draft.messages] == turns


LLAMA: dict[str, Any] = {
    "conv": {"id": "0f6e-1", "name": "Sums", "lastModified": 1704067200000, "currNode": "a1"},
    "messages": [
        {
            "id": "r",
            "convId": "0f6e-1",
            "type": "root",
            "timestamp": 1,
            "role": "system",
            "content": "",
            "parent": None,
        },
        {"id": "s", "type": "system", "timestamp": 2, "role": "system", "content": "Be brief", "parent": "r"},
        {
            "id": "u1",
            "type": "text",
            "timestamp": 3,
            "role": "user",
            "content": "2+2?",
            "parent": "s",
            "children": ["a1"],
        },
        {
            "id": "a1",
            "type": "text",
            "timestamp": 4,
            "role": "assistant",
            "content": "4",
            "parent": "u1",
            "thinking": "Hm",
            "model": "llama",
            "timings": {"predicted_n": 5},
        },
        {"id": "a2", "type": "text", "timestamp": 5, "role": "assistant", "content": "Four", "parent": "u1"},
        {"id": "t", "type": "text", "timestamp": 6, "role": "tool", "content": "{}", "parent": "a2"},
        {
            "id": "u2",
            "type": "text",
            "timestamp": 7,
            "role": "user",
            "content": "Why?",
            "parent": "t",
            "extra": [
                {"type": "textFile", "name": "a.txt", "content": "A"},
                {"type": "imageFile", "base64Url": "data:"},
            ],
        },
    ],
}


@pytest.mark.parametrize("file", [LLAMA, [LLAMA]])
def test_llama_servers(file: Any) -> None:
    draft = one(file)
    assert (draft.id, draft.title, draft.leaf, draft.updated_at) == ("0f6e-1", "Sums", "a1", 1704067200000)
    assert draft.settings.system == "Be brief"
    assert said(draft) == [
        ("u1", None, "user", "2+2?"),
        ("a1", "u1", "assistant", "<think>\nHm\n</think>\n\n4"),
        ("a2", "u1", "assistant", "Four"),
        ("u2", "a2", "user", "Why?\n\n--- a.txt ---\nA"),
    ]
    assert draft.messages[1].about.model == "llama"


def test_llama_servers_with_numbers_as_ids() -> None:
    messages = [
        {"id": 1, "type": "root", "role": "system", "content": "", "parent": -1},
        {"id": 2, "role": "user", "content": "Hi", "parent": 1},
        {"id": 3.0, "role": "assistant", "content": "Hello", "parent": 2},
    ]
    draft = one({"conv": {"id": "conv-1", "name": "Hi", "lastModified": 3, "currNode": 3}, "messages": messages})
    assert said(draft) == [("2", None, "user", "Hi"), ("3", "2", "assistant", "Hello")]
    assert (draft.id, draft.leaf) == ("conv-1", "3")


def test_a_dialogue_without_branches() -> None:
    dialogue = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]
    draft = one({"id": "conv-2", "lastModified": 3, "messages": dialogue})
    assert [(m.role, m.content) for m in draft.messages] == [("user", "Hi")]
    assert draft.settings.system == "S"


CHAT: dict[str, Any] = {
    "title": "Frogs",
    "models": ["m"],
    "params": {"system": "Be brief"},
    "history": {
        "currentId": "b",
        "messages": {
            "a": {
                "id": "a",
                "parentId": None,
                "childrenIds": ["b"],
                "role": "user",
                "content": "Hi",
                "timestamp": 1700000000,
            },
            "b": {"id": "b", "parentId": "a", "childrenIds": [], "role": "assistant", "content": "Hello", "model": "m"},
            "c": {"id": "c", "parentId": "a", "role": "assistant", "content": [{"type": "text", "text": "Yo"}, {}]},
        },
    },
}
OUTER = {"id": "w1", "user_id": "u", "title": "Frogs!", "chat": CHAT, "created_at": 1700000000, "pinned": True}


@pytest.mark.parametrize(
    ("file", "title", "id"), [(OUTER, "Frogs!", "w1"), ([OUTER], "Frogs!", "w1"), (CHAT, "Frogs", None)]
)
def test_open_webuis(file: Any, title: str, id: str | None) -> None:
    draft = one(file)
    assert (draft.id, draft.title, draft.leaf, draft.settings.system) == (id, title, "b", "Be brief")
    assert said(draft) == [("a", None, "user", "Hi"), ("b", "a", "assistant", "Hello"), ("c", "a", "assistant", "Yo")]
    assert draft.messages[0].created_at == 1_700_000_000_000
    assert draft.pinned is (id is not None)


# --- hostile ones ---


def ours_of(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "Bad", "settings": {}, "messages": messages, **more}


def m(id: str, parent: str | None, **more: Any) -> dict[str, Any]:
    return {"id": id, "parent": parent, "role": "user", "content": "x", **more}


BAD: list[tuple[dict[str, Any], str]] = [
    (ours_of(m("a", "b"), m("b", "a")), "message 'a' is below itself"),
    (ours_of(m("a", "a")), "message 'a' is below itself"),
    (ours_of(m("a", "no")), "message 'a' has the parent 'no', which is missing"),
    (ours_of(m("a", None), m("a", None)), "two of its messages have the id 'a'"),
    (ours_of(m("a", None, role="admin")), "message 'a' has the role 'admin'"),
    (ours_of(m("a", None, content=5)), "it can't be read: Expected `str`, got `int` - at `$.messages[0].content`"),
    (ours_of({"id": "a"}), "it can't be read: Object missing required field"),
    (ours_of(m("a", None, state="thinking")), "it can't be read: Invalid enum value 'thinking'"),
    (ours_of(messages={}), "it can't be read: Expected `array`, got `object` - at `$.messages`"),
    (ours_of(settings={"params": {"temperature": 99}}), "it can't be read: Expected `float` <= 2.0"),
    (ours_of(settings={"system": "x" * 300_000}), "its system prompt has 300000 characters; the maximum is 262144"),
    ({"title": "Bad"}, "its format is not known"),
    ({"title": "Bad", "chat": []}, "it can't be read: Expected `object`, got `array` - at `$.chat`"),
    ({"title": "Bad", "history": {"messages": {"a": {"role": "user", "content": 5}}}}, "it can't be read: Expected"),
    (
        {"conv": {"name": "Bad"}, "messages": [{"id": None, "role": "user", "content": "", "parent": 7}]},
        "message '' has the parent",
    ),
]


@pytest.mark.parametrize(("bad", "why"), BAD)
def test_a_bad_one_is_named_and_costs_no_other(bad: dict[str, Any], why: str) -> None:
    good = ours_of(m("a", None))
    first, skipped, last = read([good, bad, good])
    assert isinstance(first, Draft)
    assert isinstance(last, Draft)
    assert isinstance(skipped, Skipped)
    assert (skipped.index, skipped.title) == (1, "Bad")
    assert skipped.message.startswith(why)


def test_items_that_are_no_conversations() -> None:
    results = read([1, None, [], "x", {}])
    assert [type(result) for result in results] == [Skipped] * 5


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", ErrorCode.BAD_JSON),
        (b"hello", ErrorCode.BAD_JSON),
        (b"\xff\xfe", ErrorCode.BAD_JSON),
        (b"5", ErrorCode.BAD_JSON),
        (b"[" * 100_000, ErrorCode.BAD_JSON),
        (b"[{}", ErrorCode.BAD_JSON),
        (b'{"conversations":5,"version":1}', ErrorCode.BAD_JSON),
        (b'{"conversations":[],"version":"x"}', ErrorCode.BAD_JSON),
        (b"[" + b"{}," * 10_000 + b"{}]", ErrorCode.INVALID_FIELD),
    ],
)
def test_files_without_conversations_are_refused(body: bytes, code: ErrorCode) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        list(read_json(body, NOW))
    assert caught.value.code == code


def test_conversation_nested_too_deep_is_skipped_or_refused() -> None:
    deep = "[" * 200_000 + "]" * 200_000
    body = f'[{{"title":"Bad","settings":{{}},"messages":[],"x":{deep}}}]'.encode()
    try:
        results = list(read_json(body, NOW))
    except RemoteProtocolError as problem:
        assert problem.code == ErrorCode.BAD_JSON
    else:
        assert [type(result) for result in results] == [Skipped]


def test_half_a_character_is_read_as_none() -> None:
    good = json.dumps(ours_of(m("a", None, content="ABC")))
    text = good.replace("ABC", r"\ud800 \\ud800 \ud83d\ude42 \\\udc00 \udc00\ud83d").replace("Bad", r"\ud83d")
    (draft,) = read_json(text.encode(), NOW)
    assert isinstance(draft, Draft)
    assert draft.messages[0].content == "\ufffd \\ud800 \U0001f642 \\\ufffd \ufffd\ufffd"


@given(
    st.lists(st.sampled_from([r"\ud83d", r"\ude42", r"\\", r"\"", '",', '"', "x", r"\u4e16", r"\\ud800"]), max_size=60),
    st.integers(1, 9),
)
def test_half_characters_are_found_in_pieces_as_in_the_whole(parts: list[str], piece: int) -> None:
    body = "".join(parts).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recognise, "PIECE", piece)
        in_pieces = recognise.whole_characters(body)
    assert in_pieces == recognise.whole_characters(body)


def test_a_nul_and_odd_ids_and_times_are_taken() -> None:
    draft = one(ours_of(m("a b", None, content="x\0y"), m("\u202e", "a b", created_at=2**53 - 1), leaf="no", id="../x"))
    assert draft.messages[0].content == "x\0y"
    assert draft.id is None
    assert draft.leaf == draft.messages[1].id != "\u202e"
    assert draft.messages[1].parent == draft.messages[0].id != "a b"


def test_100_000_messages_are_taken_and_one_more_is_not() -> None:
    chain = [m(f"m{n}", f"m{n - 1}" if n else None) for n in range(MOST_MESSAGES + 1)]
    assert len(one(ours_of(*chain[:-1])).messages) == MOST_MESSAGES
    (skipped,) = read(ours_of(*chain))
    assert isinstance(skipped, Skipped)
    assert "the maximum is 100000" in skipped.message


@pytest.mark.parametrize(
    "text", ["", "# Hello", "<!-- streamui:message {} -->\n", "<!-- streamui:conversation {x} -->\n"]
)
def test_markdown_that_is_not_ours(text: str) -> None:
    (skipped,) = read_markdown(text, NOW)
    assert isinstance(skipped, Skipped)
