"""Parts of the server that have failed, and faults that a part survives."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from server.logs import described, event

logger = logging.getLogger(__name__)

ENDED: Final = "its task or thread has ended"
"""Reason for a part that ended without an exception."""


class ServerParts:
    """Owns the set of failed parts, on the event loop. A failed part stays so until a restart."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        """Reason by part."""
        self._logged: set[tuple[str, type[BaseException]]] = set()

    def died(self, part: str, reason: str, error: BaseException | None = None, *, level: int = logging.ERROR) -> bool:
        """Record that ``part`` has failed, and log it at ``level``. Returns False when it was known already."""
        if part in self.failures:
            return False
        self.failures[part] = reason
        logger.log(level, "%s has died: %s; restart the server", part, reason, exc_info=error)
        return True

    def guarded(self, name: str, call: Callable[[], object]) -> None:
        """Call ``call``, and log an exception under ``name`` instead of raising it."""
        try:
            call()
        except Exception as error:
            self.survived(name, error)

    def survived(self, name: str, error: BaseException) -> None:
        """Log a fault in ``name``: the first time with its traceback, later at `debug`."""
        kind = (name, type(error))
        if kind in self._logged:
            event(logger, logging.DEBUG, "another fault", part=name, error=described(error))
            return
        self._logged.add(kind)
        logger.error("a fault in %s: %s", name, described(error), exc_info=error)
