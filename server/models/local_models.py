"""Models of this machine for the API: the list, removal, the hub, and the queue of downloads."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from server.engine.base import ModelError
from server.models.catalogue import BUILT_IN, Catalogue, ModelFile, UnknownModelError, catalogue
from server.models.dialer import Dialer, PublicDialer
from server.models.download_queue import DownloadQueue
from server.models.download_table import DownloadTable
from server.models.getting import get_model
from server.models.hub import operators_hosts
from server.models.hub_search import models_in, search_hub
from server.models.memory import ChatSizes
from server.models.model_facts import facts_of
from server.models.models_file import ModelsFile
from server.models.packaged import PACKAGED, packaged_path
from server.models.places import OWN
from server.models.progress_bar import Progress
from server.resources import available_memory


class InUseError(ModelError):
    """The model can't be deleted: it is loaded."""


class NotOursError(ModelError):
    """The model can't be deleted: it belongs to another program."""


class LocalModels:
    """Owns the queue of downloads. All methods read the disk or the network, so they belong on a thread.

    ``data`` None: the queue ends with the server. ``memory``: bytes that loaded models may take together, None: no
    limit. ``models_file`` has options of single models. ``in_use`` returns the files of the loaded models. ``got`` is
    called with the file of each finished download, on the queue's thread.
    """

    def __init__(
        self,
        models_folder: Path,
        data: Path | None,
        environ: Mapping[str, str],
        sizes: ChatSizes,
        *,
        memory: int | None = None,
        offline: bool = False,
        models_file: ModelsFile | None = None,
        in_use: Callable[[], Collection[Path]] = tuple,
        got: Callable[[Path], None] = lambda path: None,
    ) -> None:
        self.offline = offline
        self._memory = memory
        self._folder = models_folder
        self._environ = environ
        self._sizes = sizes
        self._models_file = models_file
        self._in_use = in_use
        self.downloads = DownloadQueue(models_folder, DownloadTable(data), self._fetch, dialer=self.dialer, got=got)

    def dialer(self) -> Dialer:
        """Return a dialer that reaches public addresses and what the operator chose."""
        return PublicDialer(operators_hosts(self._environ, urllib.request.getproxies().values()))

    def start(self) -> None:
        """Continue the downloads of the last server, unless this one is offline."""
        if not self.offline:
            self.downloads.start()

    def close(self) -> None:
        """Stop the running download. Returns at once."""
        self.downloads.close()

    def listed(self) -> dict[str, Any]:
        """Return the models, what may be got by name, and in bytes the free memory and disk space (null: not known) and
        the memory for loaded models (null: no limit).
        """
        free, used = available_memory(), _resolved(self._in_use())
        return {
            "models": [self._facts(model, free, used) for model in self._catalogue().models],
            "suggested": [
                {"source": each.name, "about": each.about, "size": each.size}
                for each in PACKAGED.values()
                if not packaged_path(each, self._folder).exists()
            ],
            "memory_free": free,
            "model_memory": self._memory,
            "disk_free": self._disk_free(),
        }

    def remove(self, name: str) -> str:
        """Delete a model of the models folder and return its full name.

        Raises UnknownModelError, NotOursError, InUseError, and ModelError if a file can't be deleted.
        """
        found = self._catalogue()
        model = next((each for each in found.models if each.full_name == name), None)
        if model is None:
            raise UnknownModelError(f"{name}: there is no model of this full name here; it may have been deleted")
        if model.place != OWN:
            owner = "StreamUI itself" if model.place == BUILT_IN else model.place
            raise NotOursError(f"{name} belongs to {owner}; only models in the models folder are deleted here")
        if _resolved(model.parts) & _resolved(self._in_use()):
            text = "it can be deleted after a restart, or once another model has taken its place in memory"
            raise InUseError(f"{name} is loaded; {text}")
        for part in model.parts:
            try:
                part.unlink(missing_ok=True)
            except OSError as error:
                raise ModelError(f"{name} can't be deleted: {error.strerror}") from None
        return model.full_name

    def search(self, words: str) -> list[dict[str, Any]]:
        """Search the hub. Raises DownloadError."""
        return search_hub(words, self._environ, self.dialer())

    def repository(self, name: str) -> list[dict[str, Any]]:
        """Return the models of a repository. Raises DownloadError."""
        return models_in(
            name,
            self._environ,
            self.dialer(),
            models_folder=self._folder,
            sizes=self._sizes,
            free=available_memory(),
        )

    def _catalogue(self) -> Catalogue:
        return catalogue(self._folder, self._environ, self._models_file)

    def _fetch(self, source: str, progress: Progress, dialer: Dialer) -> Path:
        return get_model(source, self._folder, _silent, self._environ, progress, dialer)

    def _facts(self, model: ModelFile, free: int | None, used: set[Path]) -> dict[str, Any]:
        facts = facts_of(model, self._sizes, free)
        del facts["path"], facts["sampling"], facts["sampling_from"]
        is_used = bool(_resolved(model.parts) & used)
        return facts | {"in_use": is_used, "removable": model.place == OWN and not is_used}

    def _disk_free(self) -> int | None:
        folder = next((each for each in (self._folder, *self._folder.parents) if each.exists()), None)
        try:
            return shutil.disk_usage(folder).free if folder else None
        except OSError:
            return None


def _silent(text: str) -> None:
    """Print nothing: the API shows the progress."""


def _resolved(paths: Collection[Path]) -> set[Path]:
    return {path.resolve() for path in paths}
