"""``/set`` in ``streamui chat`` while an answer is written: it holds for that answer and for the next ones."""

import time
from collections.abc import Iterator

import pytest

from protocol.messages import Params
from tests.protocol.threaded import serving_in_a_thread
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.test_terminal import terminal
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with serving_in_a_thread(ScriptedModel()) as server:
        yield server


def test_a_parameter_is_set_by_hand_in_mid_answer(server: RunningServer) -> None:
    with terminal(server) as person:
        server.model.gate.close()
        person.ask("Hi", "Hi\n")
        server.model.gate.step(14)
        person.expect(r"\S")
        server.model.gate.wait_until_held(DEADLINE)
        person.type("/set max_tokens 20\r/set top_k warm\r")
        deadline = time.monotonic() + DEADLINE
        while not server.engine._inbox:
            assert time.monotonic() < deadline
        server.model.gate.open()
        person.expect(r"max_tokens: 20 from here on\n(.*\n)*20 tokens · [0-9.]+ tokens/s")
        person.expect("max_tokens: 20\n")
        person.expect("! top_k must be")
        person.ask("Again", "20 tokens")
        *_, newest = server.registry._generations.values()
        assert newest.body.params == Params(max_tokens=20)
