"""Lines that a person types while an answer streams: commands about it, and lines for the prompt."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final

from protocol.client import DisconnectedError, RequestError
from protocol.sync_client import SyncGeneration
from server.terminal.answering import remark
from server.terminal.parameters import ParameterError, parse_pair
from server.terminal.places import PlaceError, Places, fork_line

STEER: Final = "/steer"
"""Command with an instruction for the running answer."""
SET: Final = "/set"
"""Command with a parameter, which holds for the running answer and for the next ones."""
ALTERNATIVES: Final = "/alternatives"
"""Command that shows the likeliest tokens at a place of the running answer."""
FORK: Final = "/fork"
"""Command that stops the running answer, and then writes another one from a place of it."""


class TypedLines:
    """Owns the terminal's input while an answer streams. Other lines are kept for the prompt, in order."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._kept: deque[str] = deque()
        self._has_ended = False

    def next(self, prompt: str) -> str:
        """Return the next line for the prompt, which may have been typed before. Raises EOFError."""
        if self._kept:
            line = self._kept.popleft()
            print(f"{prompt}{line}", flush=True)
            return line
        if self._has_ended:
            raise EOFError
        return input(prompt)

    @contextlib.contextmanager
    def steering(self, generation: SyncGeneration) -> Iterator[None]:
        """Give instructions and parameters that are typed during the block to ``generation``. Only in a terminal."""
        if not sys.stdin.isatty():
            yield
            return
        ending, end = os.pipe()
        thread = threading.Thread(target=self._read, args=(generation, ending), name="typed lines", daemon=True)
        thread.start()
        try:
            yield
        finally:
            os.write(end, b".")
            thread.join()
            os.close(ending)
            os.close(end)

    def _read(self, generation: SyncGeneration, ending: int) -> None:
        """Read lines until ``ending`` is readable. A terminal is readable once it has a whole line."""
        typed = sys.stdin.fileno()
        while not self._has_ended:
            ready, _, _ = select.select([typed, ending], [], [])
            if ending in ready:
                return
            data = os.read(typed, 65_536)
            self._has_ended = not data
            for line in data.decode(errors="replace").splitlines():
                self._take(generation, line.strip())

    def _take(self, generation: SyncGeneration, line: str) -> None:
        command, _, content = line.partition(" ")
        content = content.strip()
        try:
            if command == STEER:
                self._steer(generation, content)
            elif command == SET:
                self._set(generation, line, content)
            elif command == ALTERNATIVES:
                remark(f"\n{self._places.alternatives(content)}")
            elif command == FORK:
                self._kept.appendleft(fork_line(self._places.fork_point(content)))
                generation.stop()
            else:
                self._kept.append(line)
        except (RequestError, DisconnectedError) as problem:
            remark(f"! {problem.message}")
        except PlaceError as problem:
            remark(f"! {problem}")

    def _steer(self, generation: SyncGeneration, content: str) -> None:
        if content:
            generation.steer(content)
        else:
            remark(f"! {STEER} TEXT, such as {STEER} shorter")

    def _set(self, generation: SyncGeneration, line: str, content: str) -> None:
        """Change the parameter of the running answer. The prompt gets the line too, and reports a wrong value."""
        self._kept.append(line)
        name, _, value = content.partition(" ")
        if value:
            with contextlib.suppress(ParameterError):
                generation.tune(**dict([parse_pair(f"{name}={value.strip()}")]))
