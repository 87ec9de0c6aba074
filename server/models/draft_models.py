"""Draft models: small models that propose tokens for larger ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from server.engine.base import ModelError
from server.engine.gguf_parts import parts_of
from server.models.header_facts import HeaderFacts, read_header
from server.models.memory import ChatSizes, MemoryNeed, memory_need
from server.models.names import is_path


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftModelFile:
    """File of a draft model. ``problem``: the reason why it can't be loaded, where that is known before.

    ``size``: of the file in bytes, 0 when unknown; ``header`` None: unknown too.
    """

    path: Path
    size: int = 0
    header: HeaderFacts | None = None
    problem: str | None = None

    def need(self, context: int) -> MemoryNeed:
        """Return the memory that it needs for one chat of ``context`` tokens."""
        network = self.header.network if self.header else None
        if network is None:
            return MemoryNeed(self.size, 0, 0)
        return memory_need(self.size, network, context, ChatSizes(context, 1))


class Listed(Protocol):
    """A model of the list."""

    @property
    def path(self) -> Path: ...
    @property
    def size(self) -> int: ...
    @property
    def header(self) -> HeaderFacts: ...


def find_draft_model(text: str, find: Callable[[str], Listed]) -> DraftModelFile:
    """Return the draft model with this path, or with this name. ``find`` finds a name in the list."""
    path = Path(text).expanduser()
    if is_path(text):
        return _file(path)
    try:
        model = find(text)
    except ModelError as error:
        return DraftModelFile(path=path, problem=f"draft model {error}")
    return DraftModelFile(path=model.path, size=model.size, header=model.header)


def _file(path: Path) -> DraftModelFile:
    try:
        return DraftModelFile(
            path=path, size=sum(part.stat().st_size for part in parts_of(path)), header=read_header(path)
        )
    except FileNotFoundError:
        return DraftModelFile(path=path, problem=f"{path}: there is no such draft model")
    except OSError as error:
        return DraftModelFile(path=path, problem=f"{path}: the draft model can't be read: {error.strerror}")
    except ModelError as error:
        return DraftModelFile(path=path, problem=f"draft model {error}")
