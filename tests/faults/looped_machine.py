"""State machine with an event loop and folders of its own."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

PATIENCE = 120.0
"""Time limit of a rule, in seconds. No rule comes near it, even on a busy machine."""

T = TypeVar("T")


class LoopedMachine(RuleBasedStateMachine):
    """Owns the loop and the folders; ``_life``: what a server's end closes. Subclasses close all in ``teardown``."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._files = contextlib.ExitStack()
        self._life = contextlib.AsyncExitStack()
        self._folder = self._new_folder()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        async def in_time() -> T:
            async with asyncio.timeout(PATIENCE):
                return await work

        return self._runner.run(in_time())

    def _new_folder(self) -> Path:
        return Path(self._files.enter_context(tempfile.TemporaryDirectory()))
