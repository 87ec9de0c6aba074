"""The model of a first start is downloaded while another one answers, and becomes the default one when it is here."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate, ModelState
from server.engine.worker import BatchingEngine
from server.models.dialer import Dialer
from server.models.download_queue import DownloadQueue
from server.models.download_table import DownloadTable
from server.models.downloads import DownloadError
from server.models.packaged import SMOLLM2
from server.models.progress_bar import Progress
from server.models.sources import ModelSource
from server.writers.first_model import FirstModel
from server.writers.local import local_writer
from server.writers.model_writers import ModelWriters
from server.writers.writer_port import ServedModel
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.writers.model_disk import ModelDisk, source

FIRST = SMOLLM2.name
DEADLINE = 60


class Machine:
    """A server that has the starter alone, and a download that ends when the test lets it."""

    def __init__(self, folder: Path) -> None:
        self.disk = ModelDisk()
        self.gate = threading.Event()
        self.error = ""
        self.folder = folder
        self.path = folder / f"{FIRST}.gguf"
        self.remarks: list[str] = []
        self.kept: list[str] = []
        self.changed = threading.Condition()
        starter = local_writer(BatchingEngine(ScriptedModel()), name="starter")
        self.writers = ModelWriters([(starter, source("starter"))], sources=self._sources, load=self.disk.load)
        self.queue = DownloadQueue(folder, DownloadTable(None), self._fetch, got=lambda path: self.first.got(path))
        self.first = FirstModel(SMOLLM2, self.writers, self._remark)
        self.writers.start(lambda updates: None, self._notify)

    def _sources(self) -> tuple[ModelSource, ...]:
        return tuple(replace(each, path=self.folder / f"{each.name}.gguf") for each in self.disk.sources())

    def start(self) -> None:
        self.queue.start()
        self.first.start(self.queue, self.kept.append)

    def _remark(self, text: str) -> None:
        self.remarks.append(text)
        self._notify()

    def _notify(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def _fetch(self, wanted: str, progress: Progress, dialer: Dialer) -> Path:
        progress(40, 100)
        while not self.gate.wait(0.001):
            dialer.raise_if_stopped()
        if self.error:
            raise DownloadError(self.error)
        self.disk.needs[FIRST] = 1
        return self.path

    def until(self, found: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(found, DEADLINE), self.writers.models

    def model(self, name: str = FIRST) -> ServedModel | None:
        return next((model for model in self.writers.models if model.name == name), None)

    def has(self, state: ModelState) -> bool:
        model = self.model()
        return model is not None and model.state is state

    def close(self) -> None:
        self.queue.close()
        self.writers.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.close()


def test_it_is_listed_with_its_progress_and_then_the_default_model(machine: Machine) -> None:
    machine.start()
    machine.until(lambda: (model := machine.model()) and model.done == 40)
    model = machine.model()
    assert model and (model.state, model.total, model.context) == (ModelState.DOWNLOADING, 100, None)
    assert [each.name for each in machine.writers.models] == ["starter", FIRST]
    assert machine.remarks == [
        f"Getting {FIRST} (94 MiB) in the background. The built-in starter answers until it is there."
    ]
    machine.gate.set()
    machine.until(lambda: machine.writers.models[0].name == FIRST)
    assert machine.has(ModelState.LOADED)
    assert machine.kept == ["starter"]
    assert machine.writers.facts.name == f"The {FIRST.title()}"
    prepared = machine.writers.prepare("a", Generate(prompt="Hi"), written="", received=0.0, principal="")
    assert prepared.request.model == FIRST
    assert [each.name for each in machine.writers.models] == [FIRST, "starter"]
    machine.writers.refresh()
    assert [each.name for each in machine.writers.models] == [FIRST, "starter"]


def test_an_answer_that_names_it_too_early_is_refused_with_the_progress(machine: Machine) -> None:
    machine.start()
    machine.until(lambda: (model := machine.model()) and model.done == 40)
    machine.writers.refresh()
    with pytest.raises(RemoteProtocolError, match=r"still being downloaded .*choose another model until then") as error:
        machine.writers.prepare("a", Generate(prompt="Hi", model=FIRST), written="", received=0.0, principal="")
    assert error.value.code is ErrorCode.UNSUPPORTED


def test_a_download_that_fails_leaves_the_starter_and_says_so_in_one_line(machine: Machine) -> None:
    machine.error = "no network"
    machine.gate.set()
    machine.start()
    machine.until(lambda: len(machine.remarks) == 2 and (model := machine.model()) and model.error)
    assert machine.remarks[1] == "no network. The built-in starter answers instead; it knows almost nothing."
    assert [(each.name, each.error) for each in machine.writers.models] == [("starter", None), (FIRST, "no network")]
    with pytest.raises(RemoteProtocolError, match=f"{FIRST} is not here: no network; choose another model"):
        machine.writers.prepare("a", Generate(prompt="Hi", model=FIRST), written="", received=0.0, principal="")
    machine.error = ""
    state = machine.queue.state_of(FIRST)
    assert state
    machine.queue.resume(state.id)
    machine.until(lambda: machine.has(ModelState.LOADED))
    assert machine.writers.models[0].error is None


def test_a_user_s_stop_takes_it_from_the_list_until_it_is_resumed(machine: Machine) -> None:
    machine.start()
    machine.until(lambda: (model := machine.model()) and model.done == 40)
    state = machine.queue.state_of(FIRST)
    assert state
    machine.queue.stop(state.id)
    machine.until(lambda: machine.model() is None)
    machine.gate.set()
    machine.queue.resume(state.id)
    machine.until(lambda: machine.writers.models[0].name == FIRST)


def test_a_file_that_can_t_be_loaded_leaves_the_starter(machine: Machine) -> None:
    machine.disk.errors[FIRST] = "it is cut"
    machine.gate.set()
    machine.start()
    machine.until(lambda: machine.has(ModelState.FAILED) and len(machine.remarks) == 2)
    assert machine.remarks[1] == (
        f"{FIRST} is here, but can't be loaded beside the starter. Start the server again to use it; if that fails, "
        "`streamui doctor` says why."
    )
    assert machine.writers.models[0].name == "starter"
    assert machine.kept == []


def test_another_download_is_only_listed(machine: Machine, tmp_path: Path) -> None:
    machine.gate.set()
    machine.path = tmp_path / "other.gguf"
    machine.queue.start()
    machine.queue.add("other")
    machine.until(lambda: machine.model() is not None)
    assert machine.writers.models[0].name == "starter"
