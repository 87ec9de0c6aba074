"""The makers' recommendation applies where the model file has none."""

import re
from pathlib import Path
from typing import Any

import pytest

from server.engine.base import SamplingParams
from server.engine.known_sampling import KNOWN, known_sampling
from server.engine.model_defaults import ModelDefaults
from server.engine.recommended_sampling import BY_FILE, BY_NOBODY, UnusableSamplingError, recommended_sampling

ROOT = Path(__file__).parents[3]


def named(architecture: str, name: str, **more: Any) -> dict[str, Any]:
    return {"general.architecture": architecture, "general.name": name, **more}


@pytest.mark.parametrize(
    ("architecture", "name", "expected"),
    [
        ("llama", "Smollm2 135M 8k Lc100K Mix1 Ep2", (0.2, 0.9, 40)),
        ("qwen3", "Qwen3 8B", (0.6, 0.95, 20)),
        ("qwen3moe", "Qwen3 30B A3B Instruct 2507", (0.7, 0.8, 20)),
        ("qwen3", "Qwen3-4B-Thinking-2507", (0.6, 0.95, 20)),
        ("qwen2", "Qwen2.5 7B Instruct", (0.7, 0.8, 20)),
        ("gemma3", "Gemma 3 1b It", (1.0, 0.95, 64)),
        ("gemma3n", "Gemma 3n E2B It", (1.0, 0.95, 64)),
        ("llama", "Llama 3.2 1B Instruct", (0.6, 0.9, 40)),
        ("llama", "Meta-Llama-3.1-8B-Instruct", (0.6, 0.9, 40)),
        ("llama", "Mistral Small 3.2 24B Instruct 2506", (0.15, 0.95, 40)),
        ("gpt-oss", "Gpt Oss 20b", (1.0, 1.0, 0)),
        ("smollm3", "SmolLM3 3B", (0.6, 0.95, 40)),
        ("llama", "DeepSeek R1 Distill Llama 8B", (0.6, 0.95, 40)),
        ("qwen2", "DeepSeek R1 Distill Qwen 7B", (0.6, 0.95, 40)),
        ("qwen3", "DeepSeek-R1-0528-Qwen3-8B", (0.6, 0.95, 40)),
        ("llama4", "Llama 4 Scout 17B 16E Instruct", (0.6, 0.9, 40)),
        ("llama", "Mistral Nemo Instruct 2407", (0.3, 0.95, 40)),
        ("llama", "Magistral Small 2506", (0.7, 0.95, 40)),
        ("phi3", "Phi 4 Reasoning Plus", (0.8, 0.95, 50)),
    ],
)
def test_well_known_models_have_their_makers_figures(architecture: str, name: str, expected: tuple[float, ...]) -> None:
    recommended = recommended_sampling(named(architecture, name))
    sampling = recommended.sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == expected
    assert recommended.source in [known.source for known in KNOWN]


def test_models_that_repeat_themselves_have_a_penalty() -> None:
    coder = recommended_sampling(named("qwen3moe", "Qwen3 Coder 30B A3B Instruct")).sampling
    assert (coder.temperature, coder.repeat_penalty) == (0.7, 1.05)
    assert recommended_sampling(named("qwen3moe", "Qwen3 30B A3B Instruct 2507")).sampling.repeat_penalty == 1.0


def test_every_source_is_in_the_documentation() -> None:
    text = (ROOT / "docs" / "models.md").read_text()
    for known in KNOWN:
        repository, _, place = known.source.partition(", ")
        assert re.search(rf"\[{re.escape(repository)}\]\(https://\S+{repository}\), {re.escape(place)} ", text)


@pytest.mark.parametrize(
    ("architecture", "name"),
    [
        *(("llama", "TinyLlama 1.1B"), ("llama", ""), ("", ""), ("qwen2vl", "x"), ("gemma2", "Gemma 2 9b It")),
        *(("phi3", "Phi 4"), ("phi3", "Phi 4 Mini Reasoning"), ("llama", "Mistral 7B Instruct v0.3")),
    ],
)
def test_an_unknown_model_has_the_defaults(architecture: str, name: str) -> None:
    recommended = recommended_sampling(named(architecture, name))
    assert (recommended.sampling, recommended.source) == (SamplingParams(), BY_NOBODY)


def test_a_file_without_a_name_may_have_a_base_name() -> None:
    known = known_sampling({"general.architecture": "llama", "general.basename": "smollm2"})
    assert known is not None
    assert known.sampling["temperature"] == 0.2


def test_the_file_s_own_recommendation_counts_alone() -> None:
    keys = named("qwen3", "Qwen3 8B", **{"general.sampling.temp": "0.5", "general.sampling.top_k": 7.0})
    recommended = recommended_sampling(keys)
    sampling = recommended.sampling
    assert (sampling.temperature, sampling.top_k, sampling.top_p) == (0.5, 7, SamplingParams().top_p)
    assert recommended.source == BY_FILE


def test_what_is_kept_beside_the_file_counts_after_it_and_before_the_makers() -> None:
    defaults = ModelDefaults(sampling={"temperature": 0.3, "repeat_last_n": 32}, stop=("User:",), source="Ollama")
    recommended = recommended_sampling(named("qwen3", "Qwen3 8B"), defaults)
    sampling = recommended.sampling
    assert (sampling.temperature, sampling.repeat_last_n, sampling.top_k) == (0.3, 32, SamplingParams().top_k)
    assert (sampling.stop, recommended.source) == (("User:",), "Ollama")
    by_file = recommended_sampling({"general.sampling.temp": 0.5}, defaults)
    assert (by_file.sampling.temperature, by_file.sampling.repeat_last_n) == (0.5, SamplingParams().repeat_last_n)
    assert (by_file.sampling.stop, by_file.source) == (("User:",), BY_FILE)


def test_stop_strings_alone_leave_the_makers_values() -> None:
    recommended = recommended_sampling(named("qwen3", "Qwen3 8B"), ModelDefaults(stop=("User:",), source="Ollama"))
    assert (recommended.sampling.temperature, recommended.sampling.stop) == (0.6, ("User:",))
    assert recommended.source.startswith("Qwen/")


@pytest.mark.parametrize("value", ["hot", float("nan"), float("inf"), 2.0**31, [], 10**400])
def test_a_recommendation_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(UnusableSamplingError, match=r"general\.sampling\.temp"):
        recommended_sampling({"general.sampling.temp": value})
