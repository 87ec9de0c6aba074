"""llama.cpp's KV cache behaves as the engine expects."""

from collections.abc import Iterator

import numpy as np
import pytest

from server.engine.llama import LlamaModel
from server.engine.llama.candidates import Logits
from server.engine.model import DecodeOutcome, Row
from server.starter import MODEL_PATH

STORY = "Tell me a story of a small model that lives in a large computer and writes all day long. " * 5
OTHER = "Nothing of the kind at all, but a long list of unrelated words instead of it, if you please. " * 5


@pytest.fixture(scope="module", params=[None, 4096], ids=["own cells", "shared cells"])
def model(request: pytest.FixtureRequest) -> Iterator[LlamaModel]:
    model = LlamaModel(MODEL_PATH, context=1024, parallel=4, kv_tokens=request.param)
    yield model
    model.close()


@pytest.fixture(autouse=True)
def empty(model: LlamaModel) -> None:
    for slot in range(model.slots):
        assert model.forget(slot)


def alike(some: Logits, other: Logits) -> bool:
    """Return whether two rows of logits are of the same tokens. Another batch shape changes them by about 0.05, other
    tokens by 2 or more."""
    return float(np.abs(some - other).max()) < 0.3


def compute(model: LlamaModel, tokens: list[int], slot: int, start: int = 0) -> Logits:
    """Return the logits after ``tokens``."""
    last = len(tokens) - 1
    rows = [Row(token, slot, start + n, n == last) for n, token in enumerate(tokens)]
    assert model.decode(rows) is DecodeOutcome.COMPUTED
    return model._context.logits(0).copy()


def test_cut_tokens_leave_no_trace(model: LlamaModel) -> None:
    story = model.tokenize(STORY)
    want = compute(model, story, 0)
    model.forget(0, 50)
    compute(model, model.tokenize(OTHER), 0, 50)
    model.forget(0, 50)
    assert alike(compute(model, story[50:], 0, 50), want)


def test_a_copy_is_there_at_once_and_stays_whatever_becomes_of_its_source(model: LlamaModel) -> None:
    story = model.tokenize(STORY)
    want = compute(model, story, 0)
    model.forget(0, len(story) - 1)
    assert model.copy(0, 1)
    saved = model.save(1)
    model.forget(0)
    compute(model, model.tokenize(OTHER), 3)
    assert model.restore(0, model.save(3))
    assert alike(compute(model, story[-1:], 1, len(story) - 1), want)
    assert model.restore(2, saved)
    assert alike(compute(model, story[-1:], 2, len(story) - 1), want)


def test_a_copy_can_be_cut(model: LlamaModel) -> None:
    story = model.tokenize(STORY)
    want = compute(model, story, 0)
    assert model.copy(0, 1)
    model.forget(1, 60)
    assert alike(compute(model, story[60:], 1, 60), want)


def test_a_broken_state_leaves_the_slot_empty(model: LlamaModel) -> None:
    story = model.tokenize(STORY)
    want = compute(model, story, 0)
    state = model.save(0)
    assert not model.restore(1, state[: len(state) // 2])
    model.forget(1)
    assert alike(compute(model, story, 1), want)


def test_an_abort_leaves_the_other_sequences_right(model: LlamaModel) -> None:
    story, other = model.tokenize(STORY), model.tokenize(OTHER)
    want = compute(model, story, 0)
    model.forget(0, len(story) - 1)
    model.abort()
    rows = [Row(story[-1], 0, len(story) - 1, True), *(Row(token, 1, n, False) for n, token in enumerate(other))]
    assert model.decode(rows) is DecodeOutcome.ABORTED
    model.rearm()
    model.forget(0, len(story) - 1)
    model.forget(1)
    assert alike(compute(model, story[-1:], 0, len(story) - 1), want)
    assert alike(compute(model, story, 1), want)


def test_a_full_cache_is_reported_and_harms_nothing() -> None:
    model = LlamaModel(MODEL_PATH, context=512, parallel=2, kv_tokens=512)
    story = model.tokenize(STORY)
    want = compute(model, story, 0)
    model.forget(0, len(story) - 1)
    assert model.decode([Row(5, 1, n, False) for n in range(512 - len(story) + 2)]) is DecodeOutcome.NO_SLOT
    model.forget(1)
    assert alike(compute(model, story[-1:], 0, len(story) - 1), want)
    model.close()


def test_after_a_reset_the_slots_are_empty(model: LlamaModel) -> None:
    story = model.tokenize(STORY)
    want = compute(model, story, 0)
    model.reset()
    assert alike(compute(model, story, 0), want)
