"""Separation of an answer into thinking and reply, and detection of a thought that the prompt opens.

``frontend/rendering/markdown/thinking-splitter.js`` does the same for text that arrives in pieces; both must pass
``tests/thinking-cases.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from server.chat.prompt import Prompt, clipped
from server.engine.thinking_marks import PAIRS

_ENDS: Final = dict(PAIRS)
_LONE_ENDS: Final = tuple(_ENDS.values())
_MARKS: Final = (*_ENDS, *_LONE_ENDS)
_BEGIN: Final = re.compile("|".join(re.escape(begin) for begin in _ENDS))
_HEADER: Final = re.compile(
    r"(?:<\|start\|>assistant[^<\n]{0,80})?<\|channel\|>(?P<channel>[a-z]{0,20})[^<\n]{0,80}"
    r"(?:<\|constrain\|>[^<\n]{0,80})?(?:<\|message\|>|\Z)"
    r"|<\|start\|>(?:assistant[^<\n]{0,80})?\Z"
    r"|(?:<\|begin\|>assistant)?<\|(?P<part>think|content)\|>"
)
"""Header of each part of an answer of gpt-oss or Solar Open; at the end of a text also an incomplete one."""
_WRITTEN_MARK: Final = re.compile(
    "|".join(re.escape(mark) for pair in PAIRS for mark in pair) + rf"|(?:<\|end\|>)?(?:{_HEADER.pattern})"
)
_PART_END: Final = "<|end|>"
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_FENCE: Final = re.compile(r"[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t][ \t>]*)*(`{3,}|~{3,})(.*)", re.DOTALL)
_BEFORE_QUOTED: Final = " \t\"'\u201c\u2018\u00ab\u201e(["
"""Characters before a mark that is only mentioned in a sentence."""
_RUN: Final = re.compile("`+")
_OPENED: Final = re.compile(r"(?:" + "|".join(re.escape(begin) for begin in _ENDS) + r"|<\|think\|>)\s*\Z")

FIELDS: Final = ("reasoning_content", "reasoning", "thinking", "thought")
"""Field names that templates use for thinking, most common first."""
_FIELD: Final = re.compile(
    r"(?:\b(?:\w*(?:message|msg)\w*|m|turn)|\])(?:\.|\[\s*['\"]|\.get\(\s*['\"])(" + "|".join(FIELDS) + r")\b"
)


class AnswerParts(NamedTuple):
    """``thinking``: None when the text has none."""

    thinking: str | None
    answer: str


def parts(text: str) -> AnswerParts:
    """Split an answer's raw text into its parts. Without a thinking mark it is returned unchanged."""
    found = [(is_thinking, text[start:end]) for is_thinking, start, end in _segments(text)]
    if not any(is_thinking for is_thinking, _ in found) and "".join(part for _, part in found) == text:
        return AnswerParts(None, text)
    thoughts = [thought.strip() for is_thinking, thought in found if is_thinking]
    answers = [part for is_thinking, part in found if not is_thinking and part]
    return AnswerParts("\n\n".join(filter(None, thoughts)), "\n\n".join(answers).lstrip())


def thoughts(text: str) -> Iterator[tuple[int, int]]:
    """Yield the range of each thought of an answer, in code points, without the marks around it."""
    return ((start, end) for is_thinking, start, end in _segments(text) if is_thinking)


def opened(prompt: str) -> str:
    """Return the end of ``prompt`` that opens a thought, starting at the mark; empty when there is none."""
    found = _OPENED.search(prompt, max(0, len(prompt) - 64))
    return found.group() if found else ""


def closing(opened: str) -> str:
    """Return the text that ends a thought without content, after the text that ``opened`` it; empty without one."""
    end = _ENDS.get(opened.strip())
    return f"\n{end}\n\n" if end else ""


def continued(prompt: Prompt, written: str) -> tuple[Prompt, str]:
    """Return the prompt with the text already ``written``, and the opening of the answer's text.

    When the template opens a thought at the end of the prompt, the text begins with that mark. A continued answer has
    the mark already or has no thought; the prompt's own is then dropped.
    """
    mark = opened(prompt.text)
    if mark and prompt.quoted and prompt.quoted[-1][1] > len(prompt.text) - len(mark):
        mark = ""  # a person's text at the end of the template
    if not written.strip():
        return prompt, mark
    end = len(prompt.text)
    if mark and (written.lstrip().startswith(mark.rstrip()) or parts(written).thinking is None):
        end -= len(mark)
    quoted = ((end + first, end + last) for first, last in outside_marks(written))
    return Prompt(prompt.text[:end] + written, (*clipped(prompt.quoted, end), *quoted), prompt.lost), ""


def outside_marks(written: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a partial answer outside the thinking marks that the model wrote."""
    begin = 0
    for mark in _WRITTEN_MARK.finditer(written):
        if mark.start() > begin:
            yield begin, mark.start()
        begin = mark.end()
    if begin < len(written):
        yield begin, len(written)


def field_read(source: str) -> str | None:
    """Return the field of an answer from which a template reads thinking; None when it reads none."""
    read = {found[1] for found in _FIELD.finditer(source)}
    return next((field for field in FIELDS if field in read), None)


def answered(text: str, field: str | None) -> dict[str, str] | None:
    """Build the message of an earlier answer for a template: the reply, and the thinking in ``field``.

    None when there is no reply: the answer was stopped before or during its thinking.
    """
    thinking, answer = parts(text)
    if not answer.strip():
        return None
    message = {"role": "assistant", "content": answer}
    return {**message, field: thinking} if field and thinking else message


def _segments(text: str) -> Iterator[tuple[bool, int, int]]:
    """Yield each part of ``text``: a flag for thinking, its start and its end."""
    at = _BLANK.match(text).end()  # type: ignore[union-attr]  # it matches everything
    if (header := _HEADER.match(text, at)) and header.end() > at:
        yield from _headed(text, header)
    elif begin := _BEGIN.match(text, at):
        yield from _from_thought(text, begin.end(), _ENDS[begin.group()])
    elif lone := _lone_end(text):
        yield True, 0, lone[0]
        yield from _after_thought(text, lone[1])
    else:
        yield False, 0, len(text)


def _from_thought(text: str, start: int, mark: str) -> Iterator[tuple[bool, int, int]]:
    end = _end_of_thought(text, start, mark)
    yield True, start, len(text) if end is None else end
    if end is not None:
        yield from _after_thought(text, end + len(mark))


def _after_thought(text: str, start: int) -> Iterator[tuple[bool, int, int]]:
    """Yield the parts after a thought: another thought, or the reply."""
    at = _BLANK.match(text, start).end()  # type: ignore[union-attr]
    if begin := _BEGIN.match(text, at):
        yield from _from_thought(text, begin.end(), _ENDS[begin.group()])
    else:
        yield False, start, len(text)


def _headed(text: str, header: re.Match[str]) -> Iterator[tuple[bool, int, int]]:
    """Yield the parts of an answer whose parts have headers."""
    following: re.Match[str] | None = header
    while following:
        is_thinking = following["channel"] == "analysis" or following["part"] == "think"
        start, following = following.end(), None
        end = _end_of_thought(text, start, _PART_END) if is_thinking else _end_of_said(text, start)
        yield is_thinking, start, len(text) if end is None else end
        if end is None:
            return
        rest = _BLANK.match(text, end + len(_PART_END)).end()  # type: ignore[union-attr]
        following = _HEADER.match(text, rest)
        if following is None and rest < len(text):
            yield False, end + len(_PART_END), len(text)


def _end_of_said(text: str, start: int) -> int | None:
    """Return the end of a reply: a mark followed by another header or by nothing."""
    at = text.find(_PART_END, start)
    while at >= 0:
        rest = _BLANK.match(text, at + len(_PART_END)).end()  # type: ignore[union-attr]
        if rest == len(text) or _HEADER.match(text, rest):
            return at
        at = text.find(_PART_END, at + 1)
    return None


def _lone_end(text: str) -> tuple[int, int] | None:
    """Return the end mark of a thought that began in the prompt: its position, and that of the text after it.

    None also when an opening mark precedes it: the text then only mentions both.
    """
    if not any(mark in text for mark in _LONE_ENDS):
        return None
    fence: str | None = None
    for start, line in _lines(text):
        if fence is None:
            for at, mark in _outside_code(line, _MARKS):
                if mark in _ENDS:
                    return None
                if _may_end_alone(line, at):
                    return start + at, start + at + len(mark)
        fence = _fence_after(fence, line, _MARKS)
    return None


def _may_end_alone(line: str, at: int) -> bool:
    """Tell whether a mark there may end a thought: not after a blank or quotation mark, where a sentence mentions
    it."""
    return not line[:at].strip() or line[at - 1] not in _BEFORE_QUOTED


def _end_of_thought(text: str, start: int, mark: str) -> int | None:
    """Return the position of the mark that ends a thought. A mark inside code is text of the thought."""
    fence: str | None = None
    doubtful: int | None = None
    for offset, line in _lines(text[start:]):
        if fence is not None:
            if closing := _closes_before(line, fence, mark):
                return start + offset + closing
            if doubtful is None and mark in line:
                doubtful = start + offset + line.index(mark)
            elif doubtful is not None and _opens_another(line, mark):
                return doubtful
        else:
            if place := next(_outside_code(line, (mark,)), None):
                return start + offset + place[0]
        was, fence = fence, _fence_after(fence, line, (mark,))
        if was is not None and fence is None:
            doubtful = None
    return doubtful


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line without its end, and its position."""
    start = 0
    for line in text.split("\n"):
        yield start, line
        start += len(line) + 1


def _spans(line: str) -> list[tuple[int, int]]:
    """Return the inline code spans of a line: from a run of backticks to the next of the same length."""
    runs = [(run.start(), run.end() - run.start()) for run in _RUN.finditer(line)]
    following: dict[int, int] = {}
    closings = [0] * len(runs)
    for index in range(len(runs) - 1, -1, -1):
        closings[index] = following.get(runs[index][1], 0)
        following[runs[index][1]] = index
    spans: list[tuple[int, int]] = []
    index = 0
    while index < len(runs):
        if closing := closings[index]:
            spans.append((runs[index][0], runs[closing][0]))
        index = (closing or index) + 1
    return spans


def _outside_code(line: str, marks: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield every occurrence of ``marks`` in a line outside of inline code, in order."""
    found = sorted((at.start(), mark) for mark in marks for at in re.finditer(re.escape(mark), line))
    spans = _spans(line) if found else []
    index = 0
    for at, mark in found:
        while index < len(spans) and spans[index][1] < at:
            index += 1
        if index == len(spans) or at < spans[index][0]:
            yield at, mark


def _opens_fence(line: str, marks: tuple[str, ...]) -> str | None:
    """Return the characters that open a code block in that line."""
    found = _FENCE.match(line)
    if found is None or (found[1][0] == "`" and "`" in found[2]) or any(mark in found[2] for mark in marks):
        return None
    return found[1]


def _fence_after(fence: str | None, line: str, marks: tuple[str, ...]) -> str | None:
    """Return the fence that is open after a line."""
    if fence is None:
        return _opens_fence(line, marks)
    found = _FENCE.match(line)
    closes = found and not found[2].strip(" \t\r") and found[1][0] == fence[0] and len(found[1]) >= len(fence)
    return None if closes else fence


def _closes_before(line: str, fence: str, mark: str) -> int | None:
    """Return the position of the mark in a line that closes the fence right before it."""
    found = _FENCE.match(line)
    if found is None or found[1][0] != fence[0] or len(found[1]) < len(fence):
        return None
    return found.start(2) + found[2].index(mark) if found[2].lstrip(" \t\r").startswith(mark) else None


def _opens_another(line: str, mark: str) -> bool:
    """Tell whether a line opens a code block with a language: the block before it was then never closed."""
    found = _opens_fence(line, (mark,))
    return found is not None and bool(_FENCE.match(line)[2].strip(" \t\r"))  # type: ignore[index]
