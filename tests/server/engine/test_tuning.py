"""New sampling parameters for a running answer: from its next token on, and also when it is resumed."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from server.engine.base import (
    Finished,
    FinishReason,
    GenerationRequest,
    Instruction,
    Limit,
    Piece,
    SamplingParams,
    Steered,
    Tuned,
    Tuning,
    Update,
)
from server.engine.detokenizer import Detokenizer
from tests.server.engine.scripted_model import scripted_tokens
from tests.server.engine.starter import StarterBench
from tests.server.engine.test_steering import SEED, Bench

PROMPT = list(b"prompt")
WHOLE = scripted_tokens(PROMPT, SEED, 40)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench(slots=2)
    yield made
    made.close()


def tune(bench: Bench, id: str = "a", **changes: object) -> None:
    """Pass new parameters to a held engine, which has taken them when the next step is held."""
    bench.engine.tune(id, Tuning("asked", changes))
    bench.model.gate.step()
    bench.model.gate.wait_until_held()


def tokens(updates: Sequence[Update]) -> list[int]:
    return [token for update in updates if isinstance(update, Piece | Steered | Tuned) for token in update.tokens]


def text(updates: Sequence[Update]) -> str:
    return "".join(update.text for update in updates if isinstance(update, Piece))


def resumption(updates: Sequence[Update], first: SamplingParams) -> dict[str, Any]:
    """Return the fields of a request that resumes what these updates have."""
    sampling, stops, written = first, [], 0
    for update in updates:
        written += len(tokens([update]))
        if isinstance(update, Tuned):
            stops.append((written, sampling.stop))
            sampling = update.sampling
    return {"written": tuple(tokens(updates)), "sampling": sampling, "earlier_stops": tuple(stops)}


def test_the_next_token_is_chosen_with_the_new_parameters(bench: Bench) -> None:
    bench.submit()
    bench.write(5)
    tune(bench, seed=9)
    bench.model.gate.open()
    finished = bench.recorder.finished("a")
    updates = bench.recorder.of("a")
    (tuned,) = [update for update in updates if isinstance(update, Tuned)]
    count = tuned.completion_tokens
    assert (tuned.asked, tuned.sampling) == ("asked", SamplingParams(seed=9))
    assert tokens(updates) == WHOLE[:count] + scripted_tokens(PROMPT, 9, 40)[count:]
    assert finished.usage.completion_tokens == 40


def test_a_waiting_answer_is_tuned_from_its_first_token_on(bench: Bench) -> None:
    for id in ("a", "b", "c"):  # two slots
        bench.submit(id)
    bench.write(1)
    tune(bench, "c", seed=9)
    assert [type(update) for update in bench.recorder.of("c")][-1] is Tuned
    bench.model.gate.open()
    bench.recorder.finished("c")
    assert tokens(bench.recorder.of("c")) == scripted_tokens(PROMPT, 9, 40)


def test_a_larger_limit_lets_the_answer_continue(bench: Bench) -> None:
    bench.submit(sampling={"max_tokens": 10})
    bench.write(5)
    tune(bench, max_tokens=20)
    bench.model.gate.open()
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.LENGTH, 20)
    assert tokens(bench.recorder.of("a")) == WHOLE[:20]


def test_a_limit_that_was_reached_ends_the_answer_at_once(bench: Bench) -> None:
    bench.submit()
    bench.submit("b")
    bench.write(9)
    tune(bench, max_tokens=3)
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.limit) == (FinishReason.LENGTH, Limit.MAX_TOKENS)
    assert finished.usage.completion_tokens < 40


def test_new_stop_strings_count_in_what_is_held_back_and_in_what_follows() -> None:
    detokenizer = Detokenizer(("one two",))
    assert detokenizer.push(b"zero one") == "zero "
    detokenizer.change_stop(("ne",))
    assert (detokenizer.push(b"!"), detokenizer.found) == ("o", "ne")
    other = Detokenizer(("one two",))
    assert other.push(b"zero one") == "zero "
    other.change_stop(())
    assert other.push(b"!") == "one!"
    assert other.flush() == ""


def test_an_instruction_and_new_stop_strings_hold_together(bench: Bench) -> None:
    instruction = Instruction("shorter", tuple(b"<shorter>"))
    bench.submit()
    bench.write(4)
    bench.steer(instruction)
    before = tokens(bench.recorder.of("a"))
    rest = scripted_tokens([*PROMPT, *before, *instruction.tokens], SEED, 40)
    stop = b"".join(map(bench.model.piece, rest))[20:30].decode("utf-8", "ignore")
    tune(bench, stop=(stop,))
    bench.model.gate.open()
    finished = bench.recorder.finished("a")
    assert (finished.reason, finished.stop_string) == (FinishReason.STOP, stop)


def test_text_that_is_held_back_keeps_its_tokens_and_logprobs(bench: Bench) -> None:
    answer = b"".join(map(bench.model.piece, WHOLE)).decode("utf-8", "ignore")
    bench.submit(sampling={"stop": (answer[:30] + "never",), "top_logprobs": 0})
    bench.model.gate.step(3)
    bench.model.gate.wait_until_held()
    tune(bench, temperature=0.1)
    bench.model.gate.open()
    bench.recorder.finished("a")
    updates = bench.recorder.of("a")
    (tuned,) = [update for update in updates if isinstance(update, Tuned)]
    assert tuned.tokens
    assert tokens(updates) == WHOLE
    assert sum(len(update.choices) for update in updates if isinstance(update, Piece)) == 40


def test_unknown_and_ended_answers_are_ignored(bench: Bench) -> None:
    bench.submit()
    bench.model.gate.open()
    bench.recorder.finished("a")
    bench.engine.tune("a", Tuning("asked", {"seed": 9}))
    bench.engine.tune("nobody", Tuning("asked", {"seed": 9}))
    bench.submit("b")
    bench.recorder.finished("b")
    assert not any(isinstance(update, Tuned) for id in ("a", "nobody", "b") for update in bench.recorder.of(id))


def resumed(bench: Bench, id: str, part: Sequence[Update], first: SamplingParams) -> list[Update]:
    """Return the updates of a request that resumes ``part``."""
    fields = resumption(part, first)
    bench.engine.submit(GenerationRequest(id=id, prompt=tuple(PROMPT), received=time.monotonic(), **fields))
    bench.recorder.finished(id)
    return bench.recorder.of(id)


@pytest.mark.parametrize("first", [(), ("never",)])
@pytest.mark.parametrize("second", ["occurred before", "will occur"])
def test_a_cut_anywhere_resumes_the_same_answer(bench: Bench, first: tuple[str, ...], second: str) -> None:
    """The earlier stop string keeps text held back at the change. The new one may occur before it, where it doesn't
    count."""
    answer = b"".join(map(bench.model.piece, WHOLE)).decode("utf-8", "ignore")
    later = b"".join(map(bench.model.piece, scripted_tokens(PROMPT, 9, 40)[12:])).decode("utf-8", "ignore")
    sampling: dict[str, Any] = {"stop": (answer[10:30] + "never", *first), "max_tokens": 12}
    bench.submit(sampling=dict(sampling))
    bench.write(3)
    tune(bench, seed=9, stop=(answer[1:5] if second == "occurred before" else later[5:9],), max_tokens=30)
    bench.model.gate.open()
    bench.recorder.finished("a")
    updates = bench.recorder.of("a")
    tuned = next(n for n, update in enumerate(updates) if isinstance(update, Tuned))
    assert any(isinstance(update, Piece) for update in updates[tuned:])
    for end in range(tuned + 1, len(updates)):
        rest = resumed(bench, f"resumed {end}", updates[:end], SamplingParams(seed=SEED, **sampling))
        assert text([*updates[:end], *rest]) == text(updates), end
        assert tokens([*updates[:end], *rest]) == tokens(updates), end
        one, other = rest[-1], updates[-1]
        assert isinstance(one, Finished) and isinstance(other, Finished)
        assert (one.reason, one.limit, one.stop_string) == (other.reason, other.limit, other.stop_string)


CHANGES = [
    ({"temperature": 0.0}, {"temperature": 1.0}),
    ({"temperature": 1.0}, {"temperature": 0.0}),
    ({"temperature": 1.0, "repeat_penalty": 1.3}, {"temperature": 0.7, "top_k": 20, "dry_multiplier": 0.8}),
]


@pytest.mark.parametrize(("first", "second"), CHANGES)
def test_the_real_model_resumes_a_tuned_answer_exactly(first: dict[str, Any], second: dict[str, Any]) -> None:
    bench = StarterBench(parallel=1)
    try:
        options = {"seed": 7, "max_tokens": 60, **bench.never_ending, **first}
        bench.model.gate.close()
        bench.submit("a", **options)
        for _ in range(20):
            bench.model.gate.step()
            bench.model.gate.wait_until_held()
        bench.engine.tune("a", Tuning("asked", second))
        bench.model.gate.open()
        bench.recorder.finished("a")
        bench.submit("plain", **options)
        bench.recorder.finished("plain")
        updates, untuned = bench.recorder.of("a"), tokens(bench.recorder.of("plain"))
        at = next(n for n, update in enumerate(updates) if isinstance(update, Tuned))
        before = len(tokens(updates[:at]))
        assert tokens(updates)[:before] == untuned[:before]
        assert tokens(updates) != untuned
        for end in (at + 1, at + 2, at + 12):
            id = f"resumed {end}"
            fields = resumption(updates[:end], SamplingParams(**options))
            bench.submit("other", bench.long_prompt("other")[:100], max_tokens=1)  # so that the slot is read again
            request = GenerationRequest(id=id, prompt=tuple(bench.prompt()), received=time.monotonic(), **fields)
            bench.engine.submit(request)
            bench.recorder.finished(id)
            assert tokens(updates[:end]) + tokens(bench.recorder.of(id)) == tokens(updates)
    finally:
        bench.close()
