"""One answer in the terminal: streamed, stopped by Ctrl-C, and summarized."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import TextIO

from protocol.client import Retry
from protocol.messages import Accepted, Done, DoneReason, GenerationState, Status, Steered, Token, Tuned
from protocol.sync_client import STOP_SECONDS, SyncGeneration

RETRY = Retry(give_up_after=15.0)
"""Retry policy: gives up after 15 s, since a person is waiting."""

DETACH_MS = 20_000
"""Detach time in milliseconds, slightly longer than the retries: the answer survives a reconnect but not a closed
terminal."""

LONG_PROMPT = 512
"""Tokens of a prompt from which on the reading of it is shown."""

ENDINGS = {DoneReason.LENGTH: "at the limit", DoneReason.CANCELLED: "stopped", DoneReason.INTERRUPTED: "interrupted"}

# Control characters that a terminal would obey; line ends and tabs are text.
_CONTROLS = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def printable(text: str) -> str:
    """Remove the characters that a terminal would treat as commands."""
    return text.translate(_CONTROLS)


def stream(generation: SyncGeneration, out: TextIO) -> Done:
    """Write the answer to ``out`` as it arrives. The first Ctrl-C stops it, a second one raises KeyboardInterrupt.

    Raises RequestError, DisconnectedError, BrokenPipeError. Must run on the main thread.
    """
    clean, progress, dropped = printable if out.isatty() else str, ProgressRemarks(), None
    written = ""
    with stopping(generation):
        try:
            for event in generation.events():
                if isinstance(event, Accepted | Status | Done) and event.dropped and not dropped:
                    dropped = event.dropped
                    remark(left_out(dropped))
                elif isinstance(event, Accepted | Status):
                    progress.show(event)
                elif isinstance(event, Token):
                    out.write(written := clean(event.text))
                    out.flush()
                elif isinstance(event, Tuned):
                    if out.isatty() and written and not written.endswith("\n"):
                        print(file=out, flush=True)
                    remark(tuned_text(event))
                elif isinstance(event, Steered):
                    out.write(clean(f"\n\n> {event.content}\n\n"))
                    out.flush()
        except BrokenPipeError:
            generation.cancel(STOP_SECONDS)
            raise
        return generation.done()


class ProgressRemarks:
    """Lines about the loading of the model, and in a terminal also about the queue and the reading of the prompt.

    In a terminal the loading has a line for each tenth of it, and the reading one for each quarter.
    """

    def __init__(self) -> None:
        self._shown: tuple[object, ...] = ()
        self._is_loading = False

    def show(self, event: Accepted | Status) -> None:
        """Print a line if ``event`` says something new."""
        if isinstance(event, Accepted) or event.state is GenerationState.QUEUED:
            if event.position:
                self._show(waiting_text(event.position), "queued", event.position)
        elif event.state is GenerationState.LOADING:
            self._show_loading(event)
        elif event.state is GenerationState.PREFILL and event.done and event.total:
            quarter = 4 * event.done // event.total
            if event.total >= LONG_PROMPT and 0 < quarter < 4:
                self._show(f"reading the prompt: {25 * quarter} %", "prefill", quarter)

    def _show_loading(self, status: Status) -> None:
        tenth = 10 * (status.done or 0) // (status.total or 1)
        text = "loading the model" if tenth == 0 else f"loading the model: {10 * tenth} %"
        if sys.stderr.isatty():
            self._show(text, "loading", tenth)
        elif not self._is_loading:
            remark(text)
        self._is_loading = True

    def _show(self, text: str, *shown: object) -> None:
        if sys.stderr.isatty() and shown != self._shown:
            self._shown = shown
            remark(text)


def waiting_text(position: int) -> str:
    """Format a note such as ``waiting for 2 other answers``."""
    return f"waiting for {position} other answer{'' if position == 1 else 's'}"


@contextlib.contextmanager
def stopping(generation: SyncGeneration) -> Iterator[None]:
    """Make the first Ctrl-C in the block cancel ``generation``; a second one raises KeyboardInterrupt."""
    asked = False

    def interrupted(signum: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        generation.stop()

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def tuned_text(tuned: Tuned) -> str:
    """Format a note such as ``temperature: 0.2 from here on``."""
    values = ", ".join(f"{name}: {value}" for name, value in tuned.params.items())
    return f"{values} from here on"


def left_out(messages: int) -> str:
    """Format a note such as ``12 earlier messages left out``."""
    return f"{messages} earlier message{'' if messages == 1 else 's'} left out"


def summary(done: Done) -> str:
    """Format a summary such as ``312 tokens · 48 tokens/s``."""
    count = done.usage.completion_tokens
    parts = [f"{count} token" if count == 1 else f"{count} tokens"]
    if count > 1 and done.timings.decode:
        speed = (count - 1) / done.timings.decode * 1000  # the first token's time counts as reading the prompt
        parts.append(f"{speed:.0f} tokens/s" if speed >= 10 else f"{speed:.1f} tokens/s")
    if done.reason in ENDINGS:
        parts.append(ENDINGS[done.reason])
    return " · ".join(parts)


def remark(text: str) -> None:
    """Print a note that is not part of the answer: on standard error, dim in a terminal."""
    text = printable(text)
    print(f"\x1b[2m{text}\x1b[0m" if sys.stderr.isatty() else text, file=sys.stderr, flush=True)
