"""Writing speed of all generations together."""

from pathlib import Path

import pytest

from protocol.messages import Generate
from server.engine.base import Piece
from server.generations.ownership import LOCAL, key_of
from server.generations.speed import Speed
from tests.server.generations.puppet import PuppetEngine, finished, prefill
from tests.server.generations.test_faults import running
from tests.server.generations.test_registry import ended, start


def test_nothing_written_is_no_speed() -> None:
    assert Speed().per_second(100.0) == 0


@pytest.mark.parametrize("spent", [0.5, 2.0, 7.3, 60.0])
def test_an_even_pace_is_told_from_the_beginning_on(spent: float) -> None:
    speed = Speed()
    for step in range(int(spent * 100)):
        speed.add(2, 1000.9 + step / 100)
    assert speed.per_second(1000.9 + spent) == pytest.approx(200, rel=0.03)


def test_a_first_burst_is_not_taken_for_a_pace() -> None:
    speed = Speed()
    speed.add(5, 1000.0)
    assert speed.per_second(1000.0) == 20


def test_speed_falls_to_zero_when_nothing_is_written() -> None:
    speed = Speed()
    for step in range(1000):
        speed.add(1, 1000 + step / 100)
    told = [speed.per_second(1010 + pause) for pause in (0.0, 1.0, 2.0, 3.1)]
    assert told == sorted(told, reverse=True)
    assert told[-1] == 0


def test_a_new_spell_is_counted_from_its_own_beginning() -> None:
    speed = Speed()
    speed.add(100, 1000.0)
    for step in range(100):
        speed.add(1, 1050.5 + step / 100)
    assert speed.per_second(1051.5) == pytest.approx(100, rel=0.03)


async def test_tokens_without_ids_are_counted_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    engine, key = PuppetEngine(), key_of(LOCAL, "g1")
    async with running(engine, tmp_path) as registry:
        monkeypatch.setattr(registry.measurements.speed, "add", lambda tokens, now: counted.append(tokens))
        generation = await start(registry, Generate(id="g1", prompt="Hi", raw=True))
        engine.hand_over(prefill(key), Piece(key, "one", 1), Piece(key, " two three", 3), finished(key))
        await ended(registry, generation)
    assert counted == [1, 2]
