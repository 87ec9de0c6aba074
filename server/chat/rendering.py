"""Server side of the process that renders a model's own template (renderer.py is the other side)."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.chat.prompt import Message, Prompt
from server.chat.sandbox import MAX_CHARACTERS, ChatTemplateError, TemplateLimitError

MAX_SOURCE: Final = 1 << 20
"""Maximum length of a template, in characters. The longest known ones have some 20,000."""

RENDER_SECONDS: Final = 10.0
START_SECONDS: Final = 60.0
"""Time for Python to start on a busy machine and to read and try the template, in seconds."""

MAX_REPLY: Final = 6 * MAX_CHARACTERS + 4096
"""Maximum reply size, in bytes. JSON in ASCII needs up to six per character, twice that beyond U+FFFF. A longer
reply ends the process."""


class RenderProcess:
    """A template in another process. Owns that process and restarts it after it was killed. Thread-safe.

    Raises ChatTemplateError when the template can't be read, or takes too much for a first short message.
    """

    def __init__(
        self, source: str, tokens: Mapping[str, str] | None = None, *, seconds: float = RENDER_SECONDS
    ) -> None:
        if len(source) > MAX_SOURCE:
            raise TemplateLimitError(f"the model's chat template is longer than {MAX_SOURCE} characters")
        self._setup = {"source": source, "tokens": dict(tokens or {}), "seconds": seconds}
        self._seconds = seconds
        self._lock = threading.Lock()
        """Held during a rendering: the process handles one at a time."""
        self._process: subprocess.Popen[bytes] | None = None
        with self._lock:
            self._started()

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Any] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Prompt:
        """See SandboxedTemplate.render."""
        question = {"messages": messages, "tools": tools, "variables": variables}
        with self._lock:
            return self._ask(self._process or self._started(), question, self._seconds)

    def close(self) -> None:
        with self._lock:
            self._end()

    # The methods below require the lock.

    def _started(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "server.chat.renderer"]
        pipe = subprocess.PIPE
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}  # nothing else, so no secret
        process = self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment
        )
        try:
            self._ask(process, self._setup, START_SECONDS + self._seconds)
        except BaseException:
            self._end()
            raise
        return process

    def _ask(self, process: subprocess.Popen[bytes], question: Mapping[str, Any], seconds: float) -> Prompt:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(question).encode() + b"\n")
            process.stdin.flush()
            line = _line(process.stdout.fileno(), time.monotonic() + seconds)
        except TimeoutError:
            self._end()
            raise TemplateLimitError(f"the model's chat template takes longer than {self._seconds:g} s") from None
        except (OSError, EOFError):
            self._end()
            raise TemplateLimitError("the model's chat template takes too much time or memory") from None
        reply = json.loads(line)
        if "text" in reply:
            quoted = tuple((start, end) for start, end in reply["quoted"])
            return Prompt(reply["text"], quoted, tuple(reply["lost"]))
        raise (TemplateLimitError if reply["limit"] else ChatTemplateError)(reply["error"])

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):  # unread input
                assert pipe is not None
                pipe.close()


def _line(file: int, deadline: float) -> bytes:
    """Read a line from the pipe. Raises TimeoutError, or EOFError when there is none or it is too long."""
    parts: list[bytes] = []
    size = 0
    with selectors.DefaultSelector() as selector:
        selector.register(file, selectors.EVENT_READ)
        while not parts or not parts[-1].endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            part = os.read(file, 1 << 20)
            size += len(part)
            if not part or size > MAX_REPLY:
                raise EOFError
            parts.append(part)
    return b"".join(parts)
