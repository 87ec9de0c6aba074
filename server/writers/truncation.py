"""Truncation of a dialogue that is too long for the context: whole turns are dropped, the oldest first.

The first kept message stays the same for several turns, although more would fit: the KV cache then has the beginning of
the next prompt. If it moved at every turn, every prompt would be computed from its first message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from protocol.messages import ChatMessage, Generate


def wanted(body: Generate) -> bool:
    """Tell whether messages may be left out. The default in a conversation is ``auto`` (PROTOCOL 4.2)."""
    return (body.truncation or default(body)) == "auto"


def default(body: Generate) -> Literal["auto", "disabled"]:
    """Return the default truncation of a body."""
    return "disabled" if body.conversation is None else "auto"


def room_for_prompt(body: Generate, context: int) -> int:
    """Return the maximum prompt tokens under truncation; the rest of the context is for the answer.

    The rest is ``max_tokens``, up to half of the context, or by default a quarter of the context.
    """
    return context - min(body.params.max_tokens or context // 4, context // 2)


def system_messages(messages: Sequence[ChatMessage]) -> int:
    """Return the number of system messages at the start of a dialogue; these are never left out."""
    return next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))


def first_kept(messages: Sequence[ChatMessage], size: Callable[[int], float], room: float) -> int:
    """Return the index of the first kept message: the user's, and at the latest the last one.

    ``size`` returns the tokens of the message at an index; it is called only for messages that fit. Among the turns
    that fill between half and all of the room, the one whose number is divisible by the highest power of two is chosen:
    it stays the same while the conversation grows, until it no longer fits, and never moves back.
    """
    fitting, in_half = _oldest_that_fit(messages, size, room)
    if fitting == 0:
        return 0
    first = next_turn(messages, fitting)
    turns = enumerate((at for at, message in enumerate(messages) if message.role == "user"), start=1)
    within = [(number & -number, at) for number, at in turns if first <= at <= max(first, in_half)]
    return max(within)[1] if within else first


def next_turn(messages: Sequence[ChatMessage], place: int) -> int:
    """Return the index of the first user message from ``place``; at the latest the last one."""
    return next((at for at in range(place, len(messages)) if messages[at].role == "user"), last_turn(messages))


def last_turn(messages: Sequence[ChatMessage]) -> int:
    """Return the index of the last user message, or of the last message of a dialogue without any."""
    last = len(messages) - 1
    return next((at for at in range(last, -1, -1) if messages[at].role == "user"), last)


def _oldest_that_fit(messages: Sequence[ChatMessage], size: Callable[[int], float], room: float) -> tuple[int, int]:
    """Return the first index from which all fits into the room, and the first from which all fits into half of it."""
    tokens, half = 0.0, len(messages) - 1
    for place in range(len(messages) - 1, -1, -1):
        tokens += size(place)
        if tokens > room:
            return place + 1, half
        if tokens <= room / 2:
            half = place
    return 0, half
