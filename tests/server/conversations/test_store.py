"""The conversation store's file."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.conversations import editing, listing, reading, turns, upkeep
from server.conversations.store import FILE, ConversationsError, Store, StoreStatus
from server.conversations.values import Change, ConversationSettings, NewConversation

ME = "me"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = Store(tmp_path)
    yield store
    await asyncio.to_thread(store.close)


async def test_conversations_survive_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    new = NewConversation(id="c1", title="One", settings=ConversationSettings(system="Be brief"))
    kept, is_new = await store.submit(editing.create, ME, new, 1000)
    store.close()
    assert is_new
    again = Store(tmp_path)
    assert await again.submit(reading.whole, ME, "c1") == kept
    again.close()
    again.close()


async def test_in_memory_it_works_too() -> None:
    store = Store(None)
    await store.submit(editing.create, ME, NewConversation(id="c1"), 1000)
    assert (await store.submit(reading.whole, ME, "c1")).created_at == 1000
    store.close()


async def test_another_users_are_as_if_they_were_not_there(store: Store) -> None:
    await store.submit(editing.create, ME, NewConversation(id="c1"), 1)
    for work in (reading.whole, editing.restore):
        with pytest.raises(RemoteProtocolError) as theirs:
            await store.submit(work, "you", "c1")
        with pytest.raises(RemoteProtocolError) as nobodys:
            await store.submit(work, ME, "c2")
        assert theirs.value.as_message().message == nobodys.value.as_message().message.replace("c2", "c1")
    assert (await store.submit(listing.listed, "you", 10, None)).conversations == ()
    _, is_new = await store.submit(editing.create, "you", NewConversation(id="c1"), 2)
    assert is_new


async def test_a_piece_of_work_that_fails_leaves_nothing_behind(store: Store) -> None:
    def half(db: sqlite3.Connection) -> None:
        editing.create(db, ME, NewConversation(id="c1"), 1)
        raise RemoteProtocolError(ErrorCode.INTERNAL, "no")

    with pytest.raises(RemoteProtocolError, match="no"):
        await store.submit(half)
    assert (await store.submit(listing.listed, ME, 10, None)).conversations == ()


async def test_a_full_disk_is_reported_and_forgotten_when_there_is_room(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await store.submit(editing.create, ME, NewConversation(id="c1"), 1)
    await store.submit(lambda db: db.execute("PRAGMA max_page_count = 1").fetchall())
    long = NewConversation(settings=ConversationSettings(system="x" * 200_000))
    with caplog.at_level(logging.ERROR), pytest.raises(RemoteProtocolError) as caught:
        await store.submit(editing.create, ME, long, 1)
    assert (caught.value.code, caught.value.retryable) == (ErrorCode.STORAGE_FAILED, True)
    assert "is the disk full?" in caught.value.message
    assert "full" in str(store.status.error)
    await store.submit(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchall())
    await store.submit(editing.create, ME, long, 1)
    assert store.status == StoreStatus("ok")


def test_a_second_server_is_kept_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(ConversationsError, match="another server uses this folder"):
        Store(tmp_path)
    store.close()


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(ConversationsError, match="newer StreamUI"):
        Store(tmp_path)
    with pytest.raises(ConversationsError, match="newer StreamUI"):  # and the folder is free again
        Store(tmp_path)


def test_a_broken_file_is_moved_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / FILE).write_bytes(b"rubbish" * 1000)
    Store(tmp_path).close()
    (aside,) = tmp_path.glob("conversations-broken-*")
    assert aside.read_bytes() == b"rubbish" * 1000
    assert "was moved to" in caplog.text


def test_a_folder_that_cant_be_written_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConversationsError, match="nothing can be written there"):
        Store(tmp_path / "gone")


async def test_an_unused_conversation_is_purged_after_a_day(store: Store) -> None:
    for id in ("unused", "pinned", "used"):
        await store.submit(editing.create, ME, NewConversation(id=id), 1000)
    await store.submit(editing.create, ME, NewConversation(id="named", title="Frogs"), 1000)
    await store.submit(editing.change, ME, "pinned", Change(pinned=True))
    body = Generate(id="g1", conversation="used", content="\u0000")
    turn = await store.submit(turns.turn, ME, body)
    await store.submit(turns.begin, ME, body, turn, "m1", 1000)
    assert await store.submit(upkeep.purge, 999 + upkeep.UNUSED_MS) == (0, 0)
    assert (await store.submit(reading.whole, ME, "unused")).messages == ()
    assert await store.submit(upkeep.purge, 1000 + upkeep.UNUSED_MS) == (0, 1)
    with pytest.raises(RemoteProtocolError, match="no conversation 'unused'"):
        await store.submit(reading.whole, ME, "unused")
    assert {c.id for c in (await store.submit(listing.listed, ME, 10, None)).conversations} == {
        "pinned",
        "used",
        "named",
    }


async def test_deleted_rows_are_purged_after_an_hour(store: Store) -> None:
    for id in ("c1", "c2"):
        await store.submit(editing.create, ME, NewConversation(id=id, title=id), 1)
    removed = await store.submit(editing.delete, ME, "c1", 1000)
    assert removed.answer.restore_until == 1000 + upkeep.KEPT_MS
    assert await store.submit(upkeep.purge, 999 + upkeep.KEPT_MS) == (0, 0)
    assert (await store.submit(editing.restore, ME, "c1")).summary.id == "c1"
    await store.submit(editing.delete, ME, "c1", 1000)
    assert await store.submit(upkeep.purge, 1000 + upkeep.KEPT_MS) == (1, 0)
    with pytest.raises(RemoteProtocolError, match="no conversation 'c1'"):
        await store.submit(editing.restore, ME, "c1")
    assert [c.id for c in (await store.submit(listing.listed, ME, 10, None)).conversations] == ["c2"]


async def test_the_list_is_the_same_read_page_by_page(store: Store) -> None:
    for number in range(25):
        new = NewConversation(id=f"c{number}", title=f"Frog {number}")
        await store.submit(editing.create, ME, new, number // 3)
        if number % 7 == 0:
            await store.submit(editing.change, ME, f"c{number}", Change(pinned=True))
    whole = await store.submit(listing.listed, ME, 100, None)
    for find in ((), ("frog",)):
        found, before = [], None
        while True:
            work = listing.found if find else listing.listed
            page = await store.submit(work, ME, 4, before, *find)
            found += [c.id for c in page.conversations]
            if page.next is None:
                break
            before = listing.cursor_of(page.next)
        assert found == [c.id for c in whole.conversations]
    assert [c.pinned for c in whole.conversations] == [True] * 4 + [False] * 21


@pytest.mark.parametrize(
    "text", ['"', "*", "a OR b", "NEAR(a b)", "title: x", "^x", "-", "a" * 1000, "ß", "'", "(", "日本"]
)
async def test_a_search_is_words_and_no_language(store: Store, text: str) -> None:
    await store.submit(listing.found, ME, 10, None, text)


async def test_a_search_finds_words_by_their_beginning_whatever_their_accents(store: Store) -> None:
    await store.submit(editing.create, ME, NewConversation(id="c1", title="Crème brûlée"), 1)
    for text in ("creme", "BRUL", "brulee crème"):
        (found,) = (await store.submit(listing.found, ME, 10, None, text)).conversations
        assert found.id == "c1"
    assert (await store.submit(listing.found, ME, 10, None, "creme nothing")).conversations == ()
