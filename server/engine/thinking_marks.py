"""The marks that models put around their thinking, and before calls: the server's only table of them.

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
"""Marks that open and close a thought."""

HEADER_TOKENS: Final = (
    ("<|channel|>", "<|message|>", "<|start|>", "<|constrain|>", "<|end|>"),
    ("<|think|>", "<|content|>", "<|begin|>", "<|end|>"),
)
"""Tokens of formats in which each part of an answer has a header: gpt-oss and Solar Open.

A model has a format when its vocabulary has the first two of its tokens.
"""

CALL_MARKS: Final = ("<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]", "<|python_tag|>")
"""Marks around calls and their parts (server/chat/tools)."""

MARKS: Final = tuple(dict.fromkeys(mark for group in (*PAIRS, *HEADER_TOKENS, CALL_MARKS) for mark in group))
"""Each mark once."""


def visible_tokens(names: frozenset[str]) -> frozenset[str]:
    """Return the tokens to deliver as text, of a vocabulary whose control tokens are called ``names``."""
    wanted = {mark for pair in (*PAIRS, CALL_MARKS) for mark in pair}
    for tokens in HEADER_TOKENS:
        if names.issuperset(tokens[:2]):
            wanted.update(tokens)
    return names & wanted
