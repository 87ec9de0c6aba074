"""How long the fault tests are: short in `make test`, long in `make soak`, which sets SOAK=1."""

from __future__ import annotations

import os
from typing import Final

SOAK: Final = os.environ.get("SOAK") == "1"

DEADLINE: Final = 7200.0 if SOAK else 240.0
"""Seconds after which a test gives up; none comes near it, however busy the machine."""


def scaled(short: int, long: int) -> int:
    """``long`` in the soak, else ``short``."""
    return long if SOAK else short
