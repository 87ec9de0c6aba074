"""Memory that a model needs while it is loaded. The terminal and the page show these numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.kv_types import DEFAULT, KvTypes
from server.model_options import ModelOptions

SERVER_MEMORY: Final = 200 << 20
"""Memory for the rest of the server, in bytes: a model fits if this much stays free beside it."""

DEFAULT_CONTEXT: Final = 8192
"""Largest context in tokens that a chat gets without ``--context``."""


PARALLEL: Final = 4
"""Default number of answers that are computed at the same time."""

BATCH: Final = 512
"""Tokens that llama.cpp computes at once (UBATCH_TOKENS in server/engine/llama/context.py)."""

SMALL_BUFFERS: Final = 1 << 20
"""Memory for the inputs of a batch, in bytes."""

FLOAT: Final = 4
"""Bytes of a number in llama.cpp's work buffers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Numbers of a model that its memory depends on.

    ``keys`` and ``values``: numbers in the KV cache for each token, of all layers; ``heads``: most attention heads of
    a layer; ``width``: of the embedding; ``vocabulary``: number of tokens, 0 when unknown.
    """

    keys: int
    values: int
    heads: int
    width: int
    vocabulary: int = 0


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """Memory need in bytes: ``weights`` of the file, ``kv`` cache of all chats, and llama.cpp's work buffers
    (``compute``)."""

    weights: int
    kv: int
    compute: int

    @property
    def total(self) -> int:
        return self.weights + self.kv + self.compute

    def plus(self, other: MemoryNeed) -> MemoryNeed:
        """Return the need of both models together."""
        return MemoryNeed(self.weights + other.weights, self.kv + other.kv, self.compute + other.compute)

    @property
    def parts(self) -> str:
        """Text that names the parts."""
        kv, compute = size_text(self.kv), size_text(self.compute)
        return f"model {size_text(self.weights)}, KV cache {kv}, work buffers {compute}"


@dataclass(frozen=True, slots=True)
class ChatSizes:
    """Chats to make room for: ``parallel`` ones of ``context`` tokens. None: the model's context, with its limit.

    ``shared``: tokens of one KV cache for all chats; None: each has its own. ``kv``: formats of the numbers in it.
    """

    context: int | None
    parallel: int
    shared: int | None = None
    kv: KvTypes = DEFAULT

    def of(self, options: ModelOptions) -> ChatSizes:
        """Return the sizes of a model with these options of its own."""
        return ChatSizes(options.context or self.context, options.parallel or self.parallel, self.shared, options.kv)

    def tokens(self, trained: int | None) -> int:
        """Return the context of one chat. ``trained``: that of the model; None when unknown."""
        return self.context or min(trained or DEFAULT_CONTEXT, DEFAULT_CONTEXT)


def memory_need(weights: int, network: Network, trained: int | None, sizes: ChatSizes) -> MemoryNeed:
    """Return the need of a model of ``weights`` bytes that was ``trained`` for that many tokens. It is an upper bound:
    layers with a sliding window need less."""
    context = sizes.tokens(trained)
    cells = sizes.shared or context * sizes.parallel
    kv = sizes.kv.bytes(network.keys * cells, network.values * cells)
    return MemoryNeed(weights, kv, _compute(network, sizes.shared or context, sizes.kv))


def fits(need: MemoryNeed | None, free: int | None) -> bool | None:
    """Tell whether a model fits into the free memory; None when one of the two is unknown."""
    return None if need is None or free is None else need.total + SERVER_MEMORY <= free


def size_text(count: int) -> str:
    """Return a number of bytes in MiB or GiB, with a decimal where it is below 10 MiB."""
    if count >= 1 << 30:
        return f"{count / (1 << 30):.1f} GiB"
    size = count / (1 << 20)
    return f"{size:.0f} MiB" if size >= 10 else f"{f'{size:.1f}'.removesuffix('.0')} MiB"


def _compute(network: Network, context: int, kv: KvTypes) -> int:
    """Return the size of the work buffers. llama.cpp uses the same memory for the logits and for each layer.

    Measured on a CPU: the starter, SmolLM2 and a synthetic 0.5B model, 1,024 to 8,192 tokens: 0 to 15 % below this
    (tests/server/engine/llama/test_memory.py).
    """
    layer_heads = 1 if kv.needs_flash_attention else network.heads + 1  # flash attention keeps only the mask
    logits = network.vocabulary + 2 * network.width
    layer = context * layer_heads + 6 * network.width
    return BATCH * FLOAT * max(logits, layer) + SMALL_BUFFERS
