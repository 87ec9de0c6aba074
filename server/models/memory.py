"""Memory that a model needs, by its size and its KV cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

OTHER_MEMORY: Final = 400 << 20
"""Memory for Python, the logs of answers and llama.cpp's buffers, in bytes."""

DEFAULT_CONTEXT: Final = 8192
"""Largest context in tokens that a chat gets without ``--context``."""


PARALLEL: Final = 4
"""Default number of answers that are computed at the same time."""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Memory need in bytes: ``weights`` of the file, ``kv`` cache of all chats."""

    weights: int
    kv: int

    @property
    def total(self) -> int:
        return self.weights + self.kv + OTHER_MEMORY


@dataclass(frozen=True, slots=True)
class ChatSizes:
    """Chats to make room for: ``parallel`` ones of ``context`` tokens. None: the model's context, with its limit."""

    context: int | None
    parallel: int


def memory_need(weights: int, kv_per_token: int, trained: int | None, sizes: ChatSizes) -> MemoryNeed:
    """Return the need of a model of ``weights`` bytes that was ``trained`` for that many tokens."""
    context = sizes.context or min(trained or DEFAULT_CONTEXT, DEFAULT_CONTEXT)
    return MemoryNeed(weights, kv_per_token * context * sizes.parallel)


def size_text(count: int) -> str:
    """Return a number of bytes in MiB or GiB."""
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"
