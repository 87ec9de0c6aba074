"""The queue of downloads: one at a time, stopped and resumed, continued by the next server."""

import contextlib
import errno
import fcntl
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from server.models import fetching
from server.models.download_queue import DONE_KEPT, MOST, DownloadState, FullQueueError, UnknownDownloadError, id_of
from server.models.download_table import FILE
from server.models.downloads import DownloadError
from server.models.local_models import InUseError, LocalModels, NotOursError
from server.models.memory import ChatSizes, Network, memory_need
from server.models.unfinished import LOCK
from tests.server.models.headers import header
from tests.server.models.small_hub import SmallHub, serving

CONTENT = header() + b"\0" * 300_000
CUT = 100_000
DEADLINE = 120.0
SOURCE = "maker/repo:Q4_K_M"
OTHER = "maker/repo:Q8_0"
NAME = "streamui/maker/repo/tiny-Q4_K_M"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr("server.models.fetching.PAUSE", 0.0)
    monkeypatch.setattr("server.models.download_queue.BUSY_SECONDS", 0.01)
    with serving(SmallHub({"tiny-Q4_K_M.gguf": CONTENT, "tiny-Q8_0.gguf": CONTENT + b"8"})) as hub:
        yield hub
        if hub.gate:
            hub.gate.set()


class Machine:
    """A data folder, and the models of the server that runs over it now."""

    def __init__(self, folder: Path, hub: SmallHub) -> None:
        self.folder = folder
        self.hub = hub
        self.used: list[Path] = []
        self.got: list[Path] = []
        self.models = self.restart()

    def restart(self, *, start: bool = True) -> LocalModels:
        if hasattr(self, "models"):
            self.close()
        environ = {"HF_ENDPOINT": self.hub.url, "HOME": str(self.folder / "nobody")}
        self.models = LocalModels(
            self.folder / "models",
            self.folder,
            environ,
            ChatSizes(None, 4),
            in_use=lambda: self.used,
            got=self.got.append,
        )
        if start:
            self.models.start()
        return self.models

    def close(self) -> None:
        self.models.close()
        if self.models.downloads._thread.ident is not None:
            self.models.downloads._thread.join(DEADLINE)
            assert not self.models.downloads._thread.is_alive()

    def state(self, source: str = SOURCE) -> DownloadState | None:
        return next((each for each in self.models.downloads.states() if each.source == source), None)

    def until(self, wanted: str, source: str = SOURCE) -> DownloadState:
        """Return the download once it is in this state."""
        queue = self.models.downloads
        changed = threading.Event()
        end = queue.listen(changed.set)
        try:
            while (state := self.state(source)) is None or state.state != wanted:
                assert changed.wait(DEADLINE), state
                changed.clear()
        finally:
            end()
        return state

    def names(self) -> list[str]:
        return [each["full_name"] for each in self.models.listed()["models"]][1:]


@pytest.fixture
def machine(tmp_path: Path, hub: SmallHub) -> Iterator[Machine]:
    machine = Machine(tmp_path, hub)
    yield machine
    if hub.gate:
        hub.gate.set()
    machine.close()


def held(hub: SmallHub) -> Callable[[], None]:
    """Hold the next download after CUT bytes. Returns the function that waits for that."""
    hub.cut, hub.gate, hub.waiting = [CUT], threading.Event(), threading.Event()

    def wait() -> None:
        assert hub.waiting.wait(DEADLINE)

    return wait


def test_a_download_ends_as_a_model_in_the_list(machine: Machine) -> None:
    state = machine.models.downloads.add(SOURCE)
    assert (state.id, state.state) == (id_of(SOURCE), "waiting")
    done = machine.until("done")
    assert (done.name, done.arrived, done.size, done.error) == (NAME, len(CONTENT), len(CONTENT), None)
    assert machine.names() == [NAME]
    assert machine.got == [machine.folder / "models" / "maker" / "repo" / "tiny-Q4_K_M.gguf"]


def test_the_others_wait_for_the_first(machine: Machine, hub: SmallHub) -> None:
    wait = held(hub)
    machine.models.downloads.add(SOURCE)
    machine.models.downloads.add(OTHER)
    wait()
    states = [(each.source, each.state) for each in machine.models.downloads.states()]
    assert states == [(SOURCE, "running"), (OTHER, "waiting")]
    assert machine.names() == []
    assert hub.gate is not None
    hub.gate.set()
    machine.until("done", OTHER)
    assert machine.until("done").name == NAME
    assert hub.ranges == [None, f"bytes={CUT}-", None]


def test_the_progress_is_that_of_the_arrived_bytes(machine: Machine, hub: SmallHub) -> None:
    wait = held(hub)
    machine.models.downloads.add(SOURCE)
    wait()
    changed = threading.Event()
    machine.models.downloads.listen(changed.set)
    while (state := machine.state()) is None or not state.arrived:
        assert changed.wait(DEADLINE)
        changed.clear()
    assert 0 < state.arrived <= CUT
    assert (state.size, state.name) == (len(CONTENT), NAME)


def test_a_stopped_download_keeps_its_bytes_and_resumes_there(machine: Machine, hub: SmallHub) -> None:
    wait = held(hub)
    id = machine.models.downloads.add(SOURCE).id
    wait()
    machine.models.downloads.stop(id)
    stopped = machine.until("stopped")
    assert (stopped.size, stopped.name) == (len(CONTENT), NAME)
    assert hub.gate is not None
    hub.gate.set()
    assert machine.models.downloads.resume(id).state == "waiting"
    machine.until("done")
    assert hub.ranges == [None, f"bytes={stopped.arrived}-"]


def test_a_removed_download_leaves_nothing(machine: Machine, hub: SmallHub) -> None:
    wait = held(hub)
    id = machine.models.downloads.add(SOURCE).id
    wait()
    machine.models.downloads.remove(id)
    assert machine.models.downloads.states() == []
    assert [each.name for each in (machine.folder / "models" / ".downloads").iterdir()] == [LOCK]
    with pytest.raises(UnknownDownloadError):
        machine.models.downloads.stop(id)


def test_a_download_that_is_stopped_in_the_queue_is_left_out(machine: Machine, hub: SmallHub) -> None:
    wait = held(hub)
    machine.models.downloads.add(SOURCE)
    wait()
    id = machine.models.downloads.add(OTHER).id
    assert machine.models.downloads.stop(id).state == "stopped"
    assert hub.gate is not None
    hub.gate.set()
    machine.until("done")
    state = machine.state(OTHER)
    assert state is not None and state.state == "stopped"


def test_the_same_source_twice_is_one_download(machine: Machine, hub: SmallHub) -> None:
    wait = held(hub)
    first = machine.models.downloads.add(SOURCE)
    wait()
    assert machine.models.downloads.add(SOURCE).id == first.id
    assert len(machine.models.downloads.states()) == 1


def test_the_next_server_continues_the_queue(machine: Machine, hub: SmallHub) -> None:
    wait = held(hub)
    machine.models.downloads.add(SOURCE)
    machine.models.downloads.add(OTHER)
    wait()
    machine.models.close()
    assert hub.gate is not None
    hub.gate.set()
    machine.restart()
    machine.until("done", OTHER)
    assert set(machine.names()) == {NAME, "streamui/maker/repo/tiny-Q8_0"}
    assert hub.ranges[1] is not None and hub.ranges[1].startswith("bytes=")


def test_stopped_and_failed_ones_are_known_to_the_next_server(machine: Machine, hub: SmallHub) -> None:
    hub.refusal = 429
    machine.models.downloads.add(SOURCE)
    failed = machine.until("failed")
    machine.restart()
    again = machine.state()
    assert again == failed
    hub.refusal = None
    machine.models.downloads.resume(failed.id)
    machine.until("done")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"token": "secret"}, "it is private"),
        ({"refusal": 429}, "too many requests"),
        ({"refusal": 500}, "status 500"),
        ({"announced": {"tiny-Q4_K_M.gguf": "0" * 64}}, "is not what was announced"),
        ({"longer": b"more"}, "longer than what was announced"),
        ({"cut": [CUT], "broken": True}, "status 500"),
    ],
)
def test_what_goes_wrong_is_told_and_the_next_one_begins(
    machine: Machine, hub: SmallHub, changes: dict[str, Any], reason: str
) -> None:
    for name, value in changes.items():
        setattr(hub, name, value)
    machine.models.downloads.add(SOURCE)
    error = machine.until("failed").error
    assert error is not None and reason in error
    assert machine.names() == []
    machine.models.downloads.add("maker/other")
    machine.until("failed", "maker/other")


def test_a_full_disk_is_told_and_the_download_resumes(
    machine: Machine, hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fetching._copy

    def full(answer: Any, file: IO[bytes], size: int | None, progress: Any) -> None:
        file.write(answer.read(CUT))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetching, "_copy", full)
    machine.models.downloads.add(SOURCE)
    failed = machine.until("failed")
    assert failed.error is not None and "the disk is full" in failed.error
    assert (failed.arrived, machine.names()) == (CUT, [])
    monkeypatch.setattr(fetching, "_copy", real)
    machine.models.downloads.resume(failed.id)
    machine.until("done")
    assert hub.ranges == [None, f"bytes={CUT}-"]


def test_a_fault_ends_one_download_only(
    machine: Machine, hub: SmallHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> None:
        raise RuntimeError("a fault")

    with monkeypatch.context() as patched:
        patched.setattr("server.models.hub.choose", broken)
        machine.models.downloads.add(SOURCE)
        assert machine.until("failed").error == "the download failed; the server's log has the reason"
    assert "a fault" in caplog.text
    machine.models.downloads.add(OTHER)
    machine.until("done", OTHER)


def test_the_command_line_and_the_queue_take_turns(machine: Machine) -> None:
    """While another process downloads, the queue waits for it."""
    folder = machine.folder / "models" / ".downloads"
    folder.mkdir(parents=True)
    with (folder / LOCK).open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = threading.Event()
        seen: list[str] = []

        def listener() -> None:
            if (state := machine.models.downloads._each.get(SOURCE)) is not None:
                seen.append(state.state)
            if seen.count("running") >= 2:
                changed.set()

        machine.models.downloads.listen(listener)
        machine.models.downloads.add(SOURCE)
        assert changed.wait(DEADLINE)
        assert "failed" not in seen
    machine.until("done")


def test_what_the_command_line_left_unfinished_is_in_the_list(machine: Machine, hub: SmallHub) -> None:
    wait = held(hub)
    id = machine.models.downloads.add(SOURCE).id
    wait()
    machine.models.downloads.stop(id)
    machine.until("stopped")
    machine.close()
    (machine.folder / FILE).unlink()
    assert hub.gate is not None
    hub.gate.set()
    machine.restart()
    state = machine.state()
    assert state is not None
    assert (state.state, state.name, state.size) == ("stopped", NAME, len(CONTENT))
    machine.models.downloads.resume(id)
    machine.until("done")


def test_a_broken_table_is_moved_aside(machine: Machine) -> None:
    machine.close()
    (machine.folder / FILE).write_bytes(b"no database" * 1000)
    machine.restart()
    assert machine.models.downloads.states() == []
    assert list(machine.folder.glob("downloads-broken-*"))
    machine.models.downloads.add(SOURCE)
    machine.until("done")


def test_a_table_of_a_newer_version_is_left_alone(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    machine.close()
    with contextlib.closing(sqlite3.connect(machine.folder / FILE)) as db:
        db.execute("PRAGMA user_version = 99")
    machine.restart()
    machine.models.downloads.add(SOURCE)
    machine.until("done")
    assert "the queue of downloads ends with this server" in caplog.text
    with contextlib.closing(sqlite3.connect(machine.folder / FILE)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (99,)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:abc", "http://[::1", "nothing", "http://a..b"])
def test_a_hub_that_is_no_address_is_told(tmp_path: Path, endpoint: str) -> None:
    models = LocalModels(tmp_path, None, {"HF_ENDPOINT": endpoint}, ChatSizes(None, 4))
    with pytest.raises(DownloadError):
        models.search("x")
    models.close()


def test_the_queue_is_bounded(machine: Machine) -> None:
    machine.restart(start=False)
    for number in range(MOST):
        machine.models.downloads.add(f"maker/repo{number}")
    with pytest.raises(FullQueueError):
        machine.models.downloads.add("maker/last")


def test_only_the_last_finished_ones_are_kept(machine: Machine, hub: SmallHub) -> None:
    hub.files = {f"m{number}-Q4_0.gguf": CONTENT for number in range(DONE_KEPT + 2)}
    for number in range(DONE_KEPT + 2):
        machine.models.downloads.add(f"maker/repo:m{number}-Q4_0")
    machine.until("done", f"maker/repo:m{DONE_KEPT + 1}-Q4_0")
    assert len(machine.models.downloads.states()) == DONE_KEPT


def test_a_shown_source_has_no_password() -> None:
    source = "https://me:secret@example.org/x.gguf?token=secret"
    assert DownloadState(id="", source=source, state="failed").shown_source == "https://example.org/x.gguf"


def test_a_model_is_removed_unless_it_is_used(machine: Machine) -> None:
    machine.models.downloads.add(SOURCE)
    machine.until("done")
    machine.used = [machine.got[0]]
    with pytest.raises(InUseError, match="is loaded; it can be deleted after a restart"):
        machine.models.remove(NAME)
    with pytest.raises(NotOursError):
        machine.models.remove("built-in/starter")
    machine.used = []
    assert machine.models.remove(NAME) == NAME
    assert machine.names() == []


def test_a_search_says_what_can_be_had(machine: Machine, hub: SmallHub) -> None:
    (found,) = machine.models.search("tiny model")
    assert found == {
        "repository": "maker/repo",
        "downloads": 12345,
        "likes": 67,
        "licence": "apache-2.0",
        "gated": False,
    }
    assert "search=tiny+model" in hub.searches[0] and "filter=gguf" in hub.searches[0]


@pytest.mark.parametrize(
    "found", ["{", "{}", '[{"id": 5}, {"id": "../x"}, {"id": "a/b", "downloads": "x", "tags": 7}]', "7"]
)
def test_a_search_that_is_answered_with_rubbish_is_no_fault(machine: Machine, hub: SmallHub, found: str) -> None:
    hub.found = found
    try:
        names = [each["repository"] for each in machine.models.search("x")]
    except DownloadError as error:
        assert "can't be read" in str(error)
    else:
        assert names in ([], ["a/b"])


def test_a_repository_says_what_its_models_need(machine: Machine, hub: SmallHub) -> None:
    first, second = machine.models.repository("maker/repo")
    assert (first["source"], first["quantization"], first["size"]) == (SOURCE, "Q4_K_M", len(CONTENT))
    assert (first["context"], first["parameters"], first["here"]) == (4096, "15M", False)
    network = Network(keys=64, values=64, heads=4, width=64, vocabulary=3)
    assert first["needs"] == memory_need(len(CONTENT), network, 4096, ChatSizes(None, 4)).total
    assert second["source"] == OTHER
    machine.models.downloads.add(SOURCE)
    machine.until("done")
    assert [each["here"] for each in machine.models.repository("maker/repo")] == [True, False]


def test_a_repository_whose_file_cannot_be_read_is_listed_by_size(machine: Machine, hub: SmallHub) -> None:
    hub.files = {"big-Q4_0.gguf": b"no model at all"}
    (only,) = machine.models.repository("maker/repo")
    assert (only["size"], only["needs"], only["context"]) == (15, None, None)
