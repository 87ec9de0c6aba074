"""The real engine: llama.cpp with the starter model."""

import time
from collections.abc import Iterator
from pathlib import Path

import llama_cpp
import pytest

from server.engine.base import FinishReason, ModelError, Phase, Prefill
from server.engine.llama import LlamaModel
from server.engine.model import DecodeOutcome, Row
from server.engine.model_defaults import ModelDefaults
from server.kv_types import KvTypes
from server.model_options import ModelOptions
from server.starter import MODEL_PATH
from tests.server.engine.recorder import submit
from tests.server.engine.starter import CONTEXT, StarterBench


@pytest.fixture(scope="module")
def bench() -> Iterator[StarterBench]:
    bench = StarterBench(parallel=2)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def fresh_answer() -> str:
    """Return the greedy answer of a context in which nothing was computed before."""
    bench = StarterBench(parallel=2)
    text = bench.answer("fresh", temperature=0)
    bench.close()
    return text


def test_greedy_answers_are_always_the_same(bench: StarterBench, fresh_answer: str) -> None:
    assert bench.answer("greedy", temperature=0) == fresh_answer != ""


def test_the_same_seed_gives_the_same_answer_and_another_seed_another(bench: StarterBench) -> None:
    first = bench.answer("seed 1", seed=1, temperature=1.5)
    assert bench.answer("seed 1 again", seed=1, temperature=1.5) == first
    assert bench.answer("seed 2", seed=2, temperature=1.5) != first


def test_logit_bias_forces_a_token(bench: StarterBench) -> None:
    token = bench.engine.tokenize("story")[-1]
    submit(bench.engine, "bias", bench.prompt(), temperature=0, max_tokens=3, logit_bias={token: 100.0})
    bench.recorder.finished("bias")
    assert bench.recorder.text("bias") == bench.model.piece(token).decode() * 3


def test_a_repeat_penalty_changes_what_is_said(bench: StarterBench, fresh_answer: str) -> None:
    assert bench.answer("penalty", temperature=0, repeat_penalty=1.8) != fresh_answer


def test_a_prompt_gets_its_bos_once(bench: StarterBench) -> None:
    bos = bench.model.facts.bos
    tokens = bench.engine.tokenize("Hello")
    assert bench.engine.tokenize(bos + "Hello") == tokens
    assert not bos or tokens.count(tokens[0]) == 1


def test_a_full_context_ends_the_answer_with_length(bench: StarterBench) -> None:
    prompt = bench.prompt(200)[: CONTEXT - 5]
    submit(bench.engine, "full", prompt, **bench.never_ending)
    finished = bench.recorder.finished("full")
    assert (finished.reason, finished.usage.completion_tokens) == (FinishReason.LENGTH, 5)


def test_two_at_once_are_both_answered(bench: StarterBench) -> None:
    for id in ("left", "right"):
        submit(bench.engine, id, bench.prompt(), max_tokens=40, **bench.never_ending)
    for id in ("left", "right"):
        assert bench.recorder.finished(id).usage.completion_tokens == 40


def test_after_a_cancel_at_most_one_more_token_is_computed(bench: StarterBench) -> None:
    submit(bench.engine, "long", bench.prompt(), **bench.never_ending)
    bench.recorder.wait_for_pieces("long", 10)
    bench.model.gate.close()
    bench.model.gate.wait_until_held()
    computed = bench.engine.stats().completion_tokens
    bench.engine.cancel("long", time.monotonic())
    bench.model.gate.open()
    finished = bench.recorder.finished("long")
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.DECODE)
    assert bench.engine.stats().completion_tokens - computed <= 1
    assert finished.timings.stop is not None
    assert (bench.engine.stats().running, bench.engine.stats().kv_tokens) == (0, 0)


def test_a_cancel_inside_a_long_prompt_leaves_the_rest_of_it_unread(bench: StarterBench) -> None:
    prompt = bench.long_prompt("unread")
    bench.model.gate.close()
    submit(bench.engine, "unread", prompt, **bench.never_ending)
    bench.model.gate.step()
    bench.recorder.wait_for_prefill("unread", 1)
    finished = bench.cancel("unread")
    bench.model.gate.open()
    assert (finished.reason, finished.phase) == (FinishReason.CANCELLED, Phase.PREFILL)
    read = max(update.done for update in bench.recorder.of("unread") if isinstance(update, Prefill))
    assert 0 < read < len(prompt)


@pytest.mark.parametrize("phase", [Phase.PREFILL, Phase.DECODE])
def test_after_a_cancel_the_next_answer_is_that_of_a_fresh_context(
    bench: StarterBench, fresh_answer: str, phase: Phase
) -> None:
    for round in range(3):
        id = f"{phase} {round}"
        bench.model.gate.close()
        submit(bench.engine, id, bench.long_prompt(id)[:900], **bench.never_ending)
        if phase is Phase.PREFILL:
            bench.model.gate.step(round + 1)
            bench.recorder.wait_for_prefill(id, 1)
        else:
            bench.model.gate.open()
            bench.recorder.wait_for_pieces(id, 3)
        assert bench.cancel(id).phase is phase
        bench.model.gate.open()
        assert bench.answer(f"after {id}", temperature=0) == fresh_answer


def test_an_abort_in_the_middle_of_a_decode_leaves_the_other_answer_right(
    bench: StarterBench, fresh_answer: str
) -> None:
    submit(bench.engine, "kept", bench.prompt(), temperature=0, max_tokens=60, **bench.never_ending)
    for round in range(10):
        id = f"dropped {round}"
        submit(bench.engine, id, bench.long_prompt(id))
        bench.recorder.wait(id, bool)
        bench.cancel(id)
    bench.recorder.finished("kept")
    assert bench.recorder.text("kept") == fresh_answer


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_file_that_is_absent_or_something_else_is_named(tmp_path: Path) -> None:
    for path, reason in (
        (tmp_path / "absent.gguf", "there is no such model file"),
        (tmp_path, "can't be read"),
        (write(tmp_path / "notes.txt", b"Dear diary"), "not a GGUF file"),
        (write(tmp_path / "empty.gguf", b""), "not a GGUF file"),
    ):
        with pytest.raises(ModelError, match=reason) as raised:
            LlamaModel(path)
        assert str(path) in str(raised.value)


@pytest.mark.parametrize("part", [0.00001, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_reported_in_one_line(tmp_path: Path, part: float) -> None:
    whole = MODEL_PATH.read_bytes()
    path = write(tmp_path / "cut.gguf", whole[: max(8, int(len(whole) * part))])
    with pytest.raises(ModelError, match=r"cut\.gguf: llama\.cpp can't load this file: \w+") as raised:
        LlamaModel(path)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith("corrupted or incomplete; download it again") or part < 0.1


def test_a_file_that_is_replaced_while_it_loads_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "model.gguf", MODEL_PATH.read_bytes())
    load = llama_cpp.llama_model_load_from_file

    def replaced_while_it_loads(*arguments: object) -> object:
        model = load(*arguments)
        write(tmp_path / "new.gguf", b"GGUF").replace(path)
        return model

    monkeypatch.setattr("llama_cpp.llama_model_load_from_file", replaced_while_it_loads)
    with pytest.raises(ModelError, match=r"model\.gguf: the model file was changed or deleted meanwhile"):
        LlamaModel(path)


@pytest.mark.parametrize(("chosen", "kept", "expected"), [(None, 256, 256), (512, 256, 512), (None, 99_999, 2048)])
def test_a_context_beside_the_file_bounds_one_that_is_not_chosen(chosen: int | None, kept: int, expected: int) -> None:
    model = LlamaModel(MODEL_PATH, context=chosen, parallel=1, defaults=ModelDefaults(context=kept, stop=("User:",)))
    facts = model.facts
    model.close()
    assert (facts.context, facts.sampling.stop) == (expected, ("User:",))


def test_a_context_that_no_memory_can_hold_names_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llama_cpp.llama_init_from_model", lambda model, params: None)
    with pytest.raises(ModelError, match=r"4 sequences of 5000 tokens .*--context or --parallel"):
        LlamaModel(MODEL_PATH, context=5000, parallel=4)


def test_options_of_the_model_alone_count_before_those_of_all_models() -> None:
    kv = KvTypes("q8_0", "q4_0")
    options = ModelOptions(context=256, parallel=2, kv=kv, gpu_layers=0, sampling={"temperature": 0.5})
    model = LlamaModel(MODEL_PATH, context=512, parallel=4, options=options)
    usual = LlamaModel(MODEL_PATH, context=256, parallel=2)
    assert (model.facts.context, model.slots, model.cells) == (256, 2, 512)
    rows = [Row(token, 0, n, False) for n, token in enumerate(model.tokenize("Tell me a story of a small model."))]
    for each in (model, usual):
        assert each.decode(rows) is DecodeOutcome.COMPUTED
    parts = len(model.save(0)) / len(usual.save(0))
    assert parts == pytest.approx(kv.bytes(1000, 1000) / KvTypes().bytes(1000, 1000), abs=0.02)
    assert not usual.restore(1, model.save(0))
    assert model.restore(1, model.save(0))
    assert model.kv_identity != usual.kv_identity
    model.close()
    usual.close()


def test_kv_types_that_a_model_can_t_have_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llama_cpp.llama_init_from_model", lambda model, params: None)
    with pytest.raises(ModelError, match=r"or other KV types than q8_0 and f16 in models\.toml"):
        LlamaModel(MODEL_PATH, options=ModelOptions(kv=KvTypes("q8_0", "f16")))


def test_gpu_layers_without_a_gpu_are_remarked(caplog: pytest.LogCaptureFixture) -> None:
    LlamaModel(MODEL_PATH, context=64, parallel=1, options=ModelOptions(gpu_layers=3)).close()
    remarked = [record for record in caplog.records if "gpu_layers in models.toml does nothing" in record.getMessage()]
    assert len(remarked) == (0 if llama_cpp.llama_supports_gpu_offload() else 1)
