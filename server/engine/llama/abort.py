"""Abort of a running decode."""

from __future__ import annotations

import ctypes

import llama_cpp as ll


class AbortFlag:
    """A flag that llama.cpp reads on every graph node without the GIL. Any thread may set it.

    The callback is libc's ``strlen`` and its data a C string: empty means continue, one byte means abort. A callback
    written in Python would take the GIL at every node.
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(2)
        strlen = ctypes.CDLL(None).strlen
        self.callback = ctypes.cast(strlen, ll.ggml_abort_callback)
        self.data = ctypes.cast(self._text, ctypes.c_void_p)

    def set(self) -> None:
        self._text[0] = b"x"

    def clear(self) -> None:
        self._text[0] = b"\0"
