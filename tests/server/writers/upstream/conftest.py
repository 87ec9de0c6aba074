"""Fixtures of the tests in front of a scripted upstream."""

from collections.abc import Iterator

import pytest

from server.writers.upstream import answer_requests
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.writing import Writing, writing


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_requests, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(answer_requests, "LONGEST_PAUSE", 0.001)


@pytest.fixture
def llama() -> Iterator[Scripted]:
    with Scripted("llama-server") as scripted:
        yield scripted


@pytest.fixture
def desk(llama: Scripted) -> Iterator[Writing]:
    with writing(llama) as started:
        yield started
