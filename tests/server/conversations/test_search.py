"""Search in every script, for any part of a text without spaces, with the hit marked in its snippet."""

import asyncio
import json
import sqlite3
import unicodedata
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.conversations import conversation_tables, editing, importing, listing, upkeep
from server.conversations.formats.draft import Draft, DraftMessage, checked
from server.conversations.search_text import Query, indexed
from server.conversations.snippets import LENGTH, READ, WINDOW, snippet
from server.conversations.store import FILE, PRAGMAS, Store
from server.conversations.values import Change, Found
from server.sqlite_files import MEMORY, prepare, transaction

ME = "me"


def new_db() -> sqlite3.Connection:
    db = sqlite3.connect(MEMORY, isolation_level=None)
    conversation_tables.add_functions(db)
    prepare(db, None, conversation_tables.MIGRATIONS, pragmas=PRAGMAS)
    return db


def keep(db: sqlite3.Connection, id: str, *contents: str, title: str = "Chat", at: int = 1) -> None:
    messages = tuple(
        DraftMessage(id=f"m{n}", parent=f"m{n - 1}" if n else None, role="user", content=content)
        for n, content in enumerate(contents)
    )
    with transaction(db):
        importing.add(db, ME, checked(Draft(id=id, title=title, messages=messages, updated_at=at), at))


def found(db: sqlite3.Connection, text: str) -> list[Found]:
    return [one for one in listing.found(db, ME, 50, None, text).conversations if isinstance(one, Found)]


def marked(one: Found) -> list[str]:
    return [piece.text for piece in one.snippet if piece.match]


def shown(one: Found) -> str:
    return "".join(piece.text for piece in one.snippet)


CASES = json.loads((Path(__file__).parents[2] / "search-cases.json").read_text())
"""Texts with a query and the marked hit. The page's tests use the same cases (`tests/frontend/rendering`)."""

IN_WORDS = [
    *((case["text"], case["query"], case["hit"]) for case in CASES),
    (unicodedata.normalize("NFD", "대한민국헌법"), "민국", "민국"),
]


@pytest.mark.parametrize(("text", "query", "hit"), IN_WORDS)
def test_a_search_finds_and_marks_a_part_of_what_has_no_spaces(text: str, query: str, hit: str) -> None:
    with closing(new_db()) as db:
        keep(db, "c1", "nothing", text)
        keep(db, "c2", "nothing", "something else")
        keep(db, "c3", "nothing", title=text)
        in_title, in_message = sorted(found(db, query), key=lambda one: one.id, reverse=True)
        assert (in_message.id, in_message.message, in_title.id, in_title.message) == ("c1", "m1", "c3", None)
        for one in (in_message, in_title):
            assert marked(one) == [unicodedata.normalize("NFC", hit)]
        assert shown(in_message) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("你好。世界", "好界"),
        ("你好世界", "界世"),
        ("education", "cat"),
        ("Kindergarten", "garten"),
        ("กัน", "กิน"),
        ("👍", "👎"),
        ("100 apples", "200%"),
        ("nothing", "%"),
        ("nothing", "_"),
        ("nothing", "noth* OR x"),
        ("a b", '"b a"x'),
    ],
)
def test_a_search_finds_no_other_text(text: str, query: str) -> None:
    with closing(new_db()) as db:
        keep(db, "c1", text)
        assert found(db, query) == []


@pytest.mark.parametrize("query", ["%", "_", '"', "'", "*", "(", "^", "--", "++", "{}", "\\", ";", "…", "？", "-", ":"])
def test_a_search_without_a_word_finds_the_text_as_it_is(query: str) -> None:
    with closing(new_db()) as db:
        keep(db, "c1", "nothing", f"some {query} here", title="Other")
        keep(db, "c2", "nothing", title=f"in{query}title")
        keep(db, "c3", "nothing at all", title="Third")
        one, two = sorted(found(db, query), key=lambda found: found.id)
        assert (one.id, one.message, two.id, two.message) == ("c1", "m1", "c2", None)
        assert (marked(one), marked(two)) == ([query], [query])


@pytest.mark.parametrize("query", ["", " ", "\n", "\t \r"])
def test_a_search_for_nothing_finds_nothing(query: str) -> None:
    with closing(new_db()) as db:
        keep(db, "c1", "nothing at \n all")
        assert found(db, query) == []


def test_all_words_have_to_be_in_one_message() -> None:
    with closing(new_db()) as db:
        keep(db, "c1", "世界 and peace", "世界", "peace")
        keep(db, "c2", "世界", "peace")
        (one,) = found(db, "peace 世界")
        assert (one.id, one.message, marked(one)) == ("c1", "m0", ["世界", "peace"])


def test_the_newest_hit_is_shown_that_is_not_in_thinking() -> None:
    with closing(new_db()) as db:
        keep(db, "c1", "old 世界", "<think>\nno</think>new 世界", "<think>\n世界 frog</think>answer", "<think>世界")
        (one,) = found(db, "世界")
        assert (one.message, shown(one)) == ("m1", "new 世界")
        (only,) = found(db, "frog")
        assert (only.message, marked(only)) == ("m2", ["frog"])


def test_the_snippet_prefers_what_is_not_thinking() -> None:
    text = "<think>\n" + "frog " * 100 + "</think>\n\n" + "word " * 100 + "the frog " + "word " * 100
    pieces = snippet(text, Query("frog"))
    assert [piece.text for piece in pieces if piece.match] == ["frog"]
    assert "the frog word" in "".join(piece.text for piece in pieces)


def test_the_snippet_is_where_most_of_the_words_are() -> None:
    pieces = snippet("red " + "x " * 200 + "a red green blue b " + "x " * 200, Query("blue red green"))
    assert [piece.text for piece in pieces if piece.match] == ["red", "green", "blue"]
    assert pieces[0].text.startswith("…")
    assert pieces[-1].text.endswith("…")


@pytest.mark.parametrize("before", [0, 3, WINDOW - 2, WINDOW - 1, WINDOW, 5 * WINDOW + 17, READ - 200])
@pytest.mark.parametrize("thinking", ["", "<think>\n世界 frog\n</think>\n\n"])
def test_a_hit_anywhere_in_a_long_message_is_shown(before: int, thinking: str) -> None:
    text = thinking + "x" * (before - len(thinking)) + " 世界 " + "y " * 1000
    pieces = snippet(text, Query("世界"))
    assert [piece.text for piece in pieces if piece.match] == ["世界"]
    assert [piece.text[:6] for piece in pieces][-1] == " y y y"


PARTS = st.sampled_from(
    [
        "word",
        " ",
        "世",
        "界",
        "가",
        "👍",
        "🏽",
        "\u200d",
        "👩",
        "🇩",
        "🇪",
        "e",
        "\u0301",
        "กิ",
        "น",
        "\n",
        "_",
        "İ",
        "ß",
        "ﬁ",
        "\ufe0f",
    ]
)
TEXTS = st.lists(PARTS, max_size=300).map("".join)


@given(TEXTS, TEXTS.map(lambda text: text[:12]))
def test_any_snippet_is_a_part_of_the_text_and_cuts_no_character(text: str, looked_for: str) -> None:
    text = unicodedata.normalize("NFC", text)
    pieces = snippet(text, Query(looked_for))
    whole = "".join(piece.text for piece in pieces)
    part = whole.removeprefix("…").removesuffix("…")
    assert part in text
    assert len(whole) <= 2 * LENGTH + 2 or any(len(piece.text) > LENGTH for piece in pieces)
    begins = [piece.text[0] for piece in pieces if piece.text != "…"]
    if not text.startswith(part):
        assert unicodedata.category(part[0]) not in ("Mn", "Me", "Mc")
    assert not any(begin in "🏽\u200d\ufe0f" for begin in begins[1:] if begin != "…")


@given(st.lists(st.tuples(st.sampled_from("ab"), TEXTS), max_size=12))
def test_the_index_is_whole_after_any_edits(edits: list[tuple[str, str]]) -> None:
    with closing(new_db()) as db:
        keep(db, "a", "first")
        keep(db, "b", "first")
        for id, text in edits:
            db.execute(
                "UPDATE messages SET content = ? WHERE conversation = (SELECT key FROM conversations WHERE id = ?)",
                (text, id),
            )
            editing.change(db, ME, id, Change(title=text[:200]))
        db.execute("DELETE FROM conversations")
        for table in ("message_words", "title_words"):
            db.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
            db.execute(f"CREATE VIRTUAL TABLE temp.v_{table} USING fts5vocab(main, {table}, instance)")
            assert db.execute(f"SELECT count(*) FROM v_{table}").fetchone() == (0,)


@given(TEXTS, st.integers(0, 300), st.integers(1, 8))
def test_any_part_of_a_text_without_spaces_is_found(text: str, begin: int, length: int) -> None:
    text = "".join(char for char in unicodedata.normalize("NFC", text) if char in "世界가กิน👍👩")
    part = text[begin % (len(text) + 1) :][:length]
    if part and Query(part).match:
        with closing(new_db()) as db:
            db.execute("INSERT INTO message_words (rowid, content) VALUES (1, ?)", (indexed(text),))
            query = Query(part)
            assert db.execute("SELECT rowid FROM message_words WHERE message_words MATCH ?", (query.match,)).fetchall()
            assert query.is_in(text)


def test_deleted_and_restored_messages_are_found_when_they_are_there() -> None:
    with closing(new_db()) as db:
        keep(db, "c1", "你好", "世界")
        editing.delete_message(db, ME, "c1", "m1", 5)
        assert found(db, "世界") == []
        editing.restore_message(db, ME, "c1", "m1", 6)
        assert [one.message for one in found(db, "世界")] == ["m1"]
        editing.delete(db, ME, "c1", 7)
        assert found(db, "世界") == []
        editing.restore(db, ME, "c1")
        assert len(found(db, "世界")) == 1
        editing.delete(db, ME, "c1", 7)
        assert upkeep.purge(db, 8 + upkeep.KEPT_MS).deleted > 0
        keep(db, "c1", "再见")
        assert found(db, "世界") == []
        assert len(found(db, "见")) == 1


def earlier(path: Path) -> None:
    """Return a file of the first version: one index of words, kept up to date by its triggers."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.executescript(f"BEGIN; {conversation_tables.MIGRATIONS[0]} PRAGMA user_version = 1; COMMIT;")
        add = (
            "INSERT INTO conversations (principal, id, title, created_at, updated_at, settings) VALUES (?,?,?,1,1,'{}')"
        )
        say = "INSERT INTO messages (conversation, id, role, content, created_at, state) VALUES (?,?,'user',?,1,'done')"
        for id, title, content in (("c1", "Frogs", "你好世界"), ("c2", "大世界", "Plain words")):
            key = db.execute(add, (ME, id, title)).lastrowid
            db.execute(say, (key, "m1", content))
            db.execute("INSERT INTO message_words (rowid, content) VALUES (last_insert_rowid(), ?)", (content,))


@pytest.fixture
async def upgraded(tmp_path: Path) -> AsyncIterator[Store]:
    earlier(tmp_path / FILE)
    store = Store(tmp_path)
    yield store
    await asyncio.to_thread(store.close)


async def test_text_of_an_earlier_version_is_found(upgraded: Store) -> None:
    page = await upgraded.submit(listing.found, ME, 10, None, "世界")
    assert sorted(one.id for one in page.conversations) == ["c1", "c2"]
    (words,) = (await upgraded.submit(listing.found, ME, 10, None, "plain")).conversations
    assert words.id == "c2"
    await upgraded.submit(editing.delete, ME, "c1", 1)
    assert await upgraded.submit(upkeep.purge, 2 + upkeep.KEPT_MS) == (1, 0)
    page = await upgraded.submit(listing.found, ME, 10, None, "世界")
    assert [one.id for one in page.conversations] == ["c2"]
