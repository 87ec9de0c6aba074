"""Upstreams whose connection is open and that send nothing."""

import socket

import pytest

from server.engine.base import FinishReason
from server.writers.upstream import line
from server.writers.upstream.kinds import KINDS
from server.writers.upstream.line import UNANSWERED_SECONDS, kept_alive
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import ANSWER, Reply
from tests.server.writers.upstream.writing import DEADLINE, writing

ASIDE = [name for name, kind in KINDS.items() if kind.answers_aside]
CONTINUING = [name for name, kind in KINDS.items() if kind.continues]
SILENCE = 0.2
PATIENCE = 600


@pytest.fixture(autouse=True)
def short_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "ASIDE_SECONDS", 0.5)


@pytest.mark.parametrize("kind", ASIDE)
def test_an_upstream_that_hangs_before_its_first_byte_is_cut_and_asked_again(kind: str) -> None:
    with Scripted(kind) as scripted, writing(scripted, patience=PATIENCE, silence=SILENCE) as desk:
        scripted.hang()
        desk.ask("a")
        desk.news.delayed("a", "cut")
        scripted.recover()
        assert desk.news.finished("a").reason is FinishReason.STOP
        assert desk.news.text("a") == ANSWER


@pytest.mark.parametrize(("kind", "pieces"), [*((kind, 0) for kind in ASIDE), *((kind, 3) for kind in CONTINUING)])
def test_an_upstream_that_hangs_in_its_answer_is_cut_and_asked_for_the_rest(kind: str, pieces: int) -> None:
    with Scripted(kind) as scripted, writing(scripted, patience=PATIENCE, silence=SILENCE) as desk:
        scripted.plan = lambda seen: Reply(hold=pieces)
        desk.ask("a")
        desk.news.prefills("a", 1)
        desk.news.pieces("a", pieces)
        scripted.hang()
        desk.news.delayed("a", "cut")
        scripted.plan = lambda seen: Reply()
        scripted.recover()
        assert desk.news.finished("a").reason is FinishReason.STOP
        assert desk.news.text("a") == ANSWER


def test_an_upstream_that_answers_other_questions_may_read_a_prompt_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "ASIDE_SECONDS", DEADLINE)
    with Scripted("vllm", lambda seen: Reply(hold=0)) as scripted, writing(scripted, silence=SILENCE) as desk:
        desk.ask("a")
        for _ in range(1 + 3):  # the first one was asked at the start
            assert scripted.listed.acquire(timeout=DEADLINE)
        scripted.release()
        assert desk.news.finished("a").reason is FinishReason.STOP
        assert (desk.news.text("a"), len(scripted.answers)) == (ANSWER, 1)


def test_an_upstream_may_read_a_cut_answer_for_longer_than_it_may_be_silent_in_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(line, "ASIDE_SECONDS", DEADLINE)
    with Scripted("vllm") as scripted, writing(scripted, patience=PATIENCE, silence=SILENCE) as desk:
        scripted.plan = lambda seen: Reply(hold=0) if seen.before else Reply(hold=3, error="restarting")
        desk.ask("a", params={"seed": 1})
        for _ in range(1 + 3):
            assert scripted.listed.acquire(timeout=DEADLINE)
        scripted.release()
        desk.news.finished("a")
        assert (desk.news.text("a"), len(scripted.answers)) == (ANSWER, 2)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux lets a program set these times")
def test_a_connection_whose_other_end_acknowledges_nothing_is_closed_by_the_system() -> None:
    with kept_alive((socket.AF_INET, socket.SOCK_STREAM, 0)) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        idle = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        pause = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL)
        limit = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert idle + pause <= limit / 1000 == UNANSWERED_SECONDS
