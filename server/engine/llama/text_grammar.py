"""Grammars for JSON that follows marks in a text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from server.engine.base import JsonInText

_BEGIN: Final = "begin"
"""First key of such a grammar as text."""


def text_of(form: JsonInText, schemas: Sequence[str]) -> str:
    """Return the grammar as text for the journal. ``schemas``: those of the parts, as llguidance's JSON."""
    parts = [[head, json.loads(schema)] for (head, _), schema in zip(form.parts, schemas, strict=True)]
    return json.dumps({_BEGIN: form.begin, "parts": parts, "end": form.end, "after": form.after})


def is_in_text(text: str) -> bool:
    """Tell whether a grammar is one of these."""
    return text.startswith(f'{{"{_BEGIN}"')


def rules_of(text: str, specials: Mapping[int, str]) -> str:
    """Return llguidance's rules. ``specials``: the control tokens with their spellings.

    A mark with a control token in front begins the JSON only as that token; a mark without one as text. Control tokens
    may be anywhere else in the text.
    """
    form = json.loads(text)
    tokens = {spelling: token for token, spelling in specials.items() if spelling}
    first, *rest = _pieces(form[_BEGIN], tokens)
    opening, mark = tokens.get(first), "".join(rest)
    parts = (f"{_terminals(head, tokens)} BLANKS %json {json.dumps(part)}" for head, part in form["parts"])
    others = [token for token in specials if token != opening]
    rules = [
        _start([f"<[{tokens[each]}]>" for each in form["after"] if each in tokens], bool(form["after"]), bool(others)),
        f"call: begin ({' | '.join(parts)}) BLANKS {_terminals(form['end'], tokens)}",
        f"plain: text <[{_ranges(others)}]>" if others else "",
        *(_begin_with_text(first) if opening is None else _begin_with_token(opening, mark)),
        r"TEXT: /(.|\n)*/",
        r"BLANKS: /[ \n]{0,4}/",
    ]
    return "\n".join(filter(None, rules)) + "\n"


def _start(after: Sequence[str], is_last: bool, has_plain: bool) -> str:
    """Return the rule of the whole answer. ``is_last``: only a token of ``after`` or the end follows a call."""
    calls = [f"call {each}" for each in after] if is_last else ["call"]
    units = [*calls, *(["plain"] if has_plain else [])]
    several = f"({' | '.join(units)})*" if units else ""
    return f"start: {several} {'(text | call)' if is_last else 'text'}"


def _begin_with_text(mark: str) -> list[str]:
    return [f"begin[lazy]: TEXT {json.dumps(mark)}", "text: TEXT"]


def _begin_with_token(opening: int, mark: str) -> list[str]:
    """Return the rules for a mark that is a control token, or begins with one."""
    if not mark:
        return [f"begin: text <[{opening}]>", "text: TEXT"]
    return [
        f"begin: text <[{opening}]> {json.dumps(mark)}",
        f"text: TEXT (<[{opening}]> OTHER)*",  # after the token comes the rest of the mark, or a text without it
        rf"OTHER: /(.|\n)*/ & ~/{re.escape(mark)}(.|\n)*/",
    ]


def _terminals(text: str, tokens: Mapping[str, int]) -> str:
    """Return a text as literals and control tokens."""
    return " ".join(f"<[{tokens[each]}]>" if each in tokens else json.dumps(each) for each in _pieces(text, tokens))


def _pieces(text: str, tokens: Mapping[str, int]) -> list[str]:
    """Return a text cut before and after each control token."""
    longest_first = sorted(tokens, key=len, reverse=True)
    found = re.split(f"({'|'.join(map(re.escape, longest_first))})", text) if tokens else [text]
    return [piece for piece in found if piece]


def _ranges(tokens: Iterable[int]) -> str:
    """Return tokens, in order, as ``first-last`` of each run."""
    runs = [list(run) for _, run in groupby(enumerate(tokens), lambda pair: pair[1] - pair[0])]
    return ",".join(f"{run[0][1]}-{run[-1][1]}" for run in runs)
