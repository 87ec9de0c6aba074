"""Number formats of the KV cache."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

BYTES: Final = {
    "f32": Fraction(4),
    "f16": Fraction(2),
    "bf16": Fraction(2),
    "q8_0": Fraction(34, 32),
    "q5_1": Fraction(24, 32),
    "q5_0": Fraction(22, 32),
    "q4_1": Fraction(20, 32),
    "q4_0": Fraction(18, 32),
    "iq4_nl": Fraction(18, 32),
}
"""Bytes of one number by the name of its format in llama.cpp. Quantized ones share a scale among 32 numbers."""

EXACT: Final = ("f32", "f16", "bf16")
"""Formats that are not quantized."""


@dataclass(frozen=True, slots=True)
class KvTypes:
    """Formats of the keys and the values, names in BYTES. The defaults are llama.cpp's."""

    keys: str = "f16"
    values: str = "f16"

    @property
    def needs_flash_attention(self) -> bool:
        """True if only flash attention can read the values: llama.cpp has no other way to read quantized ones."""
        return self.values not in EXACT

    def bytes(self, keys: int, values: int) -> int:
        """Return the size of that many numbers, in bytes."""
        return int(BYTES[self.keys] * keys + BYTES[self.values] * values)


DEFAULT: Final = KvTypes()
