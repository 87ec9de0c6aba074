"""Stop, the queue and the end of an upstream writer."""

import threading
from collections import Counter

from server.engine.base import Finished, FinishReason, GenerationRequest, Phase, Queued, SamplingParams
from server.writers.upstream.answer import Answer
from server.writers.upstream.asked import Asked
from server.writers.upstream.kinds import KINDS
from server.writers.upstream.waiting import Waiting
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
        desk.news.queued("c", 2)
        desk.writer.cancel("b", 0)
        assert desk.news.finished("b").phase is Phase.QUEUED
        desk.news.queued("c", 1)
        llama.release()
        assert [desk.news.finished(id).reason for id in "ac"] == [FinishReason.STOP] * 2


def test_many_answers_that_wait_are_told_each_position_once(llama: Scripted) -> None:
    llama.plan = lambda seen: Reply(hold=1)
    count = 1500
    with writing(llama, slots=1) as desk:
        for number in range(count + 1):
            desk.ask(f"a{number}")
        desk.news.queued(f"a{count}", count)
        for number in range(1, count + 1):
            assert desk.news.of(f"a{number}") == [Queued(f"a{number}", number)]


def test_principals_take_turns_in_the_order_that_their_positions_say() -> None:
    waiting = Waiting()
    for id in ("a1", "a2", "b1", "a3", "c1", "b2"):
        request = GenerationRequest(id=id, prompt=(), sampling=SamplingParams(), received=0, principal=id[0])
        waiting.add(Answer(request, Asked(model="m"), KINDS["vllm"]))
    running = Counter({"c": 1})
    positions = {each.position: each.id for each in waiting.moved(running)}
    assert list(waiting.moved(running)) == []
    order = []
    while len(waiting):
        order.append(waiting.take(running).id)
        running[order[-1][0]] += 1
    assert order == [positions[position] for position in range(1, 7)] == ["a1", "b1", "a2", "c1", "b2", "a3"]


def test_closing_interrupts_every_answer(llama: Scripted) -> None:
    llama.plan = lambda seen: Reply(hold=1)
    with writing(llama, slots=1) as desk:
        desk.ask("a")
        desk.ask("b")
        desk.news.pieces("a", 1)
    assert [desk.news.finished(id).reason for id in "ab"] == [FinishReason.INTERRUPTED] * 2
