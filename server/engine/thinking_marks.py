"""The marks that models put around their thinking: the server's one table of them.

``frontend/rendering/markdown/thinking-marks.js`` is the page's; a test compares the two.
"""

from __future__ import annotations

from typing import Final

PAIRS: Final = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<think:opensource>", "</think:opensource>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|channel>thought", "<channel|>"),
)
"""What begins a thought, and what ends it."""

HEADER_TOKENS: Final = (
    ("<|channel|>", "<|message|>", "<|start|>", "<|constrain|>", "<|end|>"),
    ("<|think|>", "<|content|>", "<|begin|>", "<|end|>"),
)
"""The tokens of formats in which each part of an answer has a header: that of gpt-oss, and that of Solar Open.

The first two of a format tell that a model has it.
"""

MARKS: Final = tuple(dict.fromkeys(mark for group in (*PAIRS, *HEADER_TOKENS) for mark in group))
"""Each mark once."""


def visible_tokens(names: frozenset[str]) -> frozenset[str]:
    """The tokens that have to be given out as text, of a vocabulary whose control tokens are called ``names``."""
    wanted = {mark for pair in PAIRS for mark in pair}
    for tokens in HEADER_TOKENS:
        if names.issuperset(tokens[:2]):
            wanted.update(tokens)
    return names & wanted
