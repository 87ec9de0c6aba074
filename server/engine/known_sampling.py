"""Sampling parameters that the makers of well-known models recommend, each with its source.

Models whose makers say nothing are left out: Gemma 2, Phi-3, Phi-4 and Mistral 7B have no such values in their model
cards, nor in their generation_config.json.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

NAMES: Final = ("general.architecture", "general.name", "general.basename")
"""Keys of a model file that say which model it is."""


@dataclass(frozen=True, slots=True)
class KnownSampling:
    """Sampling of the models whose whole architecture matches a pattern, and whose name contains a match of the other.

    ``source`` is a repository, of Hugging Face's hub unless it says otherwise, and the place in it with the values.
    """

    architecture: str
    name: str
    sampling: Mapping[str, Any]
    source: str


CARD: Final = "model card"
CONFIG: Final = "generation_config.json"

KNOWN: Final = (
    KnownSampling(
        "llama", r"smollm2", {"temperature": 0.2, "top_p": 0.9}, f"HuggingFaceTB/SmolLM2-135M-Instruct, {CARD}"
    ),
    KnownSampling("smollm3", r"", {"temperature": 0.6, "top_p": 0.95}, f"HuggingFaceTB/SmolLM3-3B, {CARD}"),
    KnownSampling(
        "llama|qwen[23]",
        r"deepseek-r1",
        {"temperature": 0.6, "top_p": 0.95},
        f"deepseek-ai/DeepSeek-R1-Distill-Qwen-7B, {CARD} and {CONFIG}",
    ),
    KnownSampling(
        "qwen3(moe)?",
        r"qwen3-coder",
        {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "repeat_penalty": 1.05},
        f"Qwen/Qwen3-Coder-30B-A3B-Instruct, {CARD}",
    ),
    KnownSampling(
        "qwen3(moe|next)?",
        r"instruct",
        {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "min_p": 0.0},
        f"Qwen/Qwen3-4B-Instruct-2507, {CARD}",
    ),
    # For thinking, which is the default.
    KnownSampling(
        "qwen3(moe|next)?",
        r"",
        {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0},
        f"Qwen/Qwen3-8B, {CARD}",
    ),
    KnownSampling(
        "qwen2",
        r"qwen2.5.*instruct",
        {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "repeat_penalty": 1.05},
        f"Qwen/Qwen2.5-7B-Instruct, {CONFIG}",
    ),
    # The file has no temperature, which means 1.
    KnownSampling(
        "gemma3n?",
        r"",
        {"temperature": 1.0, "top_p": 0.95, "top_k": 64, "min_p": 0.0},
        f"google/gemma-3-4b-it, {CONFIG}",
    ),
    KnownSampling(
        "llama",
        r"llama-?3.*instruct",
        {"temperature": 0.6, "top_p": 0.9},
        f"meta-llama/Llama-3.2-1B-Instruct, {CONFIG}",
    ),
    KnownSampling(
        "llama4", r"", {"temperature": 0.6, "top_p": 0.9}, f"meta-llama/Llama-4-Scout-17B-16E-Instruct, {CONFIG}"
    ),
    KnownSampling(
        "llama|mistral3",
        r"mistral-small-3",
        {"temperature": 0.15},
        f"mistralai/Mistral-Small-3.2-24B-Instruct-2506, {CARD} and {CONFIG}",
    ),
    KnownSampling(
        "llama|mistral3", r"mistral-nemo", {"temperature": 0.3}, f"mistralai/Mistral-Nemo-Instruct-2407, {CARD}"
    ),
    KnownSampling(
        "llama|mistral3",
        r"magistral-small",
        {"temperature": 0.7, "top_p": 0.95},
        f"mistralai/Magistral-Small-2506, {CARD}",
    ),
    KnownSampling(
        "gpt-oss", r"", {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0}, "openai/gpt-oss, README on GitHub"
    ),
    KnownSampling(
        "phi3",
        r"phi-4-reasoning",
        {"temperature": 0.8, "top_p": 0.95, "top_k": 50},
        f"microsoft/Phi-4-reasoning, {CARD} and {CONFIG}",
    ),
)
"""The first match counts."""


def known_sampling(keys: Mapping[str, Any]) -> KnownSampling | None:
    """Return the row for the model that these keys of its file name; None for an unknown one."""
    architecture, *names = (str(keys.get(key) or "").lower().replace(" ", "-").replace("_", "-") for key in NAMES)
    for known in KNOWN:
        if re.fullmatch(known.architecture, architecture) and any(re.search(known.name, name) for name in names):
            return known
    return None
