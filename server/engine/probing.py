"""Check of a model file in a separate process (llama/probe.py) before it is opened here: it may be untrusted."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from server.engine.base import LoadAbandonedError, ModelError
from server.engine.file_state import check_unchanged, file_state

PROBE: Final = "server.engine.llama.probe"

START_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.1
"""Interval between two looks at whether the result is still wanted, in seconds."""

BYTES_PER_SECOND: Final = 30_000_000
"""Assumed minimum reading speed of a file; it is read once, as for the first answer."""

KEPT: Final = (
    "LD_LIBRARY_PATH",
    "PATH",
    "LLAMA_CPP_LIB_PATH",  # where the bindings look for a llama.cpp that was built elsewhere
    "CUDA_VISIBLE_DEVICES",
    "HIP_VISIBLE_DEVICES",
    "ROCR_VISIBLE_DEVICES",
    "GGML_VK_VISIBLE_DEVICES",
)
"""Environment variables that the process gets. No secret is among them."""

RAISED: Final = 1
"""Exit status of Python after an exception: the process itself failed, not the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelNeeds:
    """Resources of a model. ``file_bytes``: weights; ``context``: trained length in tokens."""

    file_bytes: int
    context: int


class ModelProbe:
    """A check in progress, from the start of a ``with`` block; the caller may do other work inside it.

    ``seconds``: time limit; None: derived from the size of the file. Raises ModelError.
    """

    def __init__(self, path: Path, *, seconds: int | None = None) -> None:
        self._path = path
        try:
            self._seconds = seconds or START_SECONDS + path.stat().st_size // BYTES_PER_SECOND
        except FileNotFoundError:
            raise ModelError(
                f"{path}: there is no such model file; `streamui models` lists those that are here"
            ) from None
        except OSError as error:
            raise ModelError(f"{path}: the model file can't be read: {error.strerror}") from None
        if not path.is_file():  # a pipe, for example, would block
            raise ModelError(f"{path}: the model file can't be read: it is not a regular file")
        self._before = file_state(path)

    def __enter__(self) -> ModelProbe:
        self._process = subprocess.Popen(
            [sys.executable, "-m", PROBE, os.path.abspath(self._path), str(self._seconds)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **{name: os.environ[name] for name in KEPT if name in os.environ},
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "GGML_NO_BACKTRACE": "1",  # it would start a debugger if one is installed
                "OPENBLAS_NUM_THREADS": "1",
            },
        )
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def verdict(self, wanted: Callable[[], bool] = lambda: True) -> ModelNeeds:
        """Wait for the result and return the model's needs. Raises ModelError with the reason why the file can't be
        used, also if another program changed it meanwhile; LoadAbandonedError once the file is not ``wanted``."""
        output = self._output(wanted)
        check_unchanged(self._path, self._before)
        ended = self._process.returncode
        if ended == -signal.SIGXCPU:
            raise self._too_slow()
        if ended == RAISED:
            raise ModelError(f"{self._path}: the check of the file failed; to see why, run: {self._by_hand}")
        if ended != 0:
            raise ModelError(f"{self._path}: llama.cpp can't load this file: it crashes on it ({_name(ended)})")
        verdict = json.loads(output)
        if verdict["error"] is not None:
            raise ModelError(verdict["error"].replace(os.path.abspath(self._path), str(self._path), 1))
        return ModelNeeds(**verdict["needs"])

    def _output(self, wanted: Callable[[], bool]) -> bytes:
        end = time.monotonic() + self._seconds
        while wanted():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return self._process.communicate(timeout=LOOK_SECONDS)[0]
            if time.monotonic() > end:
                raise self._too_slow()
        raise LoadAbandonedError(f"{self._path}: the check was stopped")

    @property
    def _by_hand(self) -> str:
        return shlex.join([sys.executable, "-m", PROBE, str(self._path), str(self._seconds)])

    def _too_slow(self) -> ModelError:
        return ModelError(f"{self._path}: llama.cpp did not finish with this file within {self._seconds} s")


def _name(ended: int) -> str:
    return signal.Signals(-ended).name if ended < 0 else f"status {ended}"
