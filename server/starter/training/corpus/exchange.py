"""Types of the generators: an exchange (question and answer), and a source of exchanges."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Exchange:
    """One question and its answer. `verbatim` questions (names, code) get no typing errors."""

    question: str
    answer: str
    verbatim: bool = False


Source = Callable[[random.Random], list[Exchange]]
"""A generator: returns one exchange, or several of which the later ones follow up the first."""
