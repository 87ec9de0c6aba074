"""Spin time of OpenMP's waiting threads. The runtime reads it once, when llama.cpp is loaded."""

import os
from collections.abc import MutableMapping
from typing import Final

SHORT_SPINNING: Final = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1"}
"""Variables of GCC's runtime (rounds) and of Clang's (milliseconds).

By default a waiting thread of GCC's runtime spins for up to 300,000 rounds. If other programs need the cores, it takes
the core that the computing thread needs. Measured with SmolLM2 on two cores beside two busy processes: 150 words in and
24 tokens out take 5.5 s by default and 2.9 s with 1,000 rounds. On idle cores both take 1.0 s.
"""

_CHOSEN: Final = ("OMP_WAIT_POLICY", *SHORT_SPINNING)


def shorten_spinning(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set SHORT_SPINNING, unless the user has chosen a way of waiting. Call it before llama_cpp is imported."""
    if not any(name in environment for name in _CHOSEN):
        environment.update(SHORT_SPINNING)
