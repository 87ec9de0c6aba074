"""Size of the fault tests: small in `make test`, large in `make soak`, which sets SOAK=1."""

from __future__ import annotations

import os
from typing import Final

SOAK: Final = os.environ.get("SOAK") == "1"

DEADLINE: Final = 7200.0 if SOAK else 240.0
"""Time limit of a test, in seconds. No test comes near it, even on a busy machine."""


def scaled(short: int, long: int) -> int:
    """Return ``long`` in the soak, else ``short``."""
    return long if SOAK else short
