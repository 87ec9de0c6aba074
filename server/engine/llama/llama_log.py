"""llama.cpp's log, forwarded to ``logging``."""

from __future__ import annotations

import ctypes
import logging
import threading

import llama_cpp as ll

_ERROR = 4

logger = logging.getLogger("llama.cpp")


class _Errors(threading.local):
    """The first error of each thread since ``begin``: models load while others compute."""

    first = ""


class LlamaLog:
    """Forwards llama.cpp's log and keeps the calling thread's first error since ``begin``, which names the cause of a
    failure."""

    def __init__(self) -> None:
        self._errors = _Errors()
        self._callback = ll.llama_log_callback(self._on_line)

    def install(self) -> None:
        """Receive llama.cpp's log from now on; the whole process has only one."""
        ll.llama_log_set(self._callback, ctypes.c_void_p(0))

    def begin(self) -> None:
        """Forget earlier errors."""
        self._errors.first = ""

    @property
    def cause(self) -> str:
        return self._errors.first or "it gives no reason"

    def _on_line(self, level: int, text: bytes, _: object) -> None:
        line = text.decode("utf-8", "replace").strip()
        if level == _ERROR and not self._errors.first:
            self._errors.first = line
        logger.log(logging.INFO if level == _ERROR else logging.DEBUG, "%s", line)


log = LlamaLog()
