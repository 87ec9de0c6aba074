"""A llama_context: the KV cache, the batch and the logits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import llama_cpp as ll
import numpy as np

from server.engine.base import ModelError
from server.engine.llama.abort import AbortFlag
from server.engine.llama.batch import LlamaBatch
from server.engine.llama.candidates import Logits
from server.engine.llama.llama_log import log
from server.engine.model import DecodeError, DecodeOutcome, Row
from server.kv_types import DEFAULT, KvTypes

UBATCH_TOKENS = 512
"""Rows computed at once; llama.cpp's default. Larger batches are split into such parts."""

_FLASH_ATTN_AUTO, _FLASH_ATTN_DISABLED, _FLASH_ATTN_ENABLED = -1, 0, 1
"""Values of ``flash_attn_type``. On a CPU flash attention slows batched decoding, more so in longer contexts."""


_BF16 = 30
"""GGML_TYPE_BF16, which llama-cpp-python doesn't name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSize:
    """Size of the KV cache: ``parallel`` sequences of ``tokens`` tokens, with numbers of the formats ``kv``.

    ``shared`` None: each sequence has its own part. Otherwise all share ``shared`` cells: a long chat has more room
    beside short ones, but each token attends (masked) over the cells of every sequence. With 16 sequences that costs
    more than it gains.
    """

    parallel: int
    tokens: int
    shared: int | None
    kv: KvTypes = DEFAULT

    @property
    def cells(self) -> int:
        return self.parallel * self.tokens if self.shared is None else self.shared


class LlamaContext:
    """A llama_context, owned by the worker's thread. ``reopen`` replaces it, with an empty KV cache."""

    def __init__(self, path: Path, model: int, size: ContextSize, threads: int, abort: AbortFlag) -> None:
        self.vocab = ll.llama_model_get_vocab(model)
        self.vocabulary: int = ll.llama_vocab_n_tokens(self.vocab)
        self.decode_seconds = 0.0
        """Total time spent in llama_decode, in seconds."""
        self._path, self._model, self._size, self._threads, self._abort = path, model, size, threads, abort
        self.batch_tokens = UBATCH_TOKENS + size.parallel
        """Capacity of a batch: one full part of prompts and one row per answer."""
        self._batch = LlamaBatch(self.batch_tokens)
        self._outputs = 0
        self._logits: Logits | None = None
        self.pointer = 0
        """Address of the llama_context; 0 when there is none."""
        self._open()

    @property
    def tokens(self) -> int:
        """Maximum number of tokens of one sequence."""
        holds: int = ll.llama_n_ctx_seq(self.pointer)
        return holds if self._size.shared is None else min(holds, self._size.tokens)

    @property
    def cells(self) -> int:
        """Maximum number of tokens of all sequences together."""
        return int(ll.llama_n_ctx(self.pointer))

    @property
    def kv_layout(self) -> str:
        """Layout of the KV in a saved state."""
        kv = self._size.kv
        return f"keys {_number(kv.keys)}, values {_number(kv.values)}, flash attention {_flash_attention(kv)}"

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        """See Model.decode."""
        self._outputs, self._logits = self._batch.fill(rows), None
        log.begin()
        started = time.perf_counter()
        result = ll.llama_decode(self.pointer, self._batch.struct)
        self.decode_seconds += time.perf_counter() - started
        if result < 0:
            raise DecodeError(f"llama_decode failed with {result}: {log.cause}")
        return (DecodeOutcome.COMPUTED, DecodeOutcome.NO_SLOT, DecodeOutcome.ABORTED)[result]

    def logits(self, output: int) -> Logits:
        """Return the logits of the last batch's ``output``-th row with logits; valid until the next decode."""
        if self._logits is None:
            pointer = ll.llama_get_logits(self.pointer)
            self._logits = np.ctypeslib.as_array(pointer, (self._outputs, self.vocabulary))
        row: Logits = self._logits[output]
        return row

    def index(self, output: int) -> int:
        """Convert ``output`` to llama.cpp's index, which counts backwards: the last row with logits is -1."""
        return output - self._outputs

    # The KV cache. Every sequence has its own slot.

    def forget(self, slot: int, start: int) -> bool:
        return bool(ll.llama_memory_seq_rm(self._memory, slot, start, -1))

    def copy(self, source: int, target: int) -> bool:
        """Copy the slot ``source`` to ``target``.

        When each sequence has its own part of the KV cache, llama.cpp would delay the copy until the next decode, and
        changes to either slot before that would get mixed in. Save and restore avoid that.
        """
        if self._size.shared is None:
            return self.restore(target, self.save(source))
        ll.llama_memory_seq_cp(self._memory, source, target, -1, -1)
        return True

    def save(self, slot: int) -> memoryview:
        state = np.empty(ll.llama_state_seq_get_size(self.pointer, slot), np.uint8)
        written = ll.llama_state_seq_get_data(self.pointer, state.ctypes.data_as(_BYTES), len(state), slot)
        return state.data[:written]

    def restore(self, slot: int, state: memoryview) -> bool:
        pointer = np.frombuffer(state, np.uint8).ctypes.data_as(_BYTES)
        return bool(ll.llama_state_seq_set_data(self.pointer, pointer, len(state), slot))

    def shift(self, slot: int, start: int, count: int) -> bool:
        if not ll.llama_memory_can_shift(self._memory) or not ll.llama_memory_seq_rm(
            self._memory, slot, start, start + count
        ):
            return False
        ll.llama_memory_seq_add(self._memory, slot, start + count, -1, -count)
        return True

    def reopen(self) -> None:
        """Open a new context. Raises ModelError when memory is missing; the context is closed then."""
        self.close()
        self._open()

    def close(self) -> None:
        if self.pointer:
            ll.llama_free(self.pointer)
        self.pointer = 0

    def _open(self) -> None:
        log.begin()
        size, params = self._size, ll.llama_context_default_params()
        params.n_ctx, params.n_seq_max = size.cells, size.parallel
        params.kv_unified = size.shared is not None
        params.n_batch, params.n_ubatch = self.batch_tokens, UBATCH_TOKENS
        params.n_threads = params.n_threads_batch = self._threads
        params.type_k, params.type_v = _number(size.kv.keys), _number(size.kv.values)
        params.flash_attn_type = _flash_attention(size.kv)
        params.abort_callback, params.abort_callback_data = self._abort.callback, self._abort.data
        params.no_perf = True
        self.pointer = int(ll.llama_init_from_model(self._model, params) or 0)
        self._memory = ll.llama_get_memory(self.pointer) if self.pointer else None
        if not self._memory:
            self._refuse()

    def _refuse(self) -> None:
        reason = "the model can't write text" if self.pointer else log.cause
        self.close()
        kv = self._size.kv
        remedy = "" if kv == DEFAULT else f", or other KV types than {kv.keys} and {kv.values} in models.toml"
        raise ModelError(
            f"{self._path}: no room for {self._size.parallel} sequences of {self._size.tokens} tokens ({reason}): "
            f"try a smaller --context or --parallel{remedy}"
        )


def _number(name: str) -> int:
    """Return llama.cpp's number of a format."""
    return _BF16 if name == "bf16" else int(getattr(ll, f"GGML_TYPE_{name.upper()}"))


def _flash_attention(kv: KvTypes) -> int:
    if kv.needs_flash_attention:
        return _FLASH_ATTN_ENABLED
    return _FLASH_ATTN_AUTO if ll.llama_supports_gpu_offload() else _FLASH_ATTN_DISABLED


_BYTES = ll.llama_state_seq_get_data.argtypes[1]
