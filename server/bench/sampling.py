"""Sampling for both sides: llama.cpp's defaults, explicit, and no answer that ends early."""

from __future__ import annotations

from typing import Any

NEVER = -100.0
"""Bias that makes a token impossible, in every API with biases."""


def sampling(max_tokens: int, ends: tuple[int, ...]) -> dict[str, Any]:
    """Return the parameters by their names in both APIs. ``ends``: tokens that would end an answer."""
    bias = {str(token): NEVER for token in ends}
    chosen: dict[str, Any] = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "max_tokens": max_tokens}
    return {**chosen, "logit_bias": bias} if bias else chosen
