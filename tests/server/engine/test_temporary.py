"""KV of temporary generations: only its owner reuses it, and nothing saves it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from server.engine.base import GenerationRequest, SamplingParams
from server.engine.model import Row
from server.engine.worker import BatchingEngine
from tests.server.engine.recorder import Recorder
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.engine.test_kv import CONTEXT, SECRET, A, B, C, Machine, Slots, array


def run_temporary(slots: Slots, tokens: list[int], principal: str = "owner") -> int:
    """Compute a temporary prompt; return the number of tokens that its slot had already."""
    slot, cached = slots.begin(tokens, principal)
    slots.kv.release(slot, array(slots.running.pop(slot)), principal)
    return cached


def test_the_next_turn_of_a_temporary_chat_continues_in_its_slot() -> None:
    slots = Slots()
    run_temporary(slots, A)
    assert run_temporary(slots, [*A, *B]) == 100
    assert slots.begin([*A, *B, 9]) == (0, 200)


def test_temporary_tokens_are_of_no_use_to_others() -> None:
    slots = Slots()
    run_temporary(slots, [*A, *B])
    assert slots.begin([*A, *B, 9], "other")[1] == 0


def test_temporary_tokens_are_neither_saved_nor_written(tmp_path: Path) -> None:
    slots = Slots(slots=1, folder=tmp_path)
    run_temporary(slots, [*A, *B])
    assert (slots.kv.unwritten, slots.kv.kept_tokens) == (False, 0)
    slots.run(C)
    assert slots.kv.saved_bytes == 0
    run_temporary(slots, [*A, *B])
    slots.kv.close()
    slots.start()
    assert slots.begin([*A, *B, 9]) == (0, 0)


def test_a_temporary_chat_begins_with_what_others_have_kept() -> None:
    slots = Slots()
    slots.run(A)
    assert run_temporary(slots, [*A, *B]) == 100
    assert slots.run([*A, *C]) == 100


def test_the_room_of_temporary_tokens_is_freed_first() -> None:
    slots = Slots(kv_tokens=1000)
    slots.run(A)
    run_temporary(slots, B)
    assert slots.kv.evict()
    assert slots.model.kv == {0: A}


def test_a_draft_takes_the_slot_of_a_temporary_chat() -> None:
    slots = Slots(slots=1)
    run_temporary(slots, A)
    assert slots.draft("d", [*B, *C]) == 0
    assert slots.kv.drafted == {"d": 200}


class TemporaryMachine(Machine):
    """State machine of kv.py with temporary generations, which end with a token that nothing else has."""

    @precondition(lambda self: self.slots.running)
    @rule(data=st.data())
    def leave_temporary(self, data: st.DataObject) -> None:
        slot = self._any(data)
        tokens = self.slots.running.pop(slot)
        if len(tokens) < CONTEXT:
            self.slots.model.decode([Row(SECRET, slot, len(tokens), False)])
            tokens.append(SECRET)
        self.slots.kv.release(slot, array(tokens), "owner")

    @rule()
    def evict(self) -> None:
        tails, kept = len([*self.slots.kv._tails]), self.slots.kv.kept_tokens
        assert self.slots.kv.evict() == (tails > 0 or kept > 0)
        assert len([*self.slots.kv._tails]) == max(0, tails - 1)


TestTemporaryMachine = TemporaryMachine.TestCase
TestTemporaryMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)


class Engine:
    """An engine over a scripted model with several slots."""

    def __init__(self) -> None:
        self.model = ScriptedModel(slots=3, answer_tokens=5)
        self.engine = BatchingEngine(self.model)
        self.recorder = Recorder()
        self.engine.start(self.recorder.listen)

    def submit(self, id: str, prompt: list[int], principal: str = "p", temporary: bool = True) -> None:
        self.engine.submit(
            GenerationRequest(
                id=id,
                prompt=tuple(prompt),
                sampling=SamplingParams(),
                received=time.monotonic(),
                principal=principal,
                temporary=temporary,
            )
        )

    def cached(self, id: str) -> int:
        return self.recorder.finished(id).usage.cached_tokens


@pytest.fixture
def running() -> Iterator[Engine]:
    running = Engine()
    yield running
    running.model.gate.open()
    running.engine.close()


def test_an_engine_keeps_an_ended_temporary_prompt_for_its_principal(running: Engine) -> None:
    running.submit("g1", A)
    assert running.cached("g1") == 0
    running.submit("g2", [*A, *B], principal="q", temporary=False)
    assert running.cached("g2") == 0
    running.submit("g3", [*A, *C])
    assert running.cached("g3") == 100


@pytest.mark.parametrize(("principal", "cached"), [("p", 100), ("q", 0)])
def test_a_running_temporary_prompt_is_shared_only_with_its_principal(
    running: Engine, principal: str, cached: int
) -> None:
    running.model.gate.close()
    running.submit("g1", [*A, *B])
    running.model.gate.wait_until_held()
    running.submit("g2", [*A, *C], principal=principal, temporary=False)
    running.model.gate.open()
    assert running.cached("g2") == cached
