"""The client without asyncio: its loop and the server each run in another thread."""

import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from protocol.client import ClosedError, DisconnectedError, RequestError
from protocol.messages import Accepted, Done, DoneReason
from protocol.sync_client import SyncChat, connect_sync
from server.generations.ownership import LOCAL
from tests.protocol.threaded import serving_in_a_thread
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with serving_in_a_thread(ScriptedModel()) as server:
        yield server


@pytest.fixture
def chat(server: RunningServer) -> Iterator[SyncChat]:
    before = set(threading.enumerate())
    with connect_sync(f"ws://127.0.0.1:{server.port}/ws") as chat:
        yield chat
    assert not [thread for thread in set(threading.enumerate()) - before if "asyncio" not in thread.name]


def test_an_answer_comes_in_pieces(chat: SyncChat) -> None:
    generation = chat.generate("Hi", seed=3)
    text = "".join(piece.text for piece in generation)
    assert text == generation.text != ""
    assert generation.done(DEADLINE).chars == len(text)
    events = list(generation.events())
    assert isinstance(events[0], Accepted)
    assert isinstance(events[-1], Done)


def test_several_at_once_status_ping_and_attach(chat: SyncChat) -> None:
    first, second = chat.generate("Hi", id="g1"), chat.generate("Ho")
    assert second.done().reason is first.done().reason is DoneReason.STOP
    again = chat.attach("g1")
    assert again.done() == first.done()
    assert again.bookmark == first.bookmark == ("g1", first.bookmark.epoch, first.bookmark.after, first.text)
    assert chat.status("g1").id == "g1"
    assert chat.ping(DEADLINE) >= 0
    assert chat.welcome.model.name == "Scripted"


def test_a_draft_is_read_before_it_is_sent(server: RunningServer, chat: SyncChat) -> None:
    chat.generate("Hello", max_tokens=1).done()
    chat.draft("Tell me all about frogs")
    end = time.monotonic() + DEADLINE
    while not (server.engine.stats().draft_tokens and server.engine._batcher.drafts_idle):
        assert time.monotonic() < end
        time.sleep(0.001)
    assert chat.generate("Tell me all about frogs", max_tokens=1).done().usage.cached_tokens > 20


def test_errors_and_time_limits(server: RunningServer, chat: SyncChat) -> None:
    with pytest.raises(RequestError):
        chat.generate("Hi", temperature=3)
    with pytest.raises(RequestError):
        list(chat.generate("x" * 5000))
    server.model.gate.close()
    generation = chat.generate("Hi")
    with pytest.raises(TimeoutError):
        generation.done(0.01)
    server.model.gate.open()
    assert generation.done(DEADLINE).reason is DoneReason.STOP


def test_cancel_from_another_thread(server: RunningServer, chat: SyncChat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi")
    server.model.gate.step(12)
    pieces = iter(generation)
    next(pieces)
    stopper = threading.Thread(target=generation.cancel)
    stopper.start()
    list(pieces)  # ends because of it
    stopper.join(DEADLINE)
    assert generation.done().reason is DoneReason.CANCELLED


def test_ctrl_c_in_a_loop_stops_the_answer(server: RunningServer, chat: SyncChat) -> None:
    server.model.gate.close()
    generation = chat.generate("Hi")

    main = threading.main_thread().ident or 0

    def press() -> None:
        server.model.gate.wait_until_held(DEADLINE)
        while "__next__" not in called_on(main) or "result" not in called_on(main):
            pass
        signal.pthread_kill(main, signal.SIGINT)

    finger = threading.Thread(target=press)
    finger.start()
    with pytest.raises(KeyboardInterrupt):
        list(generation)
    finger.join()
    assert generation.done(DEADLINE).reason is DoneReason.CANCELLED


def called_on(thread: int) -> list[str]:
    """Return the functions on the stack of ``thread``, innermost first."""
    frame, names = sys._current_frames().get(thread), []
    while frame:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names


def test_ctrl_c_anywhere_else_stops_it_too(server: RunningServer) -> None:
    server.model.gate.close()
    with pytest.raises(KeyboardInterrupt), connect_sync(f"ws://127.0.0.1:{server.port}/ws") as chat:
        generation = chat.generate("Hi", id="g1")
        raise KeyboardInterrupt
    log = server.registry.get(generation.id, re="test", principal=LOCAL).log
    assert log.done is not None
    assert log.done.reason is DoneReason.CANCELLED


def test_leaving_ends_what_other_threads_wait_for(server: RunningServer) -> None:
    server.model.gate.close()
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            generation.done()
        except ClosedError as problem:
            ended.append(problem)

    with connect_sync(f"ws://127.0.0.1:{server.port}/ws") as chat:
        generation = chat.generate("Hi")
        next(generation.events())
        waiter = threading.Thread(target=wait)
        waiter.start()
    waiter.join(DEADLINE)
    assert len(ended) == 1
    for late in (generation.done, generation.cancel, chat.ping):
        with pytest.raises(ClosedError):
            late()
    generation.stop()
    assert generation.bookmark.id == generation.id


def test_nobody_there(server: RunningServer) -> None:
    before = set(threading.enumerate())
    with pytest.raises(DisconnectedError), connect_sync("ws://127.0.0.1:1/ws"):
        pass
    assert set(threading.enumerate()) <= before
