"""Queue of downloads: one at a time, on a thread of its own, continued after a restart."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from server.engine.gguf_parts import PART
from server.models.dialer import Dialer, StoppedError
from server.models.download_table import DownloadRow, DownloadTable
from server.models.downloads import BusyFolderError, DownloadError, cancel
from server.models.get_url import is_url
from server.models.header_facts import printable
from server.models.names import SUFFIX
from server.models.places import OWN
from server.models.progress_bar import Progress
from server.models.unfinished import Unfinished, unfinished

MOST: Final = 100
"""Downloads that may be in the queue, of every state. More are refused."""

DONE_KEPT: Final = 10
"""Finished downloads that stay in the list, the newest ones."""

REPORT_SECONDS: Final = 0.25
"""Shortest time between two reports of progress, in seconds."""

SPEED_SECONDS: Final = 3.0
"""Time constant of the mean speed, in seconds."""

BUSY_SECONDS: Final = 5.0
"""Pause while another process downloads into the same folder, in seconds."""

State = Literal["waiting", "running", "stopping", "stopped", "failed", "done"]

Fetch = Callable[[str, Progress, Dialer], Path]
"""Downloads a source. Raises DownloadError and StoppedError."""

logger = logging.getLogger(__name__)


class UnknownDownloadError(LookupError):
    """The id belongs to no download."""


class FullQueueError(Exception):
    """There are MOST downloads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadState:
    """A download. Sizes are in bytes, ``speed`` in bytes a second; None: not known, or not running.

    ``name``: the model's full name, once the hub has said it. ``error``: of a failed one, with what helps.
    """

    id: str
    source: str
    state: State
    name: str | None = None
    arrived: int = 0
    size: int | None = None
    speed: float | None = None
    error: str | None = None

    @property
    def shown_source(self) -> str:
        """The source without a password or a query, which may be a secret."""
        if not is_url(self.source):
            return printable(self.source)
        parts = urlsplit(self.source)
        return printable(urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")))


def id_of(source: str) -> str:
    """Return the id of a download: the same source has the same id on every server."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


class DownloadQueue:
    """Owns the downloads of the API. Any thread may call it.

    ``fetch`` runs on the queue's thread. ``changed`` is called on any thread after each change, and must not block.
    ``got`` is called on the queue's thread with the file of each finished download.
    """

    def __init__(
        self,
        models_folder: Path,
        table: DownloadTable,
        fetch: Fetch,
        *,
        dialer: Callable[[], Dialer] = Dialer,
        got: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self._folder = models_folder
        self._table = table
        self._fetch = fetch
        self._dialer = dialer
        self._got = got
        self._lock = threading.Condition()
        self._each = {row.source: _stored(row) for row in table.rows()}
        self._running: Dialer | None = None
        self._closed = False
        self._is_folder_busy = False
        self._listeners: set[Callable[[], None]] = set()
        self._version = random.getrandbits(40)
        self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)

    @property
    def version(self) -> int:
        """Number that differs after each change, also after a restart."""
        return self._version

    @property
    def is_running(self) -> bool:
        """True while a model is being downloaded."""
        return self._running is not None

    def start(self) -> None:
        """Start the thread, and with it the first waiting download."""
        self._thread.start()

    def close(self) -> None:
        """Stop the running download, which the next start continues. Returns at once."""
        with self._lock:
            self._closed = True
            if self._running:
                self._running.stop()
            self._lock.notify_all()
            if not self._thread.is_alive():
                self._table.close()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each change, on any thread. Returns the function that ends this."""
        with self._lock:
            self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def state_of(self, source: str) -> DownloadState | None:
        """Return a download of the queue, without what only the disk knows. A listener may call it."""
        with self._lock:
            return self._each.get(source)

    def states(self) -> list[DownloadState]:
        """Return every download in the queue's order; after them those that the command line left unfinished."""
        with self._lock:
            each = dict(self._each)
        found = {record.source: record for record in unfinished(self._folder)}
        known = [_with_record(state, found.pop(source, None)) for source, state in each.items()]
        return known + [
            _with_record(DownloadState(id=id_of(source), source=source, state="stopped"), record)
            for source, record in found.items()
        ]

    def add(self, source: str) -> DownloadState:
        """Put a download at the end of the queue, unless it is waiting or running there. Raises FullQueueError."""
        with self._lock:
            known = self._each.get(source)
            if known and known.state in ("waiting", "running"):
                return known
            if known is None and len(self._each) >= MOST:
                raise FullQueueError
            self._each.pop(source, None)
            state = self._set(DownloadState(id=id_of(source), source=source, state="waiting"), last=True)
            self._lock.notify_all()
            return state

    def resume(self, id: str) -> DownloadState:
        """Put a stopped or failed download at the end of the queue. Raises UnknownDownloadError and FullQueueError."""
        return self.add(self._find(id).source)

    def stop(self, id: str) -> DownloadState:
        """Stop a download and keep what has arrived. Raises UnknownDownloadError."""
        with self._lock:
            state = self._find(id)
            if state.state == "waiting":
                return self._set(replace(state, state="stopped"))
            if state.state == "running" and self._running:
                self._running.stop()
                return self._set(replace(state, state="stopping"))
            return state

    def remove(self, id: str) -> None:
        """Stop a download and delete what has arrived. Raises UnknownDownloadError and DownloadError."""
        with self._lock:
            state = self.stop(id)
            source = state.source
            self._lock.wait_for(lambda: not self._is_running(source), timeout=_STOP_SECONDS)
            if self._is_running(source):
                raise BusyFolderError("the download is being stopped; try again in a moment")
            record = next((each for each in unfinished(self._folder) if each.source == source), None)
            if record is not None:
                cancel(self._folder, record)
            self._each.pop(source, None)
            self._table.remove(source)
            self._changed()

    def _is_running(self, source: str) -> bool:
        state = self._each.get(source)
        return state is not None and state.state in ("running", "stopping")

    def _find(self, id: str) -> DownloadState:
        for state in self.states():
            if state.id == id:
                return state
        raise UnknownDownloadError(id)

    def _set(self, state: DownloadState, *, last: bool = False) -> DownloadState:
        """Keep a state, and store it unless only the progress is new. Called with the lock."""
        self._each[state.source] = state
        if state.state == "done":
            self._table.remove(state.source)
            done = [each.source for each in self._each.values() if each.state == "done"]
            for source in done[:-DONE_KEPT]:
                del self._each[source]
        else:
            kept = state.state if state.state in ("stopped", "stopping", "failed") else "waiting"
            row = DownloadRow(state.source, "stopped" if kept == "stopping" else kept, state.error)
            self._table.put(row, last=last)
        self._changed()
        return state

    def _changed(self) -> None:
        self._version += 1
        for listener in tuple(self._listeners):
            listener()

    def _run(self) -> None:
        while (state := self._next()) is not None:
            self._set_result(self._carry_out(state))
            with self._lock:
                if self._is_folder_busy:
                    self._lock.wait_for(lambda: self._closed, timeout=BUSY_SECONDS)
        with self._lock:
            self._table.close()

    def _next(self) -> DownloadState | None:
        """Wait for a download and begin it. Returns None when the queue is closed."""
        with self._lock:
            while not self._closed:
                for state in self._each.values():
                    if state.state == "waiting":
                        self._running = self._dialer()
                        return self._set(replace(state, state="running", error=None))
                self._lock.wait()
            return None

    def _carry_out(self, state: DownloadState) -> DownloadState:
        """Download one model and return its last state."""
        dialer, self._is_folder_busy = self._running, False
        assert dialer is not None
        try:
            path = self._fetch(state.source, _Report(self, state, dialer), dialer)
            self._got(path)
        except StoppedError:
            return replace(state, state="waiting" if self._closed else "stopped")
        except BusyFolderError:
            self._is_folder_busy = True
            return replace(state, state="waiting")
        except DownloadError as error:
            return replace(state, state="failed", error=printable(str(error)))
        except Exception:
            logger.exception("the download of %s failed", state.shown_source)
            return replace(state, state="failed", error="the download failed; the server's log has the reason")
        return replace(state, state="done", name=self._name_of(path))

    def _name_of(self, path: Path) -> str:
        part = PART.fullmatch(path.name)
        stem = part["name"] if part else path.name[: -len(SUFFIX)]
        return printable(f"{OWN}/{(path.parent / stem).relative_to(self._folder).as_posix()}")

    def _set_result(self, state: DownloadState) -> None:
        with self._lock:
            self._running = None
            now = self._each.get(state.source)
            if now is not None and now.state != "waiting":  # it was not asked for again meanwhile
                self._set(replace(state, arrived=now.arrived, size=now.size))
            self._lock.notify_all()

    def report(self, source: str, arrived: int, size: int | None, speed: float | None) -> None:
        """Publish the progress of the running download."""
        with self._lock:
            state = self._each.get(source)
            if state is not None and state.state == "running":
                self._each[source] = replace(state, arrived=arrived, size=size, speed=speed)
                self._changed()


_STOP_SECONDS: Final = 10.0
"""Longest wait for the running download to stop, in seconds."""


class _Report:
    """Progress of one download: publishes it at times, and ends the download when it was stopped."""

    def __init__(self, queue: DownloadQueue, state: DownloadState, dialer: Dialer) -> None:
        self._queue = queue
        self._source = state.source
        self._dialer = dialer
        self._last = time.monotonic()
        self._before: int | None = None
        self._speed: float | None = None
        self._next = 0.0

    def __call__(self, arrived: int, whole: int | None) -> None:
        self._dialer.raise_if_stopped()
        now = time.monotonic()
        if now < self._next and arrived != whole:
            return
        self._measure(arrived, now)
        self._next = now + REPORT_SECONDS
        self._queue.report(self._source, arrived, whole, self._speed)

    def _measure(self, arrived: int, now: float) -> None:
        """Update the mean speed. The first report counts what was there before, so it only begins the measurement."""
        passed = max(1e-6, now - self._last)
        if self._before is not None and arrived >= self._before:
            rate, weight = (arrived - self._before) / passed, min(1.0, passed / SPEED_SECONDS)
            self._speed = rate if self._speed is None else self._speed + weight * (rate - self._speed)
        self._last, self._before = now, arrived


def _stored(row: DownloadRow) -> DownloadState:
    state: State = "stopped" if row.state == "stopped" else "failed" if row.state == "failed" else "waiting"
    return DownloadState(id=id_of(row.source), source=row.source, state=state, error=row.error)


def _with_record(state: DownloadState, record: Unfinished | None) -> DownloadState:
    """Add what the models folder knows about an unfinished download."""
    if record is None or state.state == "done":
        return state
    if state.state in ("running", "stopping") and state.size:
        return replace(state, name=record.full_name, arrived=max(state.arrived, min(record.arrived, state.size)))
    return replace(state, name=record.full_name, arrived=record.arrived, size=record.size)
