"""The rows of one step, in the layout that llama_decode reads."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import llama_cpp as ll
import numpy as np

from server.engine.model import Row


class LlamaBatch:
    """A llama_batch over numpy arrays, filled column by column, which is faster than field by field."""

    def __init__(self, capacity: int) -> None:
        self._tokens = np.zeros(capacity, np.int32)
        self._positions = np.zeros(capacity, np.int32)
        self._slots = np.zeros(capacity, np.int32)
        self._logits = np.zeros(capacity, np.int8)
        self._one_slot_each = np.ones(capacity, np.int32)
        self._slot_pointers = self._slots.ctypes.data + 4 * np.arange(capacity, dtype=np.uintp)
        self.struct = ll.llama_batch()
        for name, array in (
            ("token", self._tokens),
            ("pos", self._positions),
            ("n_seq_id", self._one_slot_each),
            ("seq_id", self._slot_pointers),
            ("logits", self._logits),
        ):
            ctypes.c_void_p.from_buffer(self.struct, getattr(ll.llama_batch, name).offset).value = array.ctypes.data

    def fill(self, rows: Sequence[Row]) -> int:
        """Store ``rows`` (at least one). Returns how many of them need logits."""
        count = len(rows)
        tokens, slots, positions, logits = zip(*rows, strict=True)
        self._tokens[:count] = tokens
        self._slots[:count] = slots
        self._positions[:count] = positions
        self._logits[:count] = logits
        self.struct.n_tokens = count
        return sum(logits)
