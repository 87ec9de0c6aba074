"""The starter model with itself as draft model: the same tokens, nearly all of them proposed."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.engine import speculation
from server.engine.base import FinishReason, ModelError
from server.engine.llama import LlamaModel
from server.engine.model import DecodeOutcome, Row
from server.engine.options import EngineOptions
from server.engine.prefix_tree import common_prefix
from server.engine.speculation import Speculative
from server.starter import MODEL_PATH
from tests.server.engine.llama.small_model import write_model
from tests.server.engine.starter import CONTEXT, StarterBench
from tests.server.engine.test_draft_model import AlwaysProposed, NoMatches


@pytest.fixture(scope="module")
def alone() -> Iterator[StarterBench]:
    """An engine that computes single tokens."""
    bench = StarterBench(EngineOptions(saved_bytes=0), parallel=1)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def together() -> Iterator[StarterBench]:
    """An engine that verifies what the draft model proposes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speculation, "DraftModelControl", AlwaysProposed)
        patch.setattr(speculation, "SpeculationControl", NoMatches)
        bench = StarterBench(
            EngineOptions(saved_bytes=0, speculative=Speculative.ALL), parallel=1, draft_model=MODEL_PATH
        )
    yield bench
    bench.close()


def test_its_greedy_tokens_are_those_of_single_steps_and_nearly_all_proposed(
    alone: StarterBench, together: StarterBench
) -> None:
    """Last bits of logits differ with the number of rows, so an answer may differ from some token on."""
    prompts = [alone.prompt(), alone.prompt(8), alone.render("Hi"), alone.render("Hi", "Hello!", "Write a table.")]
    written = agreed = same = 0
    for prompt in prompts:
        before = together.engine.stats()
        (expected, _), (tokens, finished) = (bench.ask(prompt, temperature=0.0) for bench in (alone, together))
        after = together.engine.stats()
        assert finished.reason in (FinishReason.STOP, FinishReason.LENGTH)
        written += len(expected)
        agreed += common_prefix(np.array(expected), np.array(tokens))
        same += tokens == expected
        proposed = after.proposed_tokens - before.proposed_tokens
        assert after.accepted_tokens - before.accepted_tokens >= 0.9 * proposed
        if len(tokens) > 20:
            assert proposed > len(tokens) / 3
    assert same >= 3
    assert agreed / written > 0.7


@pytest.mark.parametrize("seed", range(3))
def test_sampled_tokens_are_chosen_as_in_single_steps(alone: StarterBench, together: StarterBench, seed: int) -> None:
    sampling: dict[str, Any] = {"temperature": 1.2, "seed": seed, **alone.never_ending}
    before = together.engine.stats()
    (expected, _), (tokens, _) = (bench.ask(None, **sampling) for bench in (alone, together))
    after = together.engine.stats()
    assert common_prefix(np.array(expected), np.array(tokens)) > 15
    accepted = after.accepted_tokens - before.accepted_tokens
    assert 0 < accepted < after.proposed_tokens - before.proposed_tokens


def test_stop_in_mid_answer_leaves_both_usable(alone: StarterBench, together: StarterBench) -> None:
    together.submit("stopped", together.long_prompt("stopped"), max_tokens=100, **together.never_ending)
    together.recorder.wait_for_tokens("stopped", 2)
    assert together.cancel("stopped").reason is FinishReason.CANCELLED
    (expected, _), (tokens, _) = (bench.ask(None, temperature=0.0) for bench in (alone, together))
    assert common_prefix(np.array(expected), np.array(tokens)) > len(expected) / 2


@pytest.fixture(scope="module")
def starter() -> Iterator[LlamaModel]:
    model = LlamaModel(MODEL_PATH, context=CONTEXT, parallel=1)
    yield model
    model.close()


def test_the_model_as_its_own_draft_model_is_remarked(starter: LlamaModel, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        starter.open_draft_model(MODEL_PATH).close()
    assert "is the model itself" in caplog.text


def test_a_draft_model_of_another_vocabulary_is_refused_with_both_names(starter: LlamaModel, tmp_path: Path) -> None:
    path = write_model(tmp_path / "other.gguf")
    with pytest.raises(ModelError) as raised:
        starter.open_draft_model(path)
    text = str(raised.value)
    assert str(path) in text
    assert str(MODEL_PATH) in text
    assert "choose a smaller model of the same family" in text


def test_a_draft_model_that_is_missing_or_no_model_is_refused(starter: LlamaModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such model file"):
        starter.open_draft_model(tmp_path / "missing.gguf")
    (tmp_path / "text.gguf").write_text("text")
    with pytest.raises(ModelError, match="not a GGUF file"):
        starter.open_draft_model(tmp_path / "text.gguf")


def small(folder: Path, name: str, **options: Any) -> Path:
    return write_model(folder / f"{name}.gguf", **options)


@pytest.mark.parametrize(
    ("tokens", "others", "words"),
    [
        (["<|a|>"], ["<|b|>"], "token 512 is '<|b|>' in it, and '<|a|>' in the model"),
        ([], [f"<|{n}|>" for n in range(129)], "it has 641 tokens, and the model 512"),
    ],
)
def test_a_vocabulary_that_differs_a_little_is_named(
    tmp_path: Path, tokens: list[str], others: list[str], words: str
) -> None:
    model = LlamaModel(small(tmp_path, "large", control=tokens), context=64, parallel=1)
    try:
        with pytest.raises(ModelError, match="this can't be the draft model of") as raised:
            model.open_draft_model(small(tmp_path, "draft", control=others))
        assert words in str(raised.value)
    finally:
        model.close()


def test_further_tokens_at_the_end_are_allowed_and_never_proposed(tmp_path: Path) -> None:
    model = LlamaModel(small(tmp_path, "large"), context=64, parallel=1)
    draft = model.open_draft_model(small(tmp_path, "draft", control=[f"<|{n}|>" for n in range(128)]))
    try:
        assert (model.facts.vocabulary, draft.facts.vocabulary) == (512, 640)
        draft._context._outputs, draft._context._logits = 1, np.arange(640, dtype=np.float32)[None]
        assert draft.greedy(0, model.facts.vocabulary) == 511
    finally:
        draft.close()
        model.close()


def test_an_abort_of_the_larger_model_reaches_the_draft_model(starter: LlamaModel) -> None:
    draft = starter.open_draft_model(MODEL_PATH)
    rows = [Row(token, 0, place, logits=False) for place, token in enumerate(range(20, 420))]
    try:
        starter.abort()
        assert draft.decode(rows) is DecodeOutcome.ABORTED
        starter.rearm()
        assert draft.forget(0)
        assert draft.decode(rows) is DecodeOutcome.COMPUTED
    finally:
        draft.close()
