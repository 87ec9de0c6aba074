"""Which tokens a sampler has to look at. A large vocabulary makes looking at all of them a cost of its own.

Pure numpy: knows nothing of llama.cpp but the layout of its ``llama_token_data``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.engine.model import LogitsError

TOKEN_DATA: Final = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""llama.cpp's ``llama_token_data``."""

STRIDE: Final = 64
"""Logits that share one maximum while the likeliest are looked for."""

Logits = NDArray[np.float32]


def check(logits: Logits) -> None:
    """Raises LogitsError when the model has computed something else than numbers."""
    if not np.isfinite(logits.max()):
        raise LogitsError("the model computed values that are not numbers (NaN or infinity)")


def likeliest(logits: Logits, count: int) -> NDArray[np.intp]:
    """The tokens of the ``count`` greatest logits, and possibly some more, in no order.

    The logits fall into groups. The ``count`` groups with the greatest maxima hold one logit each that is no less than
    the least of these maxima; so no token below that can be among the first ``count``.
    """
    groups = len(logits) // STRIDE
    if count * 4 > groups:
        count = min(count, len(logits))
        return np.argpartition(logits, len(logits) - count)[len(logits) - count :]
    even = groups * STRIDE
    maxima = logits[:even].reshape(STRIDE, groups).max(axis=0)
    least = np.partition(maxima, groups - count)[groups - count]
    return np.flatnonzero(logits >= least)


def everything(logits: Logits) -> NDArray[np.void]:
    """Every token as ``llama_token_data``."""
    data = np.empty(len(logits), TOKEN_DATA)
    data["id"] = np.arange(len(logits), dtype=np.int32)
    data["logit"] = logits
    return data


def some(logits: Logits, tokens: NDArray[np.intp]) -> NDArray[np.void]:
    """``tokens`` as ``llama_token_data``."""
    data = np.empty(len(tokens), TOKEN_DATA)
    data["id"] = tokens
    data["logit"] = logits[tokens]
    return data


def logprobs(logits: Logits, tokens: NDArray[np.intp]) -> NDArray[np.float32]:
    """The logarithms of the probabilities of ``tokens``, among all of the vocabulary."""
    greatest = logits.max()
    total = np.log(np.exp(logits - greatest).sum(dtype=np.float64)) + greatest
    likely: NDArray[np.float32] = (logits[tokens] - total).astype(np.float32)
    return likely
