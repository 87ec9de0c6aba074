"""Patterns with choices: `{a|b|}` is one of its parts, `<name>` is a slot. Braces without a bar are plain text."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")
SLOT = re.compile(r"<([a-zA-Z_']+2?)>")
SPACES = re.compile(r" {2,}")


def expand(pattern: str, rng: random.Random) -> str:
    r"""Expand the pattern to one text. Innermost choices are made first; `\n` becomes a line break."""
    while CHOICE.search(pattern):
        pattern = CHOICE.sub(lambda match: rng.choice(match[1].split("|")), pattern)
    return pattern.replace("\\n", "\n")


def fill(text: str, slots: Mapping[str, str]) -> str:
    """Insert the values of the slots; a slot without a value stays unchanged."""
    return SLOT.sub(lambda match: slots.get(match[1], match[0]), text)


def tidy(question: str) -> str:
    """Reduce spaces to single ones (an omitted optional part may have left two)."""
    return SPACES.sub(" ", question).strip()
