"""The text of an answer without its calls."""

from __future__ import annotations

from collections.abc import Collection

from server.chat.tools.answer_splitter import AnswerSplitter


def without_calls(text: str, names: Collection[str]) -> str:
    """Return an answer's text without the calls of the functions ``names``, with its thoughts in ``<think>`` marks.

    A text without calls is returned unchanged.
    """
    splitter = AnswerSplitter(names, str)
    begin, end = splitter.feed(text), splitter.end()
    if not begin.calls:
        return text
    thought, rest = (begin.thinking + end.thinking).strip(), begin.text + end.text
    return f"<think>\n{thought}\n</think>\n\n{rest}" if thought else rest
