"""KV states of chats as files, so that their next turn need not be read again after a restart.

A file is one state: the tokens, the bytes of the KV, and a digest of both. It is bound to an identity, a text that
names the model file, llama.cpp and the layout of the KV. Whatever is cut, changed or of another identity is never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import struct
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from server.engine.prefix_tree import PrefixTree, Tokens

MAGIC: Final = b"StreamUI KV 1\n"
SUFFIX: Final = ".kv"
UNFINISHED: Final = ".part"

MAX_AGE: Final = 7 * 24 * 3600
"""Time after its last use at which a file is deleted, in seconds."""

RETRY_SECONDS: Final = 300.0
"""Time without further writes after one that failed, in seconds: the disk may be full."""

_LENGTHS: Final = struct.Struct("<QQ")
"""Number of tokens, and of bytes of the state."""

_DIGEST: Final = 32

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class KvFile:
    """One state on disk. ``bytes`` is the size of the file. Compared by identity."""

    path: Path
    tokens: Tokens
    bytes: int


class KvFiles:
    """The KV states of one model in ``folder``, at most ``budget`` bytes together with those of other models.

    Used by the engine's thread. Files are written by a thread of their own, one at a time.
    """

    def __init__(self, folder: Path, *, budget: int, identity: str) -> None:
        self._folder, self._budget = folder, budget
        self._identity = identity.encode()
        self._prefix = hashlib.blake2b(self._identity, digest_size=8).hexdigest()
        self._tree: PrefixTree[KvFile] = PrefixTree()
        self._thread = ThreadPoolExecutor(1, "kv-files")
        self._writing: Future[KvFile | None] | None = None
        self._rest_until = 0.0
        self._scan()

    @property
    def idle(self) -> bool:
        """True when another state can be written."""
        self._settle()
        return self._writing is None

    def longest(self, prompt: Tokens) -> tuple[int, KvFile | None]:
        """Return the length of the longest prefix of ``prompt`` on disk, and its file."""
        self._settle()
        return self._tree.longest(prompt)

    def read(self, file: KvFile) -> memoryview | None:
        """Return the state. None, after a line in the log, if the file is not as it was written."""
        try:
            data = memoryview(file.path.read_bytes())
            state = self._checked(data, file.tokens)
            os.utime(file.path)
        except FileNotFoundError:  # deleted for a newer one, perhaps of another model
            self._tree.remove(file)
            return None
        except (OSError, ValueError) as error:
            logger.warning("%s: this kept chat is not used: %s", file.path, _reason(error))
            self._forget(file)
            return None
        self._tree.touch(file)
        return state

    def write(self, tokens: Tokens, state: memoryview) -> None:
        """Start to write a state, in place of those of its prefixes. Call it only while ``idle``.

        Nothing is written for some time after a write that failed.
        """
        if (
            self._size(tokens, state) <= self._budget
            and not self._covers(tokens)
            and time.monotonic() >= self._rest_until
        ):
            self._writing = self._thread.submit(self._store, tokens, state)

    def wait(self, seconds: float) -> None:
        """Wait until the current write has ended, at most ``seconds``."""
        if self._writing is not None:
            with contextlib.suppress(TimeoutError):
                self._writing.exception(seconds)

    def close(self) -> None:
        """End the thread, after the current write."""
        self._thread.shutdown()

    def _covers(self, tokens: Tokens) -> bool:
        length, file = self._tree.longest(tokens)
        return file is not None and length == len(tokens)

    def _settle(self) -> None:
        """Take over the file of a write that has ended."""
        if self._writing is None or not self._writing.done():
            return
        written, self._writing = self._writing.result(), None
        if written is None:
            self._rest_until = time.monotonic() + RETRY_SECONDS
            return
        for shorter in self._tree.prefixes(written.tokens):
            self._forget(shorter)
        self._tree.add(written)

    def _forget(self, file: KvFile) -> None:
        self._tree.remove(file)
        with contextlib.suppress(OSError):
            file.path.unlink()

    # The thread that writes

    def _store(self, tokens: Tokens, state: memoryview) -> KvFile | None:
        path = self._folder / f"{self._prefix}-{hashlib.blake2b(tokens.tobytes(), digest_size=16).hexdigest()}{SUFFIX}"
        unfinished = path.with_suffix(UNFINISHED)
        try:
            self._make_room(self._size(tokens, state))
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                size = self._write_parts(file, tokens, state)
            unfinished.replace(path)
        except (OSError, MemoryError) as error:
            logger.warning("%s: chats are not kept on disk now: %s", self._folder, _reason(error))
            with contextlib.suppress(OSError):
                unfinished.unlink()
            return None
        return KvFile(path, tokens, size)

    def _write_parts(self, file: BinaryIO, tokens: Tokens, state: memoryview) -> int:
        digest = hashlib.blake2b(digest_size=_DIGEST)
        size = 0
        for part in (self._head(tokens, len(state)), tokens.tobytes(), state):
            digest.update(part)
            size += file.write(part)
        return size + file.write(digest.digest())

    def _make_room(self, needed: int) -> None:
        """Delete the files used longest ago, of any model, until ``needed`` bytes fit."""
        files = sorted(_files(self._folder), key=lambda entry: entry[1].st_mtime)
        total = sum(stat.st_size for _, stat in files)
        for path, stat in files:
            if total + needed <= self._budget and stat.st_mtime >= time.time() - MAX_AGE:
                return
            path.unlink(missing_ok=True)
            total -= stat.st_size

    # The content of a file

    def _size(self, tokens: Tokens, state: memoryview) -> int:
        return len(self._head(tokens, len(state))) + 4 * len(tokens) + len(state) + _DIGEST

    def _head(self, tokens: Tokens, state: int) -> bytes:
        return MAGIC + self._identity + b"\n" + _LENGTHS.pack(len(tokens), state)

    def _checked(self, data: memoryview, tokens: Tokens) -> memoryview:
        """Return the state in the content of a file. Raises ValueError."""
        start = len(self._head(tokens, 0)) + 4 * len(tokens)
        state, digest = data[start:-_DIGEST], data[-_DIGEST:]
        if bytes(data[:start]) != self._head(tokens, len(state)) + tokens.tobytes():
            raise ValueError("it was cut or replaced")
        if hashlib.blake2b(data[:-_DIGEST], digest_size=_DIGEST).digest() != digest:
            raise ValueError("its checksum is wrong")
        return state

    def _scan(self) -> None:
        """Find the files of this identity, and delete those that were not finished or are too old."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, stat in sorted(_files(self._folder), key=lambda entry: entry[1].st_mtime):
            if path.suffix == UNFINISHED or stat.st_mtime < time.time() - MAX_AGE:
                path.unlink(missing_ok=True)
            elif path.name.startswith(self._prefix):
                self._add(path, stat.st_size)

    def _add(self, path: Path, size: int) -> None:
        try:
            with path.open("rb") as file:
                tokens = self._read_tokens(file, size)
        except (OSError, ValueError) as error:
            logger.warning("%s: this kept chat is not used: %s", path, _reason(error))
            path.unlink(missing_ok=True)
            return
        if not self._covers(tokens):
            self._tree.add(KvFile(path, tokens, size))

    def _read_tokens(self, file: BinaryIO, size: int) -> Tokens:
        head = file.read(len(self._head(np.zeros(0, np.int32), 0)))
        count, state = _LENGTHS.unpack(head[-_LENGTHS.size :]) if len(head) >= _LENGTHS.size else (0, 0)
        if not count or len(head) + 4 * count + state + _DIGEST != size:
            raise ValueError("it was cut or replaced")
        tokens = np.frombuffer(file.read(4 * count), np.int32)
        if head != self._head(tokens, state):
            raise ValueError("it was cut or replaced")
        return tokens


def delete_kept(folder: Path) -> None:
    """Delete all kept chats, also those of running engines, which notice it when they look for one."""
    if folder.is_dir():
        for path, _ in _files(folder):
            path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the files that this module writes, with their state."""
    for path in folder.iterdir():
        if path.suffix in (SUFFIX, UNFINISHED) and path.is_file():
            with contextlib.suppress(OSError):
                yield path, path.stat()


def _reason(error: OSError | ValueError | MemoryError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
