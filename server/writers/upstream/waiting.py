"""The order in which waiting answers are sent to an upstream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from server.writers.upstream.answer import Answer


def in_order(waiting: Iterable[Answer], running: Iterable[Answer]) -> Sequence[Answer]:
    """Return the waiting answers, the next one first: round-robin across principals, as in engine/scheduler.py."""
    turns = Counter(answer.principal for answer in running)
    ranked = []
    for answer in waiting:
        ranked.append((turns[answer.principal], answer))
        turns[answer.principal] += 1
    return [answer for _, answer in sorted(ranked, key=lambda each: each[0])]
