"""The makers' recommendation applies where the model file has none."""

from typing import Any

import pytest

from server.engine.base import SamplingParams
from server.engine.recommended_sampling import UnusableSamplingError, known_sampling, recommended_sampling


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
    ],
)
def test_well_known_models_have_their_makers_figures(architecture: str, name: str, expected: tuple[float, ...]) -> None:
    sampling = recommended_sampling(named(architecture, name))
    assert (sampling.temperature, sampling.top_p, sampling.top_k) == expected


@pytest.mark.parametrize(
    ("architecture", "name"), [("llama", "TinyLlama 1.1B"), ("llama", ""), ("", ""), ("qwen2vl", "x")]
)
def test_an_unknown_model_has_the_defaults(architecture: str, name: str) -> None:
    assert recommended_sampling(named(architecture, name)) == SamplingParams()


def test_a_file_without_a_name_may_have_a_base_name() -> None:
    assert known_sampling({"general.architecture": "llama", "general.basename": "smollm2"})["temperature"] == 0.2


def test_the_file_s_own_recommendation_counts_alone() -> None:
    keys = named("qwen3", "Qwen3 8B", **{"general.sampling.temp": "0.5", "general.sampling.top_k": 7.0})
    sampling = recommended_sampling(keys)
    assert (sampling.temperature, sampling.top_k, sampling.top_p) == (0.5, 7, SamplingParams().top_p)


@pytest.mark.parametrize("value", ["hot", float("nan"), float("inf"), 2.0**31, [], 10**400])
def test_a_recommendation_that_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(UnusableSamplingError, match=r"general\.sampling\.temp"):
        recommended_sampling({"general.sampling.temp": value})
