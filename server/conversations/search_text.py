"""Text normalization for search: for the index, for queries, and for locating hits in a message.

SQLite's tokenizer unicode61 makes words of letters and digits. In scripts without spaces, such as Chinese, Japanese,
Korean compounds and Thai, a whole sentence would be one word, and emoji none. In the index each character of these is
therefore a word, and a query of several characters is a phrase: any part of a text is found, from one character on, at
the cost of a word. Characters that unicode61 ignores (vowel signs, emoji) are replaced by stand-ins in the index.

The ranges below are fixed, not Python's: a text removed from the index must equal the text that was added.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

WORDS: Final = 16
"""Maximum number of words in a query; more are ignored."""

_LETTERS: Final = (
    "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b\u3041-\u3096\u309d-\u309f\u30a1-\u30fa"
    "\u30fc-\u30ff\u3100-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
"""Scripts without spaces, or with compounds: each character is a word."""

_SIGNS: Final = (
    "\u00a2-\u00a5\u00a9\u00ae\u0900-\u0fff\u1000-\u109f\u1700-\u17ff\u1950-\u19ff\u1a20-\u1aaf\u1b00-\u1c4f\u203c\u2049"
    "\u20a0-\u20cf\u2122\u2139\u2190-\u24ff\u25a0-\u2bff\u3030\u303d\u3297\u3299\ua800-\ua82f\ua880-\ua95f\ua980-\uaadf"
    "\uabc0-\uabff\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
)
"""Like ``_LETTERS``, but unicode61 ignores some of these: vowel signs of Thai and Indian scripts, symbols, emoji."""

_DROPPED: Final = (
    "\u00ad\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc"
    "\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u200b-\u200f\u2060\u20e3\ufe00-\ufe0f\ufeff\U0001f3fb-\U0001f3ff"
    "\U000e0020-\U000e007f\U000e0100-\U000e01ef"
)
"""Characters that search ignores: vowel points of Hebrew and Arabic, joiners, variants and skin tones of emoji."""

_GREEK: Final = "\u0370-\u03ff\u1f00-\u1fff"
"""Letters whose accents unicode61 keeps, unlike those of Latin letters."""

_STAND_INS: Final = 0xF0000
"""First code point of the stand-ins, in a private-use plane whose characters unicode61 treats as letters."""

_FIRST_FLAG_LETTER, _LAST_FLAG_LETTER = "\U0001f1e6", "\U0001f1ff"
_IGNORED: Final = "\u034f"
_JOINER: Final = "\u200d"
_IS_LETTER: Final = re.compile(f"[{_LETTERS}]")
_IS_SIGN: Final = re.compile(f"[{_SIGNS}]")
_IS_GREEK: Final = re.compile(f"[{_GREEK}]")
_IS_DROPPED: Final = re.compile(f"[{_DROPPED}]")
_RUN: Final = re.compile(rf"(?:[^\W_]|[{_SIGNS}])(?:\w|[{_SIGNS}])*")
_GAP: Final = rf"(?:[^\w{_SIGNS}]|_)*"
_SPACED: Final = rf"[^\W_{_LETTERS}{_SIGNS}]"


class _IndexTable(dict[int, str]):
    """Table for ``str.translate``: character to index text."""

    def __missing__(self, code: int) -> str:
        self[code] = made = self._made(chr(code))
        return made

    @staticmethod
    def _made(char: str) -> str:
        if _IS_LETTER.match(char):
            return f" {char} "
        if _IS_SIGN.match(char):
            return f" {chr(_STAND_INS | ord(char) & 0xFFFF)} "
        if _IS_DROPPED.match(char):
            return ""
        if _IS_GREEK.match(char):
            return unicodedata.normalize("NFD", char)[0]
        return _narrow(char)


class _FoldTable(dict[int, str]):
    """Table for ``str.translate``: character without case and accents. Always one character, so positions stay
    valid."""

    def __missing__(self, code: int) -> str:
        self[code] = made = self._made(chr(code))
        return made

    @staticmethod
    def _made(char: str) -> str:
        if _IS_LETTER.match(char) or _IS_SIGN.match(char):
            return char
        if _IS_DROPPED.match(char) or unicodedata.category(char) in ("Mn", "Me"):
            return _IGNORED
        base = unicodedata.normalize("NFD", _narrow(char))[0]
        folded = base.casefold()
        return folded if len(folded) == 1 else base.lower()[0]


_INDEX: Final = _IndexTable()
_FOLD: Final = _FoldTable()


def indexed(text: str) -> str:
    """Return the text in its index form."""
    return text if text.isascii() else composed(text).translate(_INDEX)


def composed(text: str) -> str:
    """Return the text with letters and accents combined where possible (NFC)."""
    return unicodedata.normalize("NFC", text)


class Query:
    """A search query: words that must all be present, or, without words, a literal text.

    ``match``: the FTS5 query for the words, None without any. ``literal``: the original text.
    """

    def __init__(self, text: str) -> None:
        self.literal = composed(text).strip()
        runs = _RUN.findall(_IS_DROPPED.sub("", self.literal))[:WORDS]
        phrases = [indexed(run).replace("_", " ").split() for run in runs]
        self.match = " ".join(f'"{" ".join(words)}"*' for words in phrases) or None
        patterns = [_pattern(run) for run in runs] or [re.escape(self.literal.translate(_FOLD))]
        self._patterns = [re.compile(pattern) for pattern in patterns if pattern]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def is_in(self, text: str) -> bool:
        """Tell whether all words are in ``text``, which must be composed."""
        folded = text.translate(_FOLD)
        return all(pattern.search(folded) for pattern in self._patterns)

    def hits(self, text: str, most: int = 200) -> list[tuple[int, int, int]]:
        """Find the words in ``text``, which must be composed: start, end and number of the word, in order.

        At most ``most`` hits per word. A hit never splits a character made of several code points.
        """
        folded = text.translate(_FOLD)
        found: list[tuple[int, int, int]] = []
        for number, pattern in enumerate(self._patterns):
            for count, match in enumerate(pattern.finditer(folded)):
                if count == most:
                    break
                found.append((*whole_characters(text, *match.span()), number))
        return sorted(found)


def whole_characters(text: str, begin: int, end: int) -> tuple[int, int]:
    """Widen the span so that it splits no accent, vowel sign or joined emoji from its character."""
    while 0 < begin < len(text) and (_continues(text[begin]) or text[begin - 1] == _JOINER or _in_flag(text, begin)):
        begin -= 1
    while 0 < end < len(text) and (_continues(text[end]) or text[end - 1] == _JOINER or _in_flag(text, end)):
        end += 1
    return begin, end


def _in_flag(text: str, at: int) -> bool:
    """Tell whether ``at`` is between the two letters of a flag."""
    if not _FIRST_FLAG_LETTER <= text[at] <= _LAST_FLAG_LETTER:
        return False
    before = at
    while before > 0 and _FIRST_FLAG_LETTER <= text[before - 1] <= _LAST_FLAG_LETTER:
        before -= 1
    return (at - before) % 2 == 1


def _continues(char: str) -> bool:
    """Tell whether ``char`` belongs to the character before it."""
    return unicodedata.category(char) in ("Mn", "Me", "Mc") or "\U0001f3fb" <= char <= "\U0001f3ff" or char == _JOINER


def _pattern(run: str) -> str:
    """Return a regular expression that matches in folded text what the FTS5 query for ``run`` matches."""
    tokens = re.findall(rf"[{_LETTERS}{_SIGNS}]|{_SPACED}+", run.translate(_FOLD))
    parts = [_token_pattern(token, last=number == len(tokens)) for number, token in enumerate(tokens, 1)]
    return _GAP.join(parts)


def _token_pattern(token: str, *, last: bool) -> str:
    if _IS_LETTER.match(token) or _IS_SIGN.match(token):
        return re.escape(token)
    letters = f"{_IGNORED}*".join(map(re.escape, token))
    return f"(?<!{_SPACED}){letters}" + (f"(?:{_SPACED}|{_IGNORED})*" if last else f"{_IGNORED}*(?!{_SPACED})")


def _narrow(char: str) -> str:
    """Replace a full-width ASCII character, which Japanese and Chinese keyboards type, by the normal one."""
    return chr(ord(char) - 0xFEE0) if "\uff01" <= char <= "\uff5e" else char
