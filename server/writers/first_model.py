"""The model of a first start, which is downloaded while the server answers with the starter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from server.models.download_queue import DownloadQueue
from server.models.memory import size_text
from server.models.packaged import PackagedModel
from server.writers.model_writers import ModelWriters


class FirstModel:
    """Lists the model with its progress, and makes it the default one when it is there.

    Used by the download queue's thread. ``remark`` prints a line for the operator.
    """

    def __init__(self, model: PackagedModel, writers: ModelWriters, remark: Callable[[str], None]) -> None:
        self._model = model
        self._writers = writers
        self._remark = remark
        self._has_failed = False
        self._before: Callable[[str], None] = lambda name: None

    def start(self, queue: DownloadQueue, before: Callable[[str], None]) -> None:
        """Put the download into the queue, unless the user has stopped it there.

        ``before`` is called with the name of the default model before another one takes its place.
        """
        name, self._before = self._model.name, before
        queue.listen(lambda: self._report(queue))
        state = queue.state_of(name)
        if state is None or state.state != "stopped":
            self._remark(
                f"Getting {name} ({size_text(self._model.size)}) in the background. The built-in starter answers until "
                "it is there."
            )
        if state is None or state.state == "failed":
            queue.add(name)

    def got(self, path: Path) -> None:
        """Take over a finished download."""
        if path.stem != self._model.name:
            return self._writers.refresh()
        if self._writers.prefer(path, self._before) is None:
            return self._remark(
                f"{self._model.name} is here, but can't be loaded beside the starter. Start the server again to use "
                "it; if that fails, `streamui doctor` says why."
            )
        self._remark(f"{self._model.name} is here, and answers in new chats.")

    def _report(self, queue: DownloadQueue) -> None:
        state = queue.state_of(self._model.name)
        if state is None or state.state == "stopped":
            self._writers.downloading(self._model.name, None)
        elif state.state != "done":
            progress = (state.arrived, state.size or self._model.size)
            self._writers.downloading(self._model.name, progress, state.error)
        if state and state.state == "failed" and not self._has_failed:
            self._has_failed = True
            self._remark(f"{state.error}. The built-in starter answers instead; it knows almost nothing.")
