"""State of a model's files, to notice that another program changes them while they are checked or loaded."""

from __future__ import annotations

import hashlib
from pathlib import Path

from server.engine.base import ModelError
from server.engine.gguf_parts import parts_of

FileState = tuple[tuple[str, int, int, int, int], ...]
"""Name, device, inode, size and time of change for each part."""


def file_state(path: Path) -> FileState:
    """Return the state of all parts of a model. Raises ModelError if a part vanished."""
    try:
        stats = [(part.name, part.stat()) for part in parts_of(path)]
    except OSError as error:
        raise ModelError(f"{path}: the model file can't be read: {error.strerror}") from None
    return tuple((name, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def content_identity(path: Path) -> str:
    """Return a text that another content of the model file hardly has, in a few milliseconds.

    It has the size, the time of change and a digest of the beginning of each part. Raises ModelError.
    """
    states = [f"{size}.{changed}" for _, _, _, size, changed in file_state(path)]
    try:
        with path.open("rb") as file:
            beginning = hashlib.blake2b(file.read(1 << 20), digest_size=16).hexdigest()
    except OSError as error:
        raise ModelError(f"{path}: the model file can't be read: {error.strerror}") from None
    return f"{beginning} {' '.join(states)}"


def check_unchanged(path: Path, before: FileState) -> None:
    """Raise ModelError if the files differ from ``before``."""
    try:
        unchanged = file_state(path) == before
    except ModelError:
        unchanged = False
    if not unchanged:
        raise ModelError(
            f"{path}: the model file was changed or deleted meanwhile; wait until it is whole, then start again"
        )
