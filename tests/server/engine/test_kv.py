"""KvSlots over the scripted model: after any operation, its records match the model's slots."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.engine.base import Draft
from server.engine.kv import KvSlots
from server.engine.kv_files import KvFiles
from server.engine.kv_unwritten import WORTH_WRITING
from server.engine.model import Row
from server.engine.prefix_cache import WORTH_MOVING
from server.engine.prefix_tree import Tokens
from tests.server.engine.scripted_model import ScriptedModel

CONTEXT = 400

SECRET = 999
"""Token of drafts that no prompt has."""


def prompt(*lengths: int) -> list[int]:
    """Return a prompt of runs of tokens. Prompts with the same first runs share a prefix."""
    return [token for place, length in enumerate(lengths) for token in [place * 7 + length % 5] * length]


def array(tokens: list[int]) -> Tokens:
    return np.array(tokens, np.int32)


class Slots:
    """KvSlots, with prompts that are computed to their end in it."""

    def __init__(
        self, *, slots: int = 2, saved_bytes: int = 1 << 20, kv_tokens: int | None = None, folder: Path | None = None
    ) -> None:
        self._slots, self._saved_bytes, self._kv_tokens, self._folder = slots, saved_bytes, kv_tokens, folder
        self.start()

    def start(self) -> None:
        """Start with empty slots, as a server does."""
        self.model = ScriptedModel(context=CONTEXT, slots=self._slots, kv_tokens=self._kv_tokens)
        files = KvFiles(self._folder, budget=1 << 20, identity="scripted") if self._folder else None
        self.kv = KvSlots(self.model, saved_bytes=self._saved_bytes, files=files)
        self.running: dict[int, list[int]] = {}

    def begin(self, tokens: list[int], principal: str = "owner") -> tuple[int, int]:
        free = [slot for slot in range(self.model.slots) if slot not in self.running]
        slot, cached = self.kv.place(array(tokens), free, {s: array(t) for s, t in self.running.items()}, principal)
        assert slot in free
        assert self.model.kv.get(slot, []) == tokens[:cached]
        assert cached < len(tokens)
        rows = [Row(token, slot, at, False) for at, token in enumerate(tokens)][cached:]
        self.model.decode(rows)
        self.running[slot] = list(tokens)
        return slot, cached

    def end(self, slot: int, length: int | None = None) -> None:
        self.kv.release(slot, array(self.running.pop(slot)[:length]))

    def extend(self, slot: int, tokens: list[int]) -> int:
        others = {s: array(t) for s, t in self.running.items() if s != slot}
        count = self.kv.extend(slot, len(self.running[slot]), array(tokens), others)
        assert count >= len(self.running[slot])
        self.running[slot] = tokens[:count]
        return count

    def draft(self, key: str, tokens: list[int]) -> int | None:
        """Read a draft to its end. Returns the number of tokens that its slot had already; None if it got no slot."""
        assert not self.running
        draft = Draft(key=key, principal="owner", tokens=tuple(tokens))
        placed = self.kv.place_draft(draft, array(tokens))
        if placed is None:
            return None
        slot, cached = placed
        assert self.model.kv.get(slot, []) == tokens[:cached]
        self.model.decode([Row(token, slot, at, False) for at, token in enumerate(tokens)][cached:])
        self.kv.advance_draft(slot, draft, array(tokens))
        return cached

    def run(self, tokens: list[int]) -> int:
        slot, cached = self.begin(tokens)
        self.end(slot)
        return cached


A, B, C = ([letter] * 100 for letter in (1, 2, 3))


def test_a_next_turn_continues_in_its_slot() -> None:
    slots = Slots()
    slots.run(A)
    assert slots.begin([*A, 9, 9]) == (0, 100)


def test_the_same_again_computes_its_last_token_only() -> None:
    slots = Slots()
    assert [slots.run(A), slots.run(A)] == [0, 99]


def test_a_shared_beginning_is_copied_and_its_owner_keeps_the_rest() -> None:
    slots = Slots()
    slots.run([*A, *B])
    assert slots.run([*A, *C]) == 100
    assert slots.run([*A, *B, 9]) == 200


def test_a_few_tokens_are_not_worth_a_copy() -> None:
    few = A[: WORTH_MOVING - 1]
    slots = Slots()
    slots.run([*few, *B])
    assert slots.run([*few, *C]) == 0
    assert slots.run([*few, *B, 9]) == len(few) + 100


def test_a_beginning_is_copied_from_one_that_runs() -> None:
    slots = Slots()
    slots.begin([*A, *B])
    assert slots.begin([*A, *C]) == (1, 100)


def test_a_slot_in_use_gets_more_of_its_prompt_from_another_one() -> None:
    slots = Slots(slots=3)
    slots.begin([*A, *B])
    slot, _ = slots.begin([5])
    slots.running[slot] = []
    slots.kv.rewind(slot, 0)
    assert slots.extend(slot, [*A, *C]) == 100
    assert slots.extend(slot, [*A, *B[: WORTH_MOVING - 1], *C]) == 100
    assert slots.extend(slot, [*A, *B, *C]) == 200
    slots.end(0)
    assert slots.begin([*A, *B, *C]) == (0, 200)


def test_tokens_that_leave_a_slot_are_saved_and_restored() -> None:
    slots = Slots(slots=1)
    assert [slots.run(A), slots.run(B), slots.run([*A, 9])] == [0, 0, 100]
    assert slots.kv.saved_bytes > 0


def test_saved_tokens_can_be_restored_in_part() -> None:
    slots = Slots(slots=1)
    slots.run([*A, *B])
    slots.run(C)
    assert slots.run([*A, *C]) == 100


def test_without_a_budget_it_is_gone() -> None:
    slots = Slots(slots=1, saved_bytes=0)
    assert [slots.run(A), slots.run(B), slots.run([*A, 9])] == [0, 0, 0]
    assert slots.kv.saved_bytes == 0


def test_a_state_that_does_not_fit_is_read_again() -> None:
    slots = Slots(slots=1)
    slots.run(A)
    slots.run(B)
    slots.model.restore = lambda slot, state: False  # type: ignore[method-assign]
    assert slots.run([*A, 9]) == 0


def test_a_model_that_can_only_drop_a_whole_slot_starts_again() -> None:
    slots = Slots(slots=1)
    forget = slots.model.forget
    slots.model.forget = lambda slot, start=0: start in (0, len(slots.model.kv.get(slot, ()))) and forget(slot)  # type: ignore
    slots.run([*A, 5])
    assert slots.begin([*A, 9]) == (0, 0)
    assert slots.kv.rewind(0, 50) == 0
    assert slots.kv.kept_tokens == 0


def test_rows_that_fill_gaps_are_taken_back() -> None:
    slots = Slots(slots=3)
    slots.run(A)
    assert slots.kv.gaps([0, 1], CONTEXT) == {0: 100, 1: 0}
    assert slots.kv.gaps([0, 1], 100) == {1: 0}
    slots.model.decode([Row(0, 0, 100, False), Row(0, 1, 0, False)])
    slots.kv.tidy([0, 1])
    assert slots.model.kv == {0: A}
    assert Slots(kv_tokens=500).kv.gaps([0, 1], CONTEXT) == {}


def test_a_chat_goes_on_after_a_restart(tmp_path: Path) -> None:
    slots = Slots(folder=tmp_path)
    slots.run([*A, *B])
    assert slots.kv.unwritten
    slots.kv.close()
    slots.start()
    assert slots.begin([*A, *B, 9]) == (0, 200)
    slots.end(0, 150)


def test_a_beginning_on_disk_is_used_in_part(tmp_path: Path) -> None:
    slots = Slots(folder=tmp_path)
    slots.run([*A, *B])
    slots.kv.close()
    slots.start()
    assert slots.run([*A, *C]) == 100


def test_what_is_kept_in_memory_comes_before_the_disk(tmp_path: Path) -> None:
    slots = Slots(slots=1, folder=tmp_path)
    for tokens in (A, B):
        slots.run(tokens)
    while slots.kv.unwritten:
        slots.kv.write_one()
    slots.kv.close()
    for path in tmp_path.iterdir():
        path.unlink()
    assert [slots.run([*A, 9]), slots.run([*B, 9])] == [100, 100]


def test_all_waiting_chats_are_written_at_the_end(tmp_path: Path) -> None:
    slots = Slots(slots=2, folder=tmp_path)
    for tokens in (A, B, C):
        slots.run(tokens)
    slots.kv.close()
    slots.start()
    assert [slots.run([*tokens, 9]) for tokens in (A, B, C)] == [100, 100, 100]


def test_few_tokens_are_not_written(tmp_path: Path) -> None:
    slots = Slots(folder=tmp_path)
    slots.run(A[: WORTH_WRITING - 1])
    assert not slots.kv.unwritten


def test_states_that_left_the_memory_do_not_wait_for_the_disk(tmp_path: Path) -> None:
    slots = Slots(slots=1, saved_bytes=500, folder=tmp_path)  # room for one
    for tokens in (A, B, C):
        slots.run(tokens)
    written = 0
    while slots.kv.unwritten:
        slots.kv.write_one()
        written += 1
    slots.kv.close()
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".kv", ".kv"]


def test_a_request_continues_in_the_slot_of_its_draft() -> None:
    slots = Slots(slots=2)
    slots.run(A)
    assert slots.draft("d", [*A, *B]) == 100
    assert slots.begin([*A, *B, 9, 9]) == (0, 200)
    assert slots.kv.drafted == {}


def test_a_draft_is_of_no_use_to_others() -> None:
    slots = Slots(slots=2)
    slots.run(A)
    slots.draft("d", [*A, *B])
    assert slots.begin([*A, *B, 9, 9], principal="other")[1] == 100


def test_a_draft_keeps_what_agrees_with_its_change() -> None:
    slots = Slots(slots=2)
    assert slots.draft("d", [*A, *B]) == 0
    assert slots.draft("d", [*A, *B, *C]) == 200
    assert slots.draft("d", [*A, 9, *C]) == 100
    assert slots.draft("d", C) == 0
    assert slots.model.held_tokens == 100


def test_a_forgotten_draft_leaves_only_what_was_kept_before() -> None:
    slots = Slots(slots=1)
    slots.run(A)
    slots.draft("d", [*A, *B])
    slots.kv.forget_draft("d")
    slots.kv.forget_draft("d")
    assert slots.model.kv == {0: A}
    assert slots.run([*A, 9]) == 100


def test_a_request_takes_the_slot_of_a_draft_and_saves_only_what_was_kept() -> None:
    slots = Slots(slots=1)
    slots.run(A)
    slots.draft("d", [*A, *B])
    assert slots.begin(C) == (0, 0)
    slots.end(0)
    assert slots.run([*A, *B, 9]) == 100


def test_a_newer_draft_takes_the_slot_of_an_older_one() -> None:
    slots = Slots(slots=1)
    assert [slots.draft("d", A), slots.draft("e", B)] == [0, 0]
    assert slots.kv.drafted == {"e": 100}


def test_a_draft_replaces_nothing_that_can_not_be_saved() -> None:
    slots = Slots(slots=1, saved_bytes=0)
    slots.run(A)
    assert slots.draft("d", B) is None
    assert slots.draft("d", [*A, *B]) == 100
    assert slots.draft("e", C) is None
    assert slots.model.kv == {0: [*A, *B]}


def test_the_room_of_a_draft_is_freed_first() -> None:
    slots = Slots(slots=2, kv_tokens=1000)
    slots.run(A)
    slots.draft("d", [*A, *B])
    assert slots.kv.evict()
    assert slots.model.kv == {0: A}


def test_a_draft_is_never_written_to_disk(tmp_path: Path) -> None:
    slots = Slots(slots=1, folder=tmp_path)
    slots.run(A)
    slots.draft("d", [*A, *B])
    assert not slots.kv.unwritten
    slots.kv.close()
    slots.start()
    assert slots.run([*A, *B, 9]) == 100


def test_a_draft_begins_with_what_is_on_disk(tmp_path: Path) -> None:
    slots = Slots(slots=1, folder=tmp_path)
    slots.run(A)
    slots.kv.close()
    slots.start()
    assert slots.draft("d", [*A, *B]) == 100


class Machine(RuleBasedStateMachine):
    """State machine: prompts with shared beginnings arrive, run, write, and are cancelled, aborted and lost in any
    order."""

    sequences = Bundle("sequences")

    @initialize(
        slots=st.integers(1, 4),
        saved_bytes=st.sampled_from([0, 500, 1 << 20]),
        shared=st.booleans(),
        on_disk=st.booleans(),
    )
    def begin(self, slots: int, saved_bytes: int, shared: bool, on_disk: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        kv_tokens, folder = 100_000 if shared else None, Path(self.folder.name) if on_disk else None
        self.slots = Slots(slots=slots, saved_bytes=saved_bytes, kv_tokens=kv_tokens, folder=folder)
        self.budget = saved_bytes

    def teardown(self) -> None:
        if hasattr(self, "slots"):
            self.slots.kv.close()
            self.folder.cleanup()

    @rule()
    def write_to_disk(self) -> None:
        if self.slots.kv.unwritten:
            self.slots.kv.write_one()

    @rule()
    def restart(self) -> None:
        for slot in [*self.slots.running]:
            self.slots.end(slot)
        self.slots.kv.close()
        self.slots.start()

    @property
    def free(self) -> bool:
        return len(self.slots.running) < self.slots.model.slots

    @precondition(lambda self: self.free)
    @rule(lengths=st.lists(st.sampled_from([1, 3, 31, 32, 33, 60]), min_size=1, max_size=5))
    def place(self, lengths: list[int]) -> None:
        self.slots.begin(prompt(*lengths))

    @precondition(lambda self: not self.slots.running)
    @rule(key=st.sampled_from("de"), lengths=st.lists(st.sampled_from([1, 31, 60]), max_size=4))
    def draft(self, key: str, lengths: list[int]) -> None:
        """Read a draft, which ends with a token that no prompt has."""
        self.slots.draft(key, [*prompt(*lengths), *[SECRET] * 3])

    @rule(key=st.sampled_from("de"), undo=st.booleans())
    def forget_draft(self, key: str, undo: bool) -> None:
        if undo and (slot := self.slots.kv._tails.slot(key)) is not None:
            self.slots.kv.rewind_draft(slot)
        else:
            self.slots.kv.forget_draft(key)

    @precondition(lambda self: self.slots.running)
    @rule(data=st.data(), count=st.integers(1, 40))
    def write(self, data: st.DataObject, count: int) -> None:
        slot = self._any(data)
        tokens = self.slots.running[slot]
        for token in range(count):
            if len(tokens) < CONTEXT:
                self.slots.model.decode([Row(token, slot, len(tokens), False)])
                tokens.append(token)

    @precondition(lambda self: self.slots.running)
    @rule(data=st.data(), more=st.lists(st.sampled_from([1, 31, 60]), min_size=1, max_size=3))
    def extend(self, data: st.DataObject, more: list[int]) -> None:
        """Extend a slot with what others have of a prompt that begins with its tokens."""
        slot = self._any(data)
        self.slots.extend(slot, (self.slots.running[slot] + prompt(*more))[:CONTEXT])

    @precondition(lambda self: self.slots.running)
    @rule(data=st.data(), part=st.floats(0, 1))
    def leave(self, data: st.DataObject, part: float) -> None:
        """Remove a sequence at its end, or cancel it when only a part of its slot was recorded."""
        slot = self._any(data)
        self.slots.end(slot, round(len(self.slots.running[slot]) * part))

    @precondition(lambda self: self.slots.running)
    @rule(data=st.data(), part=st.floats(0, 1))
    def abort(self, data: st.DataObject, part: float) -> None:
        """Abort a batch: some of its rows are computed."""
        slot = self._any(data)
        tokens = self.slots.running[slot]
        length = round(len(tokens) * part)
        assert self.slots.kv.rewind(slot, length) == length
        del tokens[length:]

    @rule()
    def fill_gaps(self) -> None:
        free = [slot for slot in range(self.slots.model.slots) if slot not in self.slots.running]
        gaps = self.slots.kv.gaps(free, CONTEXT)
        self.slots.model.decode([Row(0, slot, position, False) for slot, position in gaps.items()])
        self.slots.kv.tidy(gaps.keys())

    @rule()
    def evict(self) -> None:
        before, drafted = self.slots.kv.kept_tokens, len(self.slots.kv.drafted)
        assert self.slots.kv.evict() == (before > 0 or drafted > 0)
        assert drafted or self.slots.kv.kept_tokens < before or before == 0
        assert len(self.slots.kv.drafted) == max(0, drafted - 1)

    @precondition(lambda self: self.slots.model.slots > 1)
    @rule()
    def lose(self) -> None:
        self.slots.model.reset()
        self.slots.kv.lost()
        for tokens in self.slots.running.values():
            tokens.clear()

    @invariant()
    def every_slot_holds_what_it_should(self) -> None:
        if not hasattr(self, "slots"):
            return
        kept = {slot: tokens.tolist() for slot, tokens in self.slots.kv._cache.kept.items()}
        running = {slot: tokens for slot, tokens in self.slots.running.items() if tokens}
        assert not kept.keys() & self.slots.running.keys()
        tails = {slot: tail.tokens.tolist() for slot, tail in self.slots.kv._tails._tails.items() if len(tail.tokens)}
        assert all(tails[slot][: len(kept[slot])] == kept[slot] for slot in kept.keys() & tails.keys())
        assert not tails.keys() & self.slots.running.keys()
        assert self.slots.model.kv == kept | tails | running
        cache = self.slots.kv._cache
        reused = [*(saved.tokens for saved in cache._saved), *cache.kept.values(), *self.slots.kv._unwritten.tokens]
        assert not any(SECRET in tokens for tokens in reused)
        assert self.slots.kv.saved_bytes <= self.budget

    def _any(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.slots.running)))


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
