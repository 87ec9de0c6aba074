"""Requests to a scripted upstream, and its replies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

ANSWER: Final = 'One  two\n\nthree "four" – fünf 六. Seven'
THOUGHT: Final = "Let me see."
MODEL: Final = "scripted"
BEGIN: Final = "<|answer|>"
PROMPT: Final = f"<|user|>Hi{BEGIN}"
PROMPT_TOKENS: Final = 9


def words(text: str) -> list[str]:
    """Return the tokens of a text: each word with the white space before it, and white space at its end."""
    return re.findall(r"\s*\S+|\s+$", text)


def prompt_of(messages: Sequence[dict[str, Any]]) -> str:
    """Return the prompt of a dialogue, which is PROMPT for that of most tests."""
    return "".join(f"<|{each['role']}|>{each['content']}" for each in messages) + BEGIN


def tokens_of(body: dict[str, Any]) -> list[int]:
    """Return the tokens of a request to `/tokenize`: one for each word, and one for the special one at the start."""
    return list(range(len(words(body["content"])) + bool(body.get("add_special"))))


@dataclass(frozen=True, slots=True)
class Seen:
    """One request. ``before``: number of earlier ones for an answer with the same seed."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    before: int


@dataclass(slots=True, kw_only=True)
class Reply:
    """The response to one request for an answer.

    ``cut``: bytes of the body after which the connection breaks. ``hold``: tokens after which nothing more comes until
    the client leaves or ``Scripted.release`` is called. ``usage``: where the token counts are. ``raw``: the whole body
    of the stream, instead of the answer. ``error``: this chunk comes after ``hold`` tokens. ``calls``: functions that
    the answer calls after its text, with their arguments. ``pace``: seconds between two events, as a real model has;
    then `/slots` tells how many such answers are written. ``in_step``: the events of all answers come at the same
    times, as from one batch.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    hold: int | None = None
    echo: bool = False
    bytewise: bool = False
    usage: Literal["own", "last", "choice", "every", "none"] = "own"
    thought: Literal["", "reasoning", "reasoning_content"] = ""
    error: Any = None
    raw: bytes | None = None
    finish: str | None = "stop"
    logprobs: bool = False
    answer: str = ANSWER
    calls: Sequence[tuple[str, str]] = ()
    pace: float = 0.0
    in_step: bool = False
