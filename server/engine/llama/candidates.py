"""Selection of the tokens that a sampler must look at. In a large vocabulary, looking at all of them is expensive.

Pure numpy; of llama.cpp it knows only the layout of ``llama_token_data``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.engine.model import LogitsError

TOKEN_DATA: Final = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
"""Layout of llama.cpp's ``llama_token_data``."""

STRIDE: Final = 64
"""Number of logits per group in the search for the likeliest tokens."""

Logits = NDArray[np.float32]


def check(logits: Logits) -> None:
    """Raise LogitsError when the logits contain NaN or infinity."""
    if not np.isfinite(logits.max()):
        raise LogitsError("the model computed values that are not numbers (NaN or infinity)")


def likeliest(logits: Logits, count: int) -> NDArray[np.intp]:
    """Return the tokens of the ``count`` greatest logits, and possibly some more, unordered.

    The logits are split into groups. Each of the ``count`` groups with the greatest maxima has a logit that is at least
    the smallest of these maxima; so no token below that value can be among the first ``count``.
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
    """Return every token as ``llama_token_data``."""
    data = np.empty(len(logits), TOKEN_DATA)
    data["id"] = np.arange(len(logits), dtype=np.int32)
    data["logit"] = logits
    return data


def some(logits: Logits, tokens: NDArray[np.intp]) -> NDArray[np.void]:
    """Return ``tokens`` as ``llama_token_data``."""
    data = np.empty(len(tokens), TOKEN_DATA)
    data["id"] = tokens
    data["logit"] = logits[tokens]
    return data


def logprobs(logits: Logits, tokens: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the log probabilities of ``tokens`` over the whole vocabulary."""
    greatest = logits.max()
    total = np.log(np.exp(logits - greatest).sum(dtype=np.float64)) + greatest
    likely: NDArray[np.float32] = (logits[tokens] - total).astype(np.float32)
    return likely
