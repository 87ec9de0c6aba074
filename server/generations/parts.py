"""The server's parts that have died, and faults that a part survives."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from server.logs import described, event

logger = logging.getLogger(__name__)

ENDED: Final = "its task or thread has ended"
"""The reason where a part has ended without an exception."""


class Parts:
    """Owns which parts of the server have died, on the event loop. A part that has died stays dead until a restart."""

    def __init__(self) -> None:
        self.failures: dict[str, str] = {}
        """The reasons, by part."""
        self._logged: set[tuple[str, type[BaseException]]] = set()

    def died(self, part: str, reason: str, error: BaseException | None = None, *, level: int = logging.ERROR) -> bool:
        """Note that ``part`` can't work any more, and log it at ``level``. False if that is known already."""
        if part in self.failures:
            return False
        self.failures[part] = reason
        logger.log(level, "%s has died: %s; start the server again", part, reason, exc_info=error)
        return True

    def guarded(self, name: str, call: Callable[[], object]) -> None:
        """Call ``call``; a fault in it, called ``name`` in the log, harms nothing else."""
        try:
            call()
        except Exception as error:
            self.survived(name, error)

    def survived(self, name: str, error: BaseException) -> None:
        """Log a fault in what is called ``name``: with its traceback the first time, at `debug` from then on."""
        kind = (name, type(error))
        if kind in self._logged:
            event(logger, logging.DEBUG, "another fault", part=name, error=described(error))
            return
        self._logged.add(kind)
        logger.error("a fault in %s: %s", name, described(error), exc_info=error)
