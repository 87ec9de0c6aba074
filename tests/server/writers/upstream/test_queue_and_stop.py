"""Stop, the queue and the end of an upstream writer."""

import threading

from server.engine.base import Finished, FinishReason, Phase, Queued
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import Reply
from tests.server.writers.upstream.writing import DEADLINE, Writing, writing


def test_stop_closes_the_connection_and_is_confirmed_when_the_slot_is_free(llama: Scripted, desk: Writing) -> None:
    llama.plan, llama.busy = lambda seen: Reply(hold=2), 1
    desk.ask("a")
    desk.news.pieces("a", 2)
    desk.writer.cancel("a", 0)
    assert llama.left.wait(DEADLINE)
    for _ in range(3):
        assert llama.looked.acquire(timeout=DEADLINE)
    assert not any(isinstance(each, Finished) for each in desk.news.of("a"))
    llama.busy = 0
    ended = desk.news.finished("a")
    assert (ended.reason, ended.usage.completion_tokens) == (FinishReason.CANCELLED, 2)
    assert ended.timings.stop is not None


def test_stop_at_once_ends_the_answer_and_frees_its_place(llama: Scripted) -> None:
    """The requests and their cancels come in one turn of the loop, before any task has run."""
    with writing(llama, slots=2) as desk:
        resume = threading.Event()
        desk.writer._loop.call_soon_threadsafe(resume.wait, DEADLINE)
        for number in range(5):
            desk.ask(f"a{number}")
            desk.writer.cancel(f"a{number}", 0)
        resume.set()
        ended = [desk.news.finished(f"a{number}") for number in range(5)]
        assert {(each.reason, each.phase) for each in ended} == {(FinishReason.CANCELLED, Phase.QUEUED)}
        desk.ask("b")
        assert desk.news.finished("b").reason is FinishReason.STOP
        assert desk.writer.stats().running == 0


def test_stop_behind_an_upstream_that_does_not_tell_has_no_time() -> None:
    with Scripted("vllm", lambda seen: Reply(hold=2)) as scripted, writing(scripted) as desk:
        assert not desk.writer.known.confirms_stop
        desk.ask("a")
        desk.news.pieces("a", 2)
        desk.writer.cancel("a", 0)
        assert scripted.left.wait(DEADLINE)
        ended = desk.news.finished("a")
        assert (ended.reason, ended.timings.stop) == (FinishReason.CANCELLED, None)


def test_more_requests_than_slots_wait_with_their_position(llama: Scripted) -> None:
    llama.plan = lambda seen: Reply(hold=1)
    with writing(llama, slots=1) as desk:
        for id in "abc":
            desk.ask(id)
        desk.news.pieces("a", 1)
        assert Queued("c", 2) in desk.news.of("c")
        desk.writer.cancel("b", 0)
        assert desk.news.finished("b").phase is Phase.QUEUED
        llama.release()
        assert [desk.news.finished(id).reason for id in "ac"] == [FinishReason.STOP] * 2
        assert Queued("c", 1) in desk.news.of("c")


def test_closing_interrupts_every_answer(llama: Scripted) -> None:
    llama.plan = lambda seen: Reply(hold=1)
    with writing(llama, slots=1) as desk:
        desk.ask("a")
        desk.ask("b")
        desk.news.pieces("a", 1)
    assert [desk.news.finished(id).reason for id in "ab"] == [FinishReason.INTERRUPTED] * 2
