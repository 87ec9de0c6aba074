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
from server.engine.llama.log import log
from server.engine.model import DecodeError, Outcome, Row

UBATCH_TOKENS = 512
"""Rows that are computed in one go; llama.cpp's own default. A batch is split into such parts."""

_FLASH_ATTN_AUTO, _FLASH_ATTN_DISABLED = -1, 0
"""On a CPU flash attention slows batched decoding down, the more the longer the context."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSize:
    """Room for ``parallel`` sequences of ``tokens`` tokens; ``shared`` None gives each its own part of the KV cache.

    Otherwise all share ``shared`` KV cells. That leaves more room for a long chat beside short ones, but each token
    then attends over the cells of every sequence, masked: with 16 sequences it costs more than what is gained.
    """

    parallel: int
    tokens: int
    shared: int | None

    @property
    def cells(self) -> int:
        return self.parallel * self.tokens if self.shared is None else self.shared


class LlamaContext:
    """Owned by the worker's thread. ``reopen`` makes it anew, with an empty KV cache, under the same object."""

    def __init__(self, path: Path, model: int, size: ContextSize, threads: int, abort: AbortFlag) -> None:
        self.vocab = ll.llama_model_get_vocab(model)
        self.vocabulary: int = ll.llama_vocab_n_tokens(self.vocab)
        self.decode_seconds = 0.0
        """Time spent inside llama_decode since the beginning."""
        self._path, self._model, self._size, self._threads, self._abort = path, model, size, threads, abort
        self.batch_tokens = UBATCH_TOKENS + size.parallel
        """A whole part of prompts, and a row for every answer."""
        self._batch = LlamaBatch(self.batch_tokens)
        self._outputs = 0
        self._logits: Logits | None = None
        self.pointer = 0
        """The llama_context itself; 0 while there is none."""
        self._open()

    @property
    def tokens(self) -> int:
        """How many tokens one sequence can have."""
        holds: int = ll.llama_n_ctx_seq(self.pointer)
        return holds if self._size.shared is None else min(holds, self._size.tokens)

    @property
    def cells(self) -> int:
        """How many tokens all sequences can have together."""
        return int(ll.llama_n_ctx(self.pointer))

    def decode(self, rows: Sequence[Row]) -> Outcome:
        """See Model.decode."""
        self._outputs, self._logits = self._batch.fill(rows), None
        log.begin()
        started = time.perf_counter()
        result = ll.llama_decode(self.pointer, self._batch.struct)
        self.decode_seconds += time.perf_counter() - started
        if result < 0:
            raise DecodeError(f"llama_decode failed with {result}: {log.cause}")
        return (Outcome.COMPUTED, Outcome.NO_SLOT, Outcome.ABORTED)[result]

    def logits(self, output: int) -> Logits:
        """The logits of the last batch's row number ``output`` of those that wanted them; gone with the next decode."""
        if self._logits is None:
            pointer = ll.llama_get_logits(self.pointer)
            self._logits = np.ctypeslib.as_array(pointer, (self._outputs, self.vocabulary))
        row: Logits = self._logits[output]
        return row

    def index(self, output: int) -> int:
        """What llama.cpp's functions call ``output``: they count such rows from the last one, which is -1."""
        return output - self._outputs

    # The KV cache. Every sequence has a slot of its own.

    def forget(self, slot: int, start: int) -> bool:
        return bool(ll.llama_memory_seq_rm(self._memory, slot, start, -1))

    def copy(self, source: int, target: int) -> bool:
        """Where each sequence has its own part of the KV cache, llama.cpp would put the copy off until the next decode;
        what is done to either slot before that would be mixed up with it."""
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
        """Raises ModelError when there is no memory for it; the context is closed then."""
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
        params.flash_attn_type = _FLASH_ATTN_AUTO if ll.llama_supports_gpu_offload() else _FLASH_ATTN_DISABLED
        params.abort_callback, params.abort_callback_data = self._abort.callback, self._abort.data
        params.no_perf = True
        self.pointer = int(ll.llama_init_from_model(self._model, params) or 0)
        self._memory = ll.llama_get_memory(self.pointer) if self.pointer else None
        if not self._memory:
            self._refuse()

    def _refuse(self) -> None:
        reason = "the model can't write text" if self.pointer else log.cause
        self.close()
        raise ModelError(
            f"{self._path}: no room for {self._size.parallel} sequences of {self._size.tokens} tokens ({reason}): "
            "try a smaller --context or --parallel"
        )


_BYTES = ll.llama_state_seq_get_data.argtypes[1]
