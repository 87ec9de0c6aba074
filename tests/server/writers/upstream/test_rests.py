"""The rests of an upstream writer's loop, in which tokens gather."""

import threading

import pytest

from server.engine.base import Finished, FinishReason, Piece
from server.writers.upstream.rest import FAST, LONG_REST, SHORT_REST, Rest
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import Reply
from tests.server.writers.upstream.writing import DEADLINE, writing

FOREVER = 10 * DEADLINE


class Timed:
    """Rests by a clock of the test. ``rest``: for ``ids``, whose text comes."""

    def __init__(self, *ids: str) -> None:
        self.rest = Rest()
        self.now = 1000.0
        for id in ids:
            self.rest.allow(id)

    def after(self, interval: float, answers: int = 1) -> list[float]:
        """Return the rests of a second in which each of ``answers`` has a token every ``interval`` seconds."""
        found = []
        for _ in range(int(1 / interval)):
            self.now += interval
            found.append(self.rest.after(answers, self.now))
        return found


@pytest.mark.parametrize("ids", ["a", "abcde"])
def test_the_rest_is_long_only_if_tokens_come_faster_than_pictures(ids: str) -> None:
    timed = Timed(*ids)
    assert timed.after(FAST / 2, len(ids))[-1] == LONG_REST
    assert timed.rest.before() == 0
    assert timed.after(FAST * 2, len(ids))[-1] == 0
    assert timed.rest.before() == (SHORT_REST if len(ids) > 1 else 0)


def test_a_rest_is_long_only_once_the_tokens_were_counted() -> None:
    timed = Timed("a")
    timed.after(FAST * 2)
    rests = timed.after(FAST / 2)
    assert rests.index(LONG_REST) > 3
    timed.rest.forget("a")
    assert timed.after(FAST / 2)[-1] == 0
    timed.rest.allow("a")
    timed.now += 1000
    assert set(timed.after(FAST * 2)) == {0}


def test_a_rest_ends_with_the_last_token_that_an_answer_may_have() -> None:
    timed = Timed("a", "b")
    timed.after(FAST / 4, 2)
    for left, rest in ((100, LONG_REST), (2, FAST / 2), (0, 0.0)):
        timed.rest.allow("b", left)
        assert timed.after(FAST / 4, 2)[-1] == pytest.approx(rest)
    timed.rest.forget("b")
    assert timed.after(FAST / 4)[-1] == LONG_REST


@pytest.mark.parametrize(("limit", "left"), [(9, 7), (None, None)])
def test_the_rest_knows_how_many_tokens_an_answer_may_still_have(limit: int | None, left: int | None) -> None:
    with Scripted("vllm", lambda seen: Reply(hold=2)) as scripted, writing(scripted) as desk:
        known: list[int | None] = []
        desk.writer._deliveries.rest.allow = lambda id, left=None: known.append(left)  # type: ignore[method-assign]
        desk.ask("a", params={"max_tokens": limit})
        desk.news.pieces("a", 2)
        assert known[-1] == left
        scripted.release()
        desk.news.finished("a")


def test_there_is_no_rest_while_an_answer_waits_for_its_first_text_or_its_stop() -> None:
    timed = Timed("a", "b")
    timed.rest.hurry("c")
    assert (timed.after(FAST / 2, 2)[-1], timed.rest.before()) == (0, 0)
    timed.rest.allow("c")
    assert timed.after(FAST / 2, 3)[-1] == LONG_REST
    timed.rest.hurry("a")
    assert (timed.after(FAST * 2, 3)[-1], timed.rest.before()) == (0, 0)
    timed.rest.forget("a")
    assert timed.rest.before() == SHORT_REST


def test_a_command_ends_the_rest() -> None:
    """Stop isn't delayed by a rest that began before it."""
    with Scripted("vllm", lambda seen: Reply(hold=2)) as scripted, writing(scripted) as desk:
        desk.writer._deliveries.rest.after = lambda updates, now: FOREVER  # type: ignore[method-assign]
        desk.ask("a")
        desk.news.pieces("a", 2)
        desk.writer.cancel("a", 0)
        assert desk.news.finished("a").reason is FinishReason.CANCELLED


def test_what_comes_in_a_rest_is_delivered_together() -> None:
    """The rest begins with the first of two answers whose text comes, and ends once all is in the sockets."""
    with Scripted("vllm", lambda seen: Reply(hold=2)) as scripted, writing(scripted) as desk:
        for id in "ab":
            desk.ask(id)
            desk.news.pieces(id, 2)
        gate = threading.Event()
        rest = desk.writer._deliveries.rest
        rest.before = lambda: FOREVER  # type: ignore[method-assign]
        rest.take = lambda seconds: gate.wait(DEADLINE) if seconds else None  # type: ignore[assignment, method-assign]
        before = len(desk.news.deliveries)
        scripted.release()
        scripted.finish_all(DEADLINE)
        gate.set()
        for id in "ab":
            desk.news.finished(id)
        texts = [{each.id for each in updates if isinstance(each, Piece)} for updates in desk.news.deliveries[before:]]
        assert texts[0] == {"a", "b"}
        assert not any(texts[1:])
        ends = [each.id for updates in desk.news.deliveries for each in updates if isinstance(each, Finished)]
        assert sorted(ends) == ["a", "b"]
