"""Options of the engine."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from server.engine.kv_files import KvFiles
from server.engine.model import Model
from server.engine.speculation import Speculative

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Options of the engine. ``saved_bytes``: RAM for the KV of chats that wait for their next turn; ``disk`` and
    ``disk_bytes``: the folder that keeps them beyond the engine's end, if any, and its size.

    With ``context_shift`` a full context drops the older half of its tokens; without it the answer ends.
    """

    saved_bytes: int = 1 << 30
    context_shift: bool = False
    disk: Path | None = None
    disk_bytes: int = 0
    speculative: Speculative = Speculative.OFF


def open_files(model: Model, options: EngineOptions) -> KvFiles | None:
    """Return the states on disk; None without a folder, or, after a line in the log, if it can't be used."""
    if options.disk is None or not options.disk_bytes:
        return None
    try:
        return KvFiles(options.disk, budget=options.disk_bytes, identity=model.kv_identity)
    except OSError as error:
        logger.warning("%s: chats are not kept on disk: %s", options.disk, error.strerror)
        return None
