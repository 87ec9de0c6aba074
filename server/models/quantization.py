"""Quantization of a model: llama.cpp's name of its ``general.file_type``, or the one in its name."""

from __future__ import annotations

import re
from typing import Final

FILE_TYPES: Final = {
    **{0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S"},
    **{12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K"},
    **{19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL"},
    **{26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16"},
    **{36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE"},
}
"""llama.cpp's ``llama_ftype``, by number."""

_IN_NAME: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:UD-)?(I?Q\d(?:_[A-Z0-9]+){0,2}|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F?P?16|F32)(?![A-Za-z0-9])", re.I
)


def quantization(file_type: object, name: str) -> str | None:
    """Return the name of the quantization; None when neither the number nor the model's name says it.

    In newer files the number is after the vocabulary, and the list of models doesn't read that far.
    """
    if isinstance(file_type, int) and (known := FILE_TYPES.get(file_type)):
        return known
    found = _IN_NAME.findall(name)
    return found[-1].upper().replace("FP16", "F16") if found else None
