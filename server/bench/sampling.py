"""How both sides choose tokens: llama.cpp's defaults, spelt out, and no answer that ends before its length."""

from __future__ import annotations

from typing import Any

NEVER = -100.0
"""The bias that makes a token impossible, in every API that has biases."""


def sampling(max_tokens: int, ends: tuple[int, ...]) -> dict[str, Any]:
    """The parameters, by the names that they have in both APIs. ``ends``: tokens that would end an answer."""
    bias = {str(token): NEVER for token in ends}
    chosen: dict[str, Any] = {"temperature": 0.8, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "max_tokens": max_tokens}
    return {**chosen, "logit_bias": bias} if bias else chosen
