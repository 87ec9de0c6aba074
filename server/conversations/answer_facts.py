"""Facts about an answer at the start and at the end of its generation, as its message has them (PROTOCOL 14.1)."""

from __future__ import annotations

from msgspec.structs import replace

from protocol.messages import Done
from server.conversations.values import About, Earlier, Message


def beginning(continued: Message | None, dropped: int) -> About:
    """Return the facts about an answer at the start of its generation."""
    about = About(dropped=dropped or None)
    if continued is None:
        return about
    kept = replace(about, thoughts=continued.thoughts, edited_at=continued.edited_at)
    return replace(kept, earlier=_earlier(continued))


def ended(begun: About, done: Done | None, model: str | None) -> About:
    """Return the facts about an answer at the end of its generation; ``done`` None: the generation was lost."""
    if done is None:
        return replace(begun, model=model)
    return replace(
        begun,
        reason=done.reason,
        usage=done.usage,
        timings=done.timings,
        limit=done.limit,
        model=model,
        error=done.error,
        tool_calls=done.tool_calls,
    )


def about_of(message: Message) -> About:
    """Return the facts about a stored message."""
    return About(**{name: getattr(message, name) for name in About.__struct_fields__})


def _earlier(answer: Message) -> Earlier | None:
    """Return the figures of an answer before it is continued; None when unknown."""
    before, usage = answer.earlier, answer.usage
    tokens = usage.completion_tokens if usage else 0
    if not tokens:
        return before
    decode = answer.timings.decode if answer.timings else None
    if before is None:
        return Earlier(generations=1, completion_tokens=tokens, decode=decode)
    known = decode is not None and before.decode is not None
    return Earlier(
        generations=before.generations + 1,
        completion_tokens=before.completion_tokens + tokens,
        decode=(before.decode or 0) + (decode or 0) if known else None,
    )
