"""Which messages a dialogue keeps that is too long for the context: whole turns are left out, the oldest first.

What is kept begins at a point that stays the same for several turns, though more would fit: the KV cache then has the
beginning of the next prompt already. With a point that moves at every turn, every prompt would be computed from its
first message on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from protocol.messages import ChatMessage, Generate


def wanted(body: Generate) -> bool:
    """Tell if messages may be left out. Its default is ``auto`` in a conversation (PROTOCOL 4.2)."""
    return (body.truncation or default(body)) == "auto"


def default(body: Generate) -> Literal["auto", "disabled"]:
    """What a body means that says nothing of it."""
    return "disabled" if body.conversation is None else "auto"


def room_for_prompt(body: Generate, context: int) -> int:
    """Tokens that a prompt may have from which messages are left out; the rest of the context is for the answer.

    That is ``max_tokens``, up to half of the context, or else a quarter of the context.
    """
    return context - min(body.params.max_tokens or context // 4, context // 2)


def system_messages(messages: Sequence[ChatMessage]) -> int:
    """How many messages of the system a dialogue begins with; they are never left out."""
    return next((place for place, message in enumerate(messages) if message.role != "system"), len(messages))


def first_kept(messages: Sequence[ChatMessage], size: Callable[[int], float], room: float) -> int:
    """The place of the first message that is kept: the user's, and at the latest the last one.

    ``size`` tells how many tokens the message at a place takes. Only as many are looked at as fit. Of the turns with
    which between a half and all of the room is filled, that one is taken whose number is divisible by the highest power
    of two: it stays the same while the conversation grows, until it does not fit any more, and never moves back.
    """
    fitting, in_half = _oldest_that_fit(messages, size, room)
    if fitting == 0:
        return 0
    first = next_turn(messages, fitting)
    turns = enumerate((at for at, message in enumerate(messages) if message.role == "user"), start=1)
    within = [(number & -number, at) for number, at in turns if first <= at <= max(first, in_half)]
    return max(within)[1] if within else first


def next_turn(messages: Sequence[ChatMessage], place: int) -> int:
    """The place of the first message of the user from ``place`` on; at the latest the last one."""
    return next((at for at in range(place, len(messages)) if messages[at].role == "user"), len(messages) - 1)


def _oldest_that_fit(messages: Sequence[ChatMessage], size: Callable[[int], float], room: float) -> tuple[int, int]:
    """The first place from which on all fits into the room, and the first from which on all fits into half of it."""
    tokens, half = 0.0, len(messages) - 1
    for place in range(len(messages) - 1, -1, -1):
        tokens += size(place)
        if tokens > room:
            return place + 1, half
        if tokens <= room / 2:
            half = place
    return 0, half
