"""Unfinished downloads: listed apart from the models, continued by name, deleted on demand and when they are old."""

import errno
import fcntl
import json
import os
import time
from pathlib import Path
from typing import IO

import pytest

from server.engine.base import ModelError
from server.models.catalogue import Catalogue, UnknownModelError, catalogue
from server.models.choosing import chosen_model
from server.models.downloads import DownloadError
from server.models.unfinished import KEPT_SECONDS, Download, begin, unfinished
from tests.server.models.headers import header, write
from tests.server.models.small_hub import COMMIT, SmallHub, serving
from tests.server.models.test_models_command import Terminal, command

CONTENT = header() + b"\0" * 3_000_000
HERE = 1_200_000
NAME = "maker/repo/tiny-Q8_0"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("server.models.fetching.PAUSE", 0.0)
    return tmp_path / "data" / "models"


def here(own: Path) -> Catalogue:
    return catalogue(own, {"HOME": str(own / "nowhere")})


def leave_unfinished(own: Path, hub: SmallHub, wanted: str = "maker/repo") -> None:
    """Begin a download that the hub cuts for good after HERE bytes."""
    hub.cut, hub.broken = [HERE], True
    with pytest.raises(DownloadError):
        command(own, "get", wanted, HF_ENDPOINT=hub.url)
    hub.broken = False


def begun(own: Path, name: str = NAME, size: int | None = len(CONTENT), source: str = "maker/repo") -> Path:
    folder = begin(own, Download(source=source, name=name, size=size, parts=("a.part",)))
    (folder / "a.part").write_bytes(CONTENT[:HERE])
    return folder


def test_it_is_listed_as_unfinished_alone(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(SmallHub({"tiny-Q8_0.gguf": CONTENT})) as hub:
        leave_unfinished(own, hub)
    assert [model.name for model in here(own).models] == ["starter"]
    assert here(own).left_out == ()
    capsys.readouterr()
    command(own)
    assert capsys.readouterr().out.splitlines()[-1] == "1 unfinished download: streamui models --all"
    command(own, "--all")
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith(f"unfinished: streamui/{NAME}: the download is unfinished, 1.1 MiB of 2.9 MiB are here")
    assert f"streamui models get {NAME}" in told
    command(own, "--all", "--json")
    listed = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (listed["full_name"], listed["arrived"], listed["size"]) == (f"streamui/{NAME}", HERE, len(CONTENT))


@pytest.mark.parametrize("wanted", ["maker/repo", "maker/repo:Q8_0", NAME, "streamui/maker/repo/TINY-Q8_0"])
def test_get_continues_it(own: Path, wanted: str) -> None:
    with serving(SmallHub({"tiny-Q8_0.gguf": CONTENT})) as hub:
        leave_unfinished(own, hub)
        assert command(own, "get", wanted, HF_ENDPOINT=hub.url) == 0
        assert hub.ranges[-1] == f"bytes={HERE}-"
    assert (own / "maker/repo/tiny-Q8_0.gguf").read_bytes() == CONTENT
    assert here(own).unfinished == ()


def test_one_from_an_address_is_continued_by_its_name(own: Path) -> None:
    with serving(SmallHub({"tiny.gguf": CONTENT})) as hub:
        leave_unfinished(own, hub, f"{hub.url}/maker/repo/resolve/{COMMIT}/tiny.gguf?key=secret")
        (download,) = here(own).unfinished
        assert (download.full_name, download.arrived) == ("streamui/tiny", HERE)
        assert "secret" not in download.problem
        assert (download.folder / "download.json").stat().st_mode & 0o077 == 0
        assert command(own, "get", "tiny") == 0
        assert hub.ranges[-1] == f"bytes={HERE}-"
    assert (own / "tiny.gguf").read_bytes() == CONTENT


def test_another_file_of_the_same_name_begins_anew(own: Path) -> None:
    with serving(SmallHub({"tiny-Q8_0.gguf": CONTENT})) as hub:
        leave_unfinished(own, hub)
        hub.files = {"tiny-Q8_0.gguf": CONTENT + b"newer"}
        assert command(own, "get", "maker/repo", HF_ENDPOINT=hub.url) == 0
        assert hub.ranges[-1] is None
    assert [path.name for path in (own / ".downloads").iterdir()] == ["lock"]


def test_another_model_s_download_keeps_it(own: Path) -> None:
    with serving(SmallHub({"tiny-Q8_0.gguf": CONTENT})) as hub:
        leave_unfinished(own, hub)
        hub.files = {"other-Q4_0.gguf": CONTENT}
        assert command(own, "get", "maker/repo:Q4_0", HF_ENDPOINT=hub.url) == 0
    assert [each.name for each in here(own).unfinished] == [NAME]


def test_what_never_began_leaves_nothing(own: Path) -> None:
    with serving(SmallHub({})) as hub, pytest.raises(DownloadError, match="status 404"):
        command(own, "get", f"{hub.url}/maker/repo/tiny.gguf")
    assert here(own).unfinished == ()


@pytest.mark.parametrize("asked", [NAME, f"streamui/{NAME}", "tiny-q8_0"])
def test_rm_deletes_it(own: Path, asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    begun(own)
    begun(own, "other")
    assert command(own, "rm", asked, "--yes") == 0
    assert "The unfinished download of streamui/maker/repo/tiny-Q8_0 is deleted" in capsys.readouterr().out
    assert [each.name for each in here(own).unfinished] == ["other"]


@pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 1)])
def test_rm_asks(own: Path, answer: str, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(own)
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    assert command(own, "rm", NAME) == left
    assert len(here(own).unfinished) == left


def test_rm_takes_a_whole_model_of_the_name_first(own: Path) -> None:
    begun(own, "tiny")
    path = write(own / "tiny.gguf")
    command(own, "rm", "tiny", "--yes")
    assert (path.exists(), len(here(own).unfinished)) == (False, 1)


def test_rm_prefers_it_to_the_model_of_another_program(own: Path) -> None:
    begun(own, "tiny")
    theirs = write(own / "nowhere" / ".lmstudio/models/maker/repo/tiny.gguf")
    assert command(own, "rm", "tiny", "--yes") == 0
    assert (theirs.exists(), here(own).unfinished) == (True, ())


def test_a_name_of_several_downloads_must_be_more_exact(own: Path) -> None:
    for name in ("a/x/tiny", "b/x/tiny", "tiny2"):
        begun(own, name)
    for action in (["rm", "x/tiny", "--yes"], ["get", "tiny"], ["show", "tiny"]):
        with pytest.raises(UnknownModelError, match=r"several unfinished downloads .* streamui/a/x/tiny, streamui/b"):
            command(own, *action)
    assert command(own, "rm", "b/x/tiny", "--yes") == 0
    assert [each.name for each in here(own).unfinished] == ["a/x/tiny", "tiny2"]


def test_rm_takes_none_where_several_models_have_the_name(own: Path) -> None:
    begun(own, "a/x/tiny")
    write(own / "tiny.gguf")
    write(own / "nowhere" / ".lmstudio/models/maker/repo/tiny.gguf")
    with pytest.raises(UnknownModelError, match="several models have this name"):
        command(own, "rm", "tiny", "--yes")
    assert len(here(own).unfinished) == 1


def test_rm_leaves_one_that_is_running(own: Path) -> None:
    begun(own)
    with (own / ".downloads" / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match=r"another download .* is running"):
            command(own, "rm", NAME, "--yes")
    assert len(here(own).unfinished) == 1


def test_its_name_is_answered_with_the_state(own: Path) -> None:
    begun(own)
    with pytest.raises(UnknownModelError, match=r"the download is unfinished, 1\.1 MiB of 2\.9 MiB are here; continue"):
        here(own).find("tiny-Q8_0")
    with pytest.raises(ModelError, match=f"--model tiny-Q8_0: the download is unfinished.*models get {NAME}"):
        chosen_model(Path("tiny-Q8_0"), own, {"HOME": str(own)})


def test_the_next_download_deletes_what_is_older_than_a_month(own: Path) -> None:
    old, young = begun(own, "old"), begun(own, "young")
    (own / ".downloads" / "tmp123").mkdir()
    (own / ".downloads" / "left.part").write_bytes(b"x")
    age_before(own, KEPT_SECONDS + 60)
    os.utime(young / "a.part")
    with serving(SmallHub({"new-Q8_0.gguf": CONTENT})) as hub:
        assert command(own, "get", "maker/repo", HF_ENDPOINT=hub.url) == 0
    assert not old.exists()
    assert sorted(path.name for path in (own / ".downloads").iterdir()) == sorted(["lock", young.name])


def test_an_old_one_is_continued_all_the_same(own: Path) -> None:
    with serving(SmallHub({"tiny-Q8_0.gguf": CONTENT})) as hub:
        leave_unfinished(own, hub)
        age_before(own, KEPT_SECONDS + 60)
        assert command(own, "get", "maker/repo", HF_ENDPOINT=hub.url) == 0
        assert hub.ranges[-1] == f"bytes={HERE}-"


def age_before(own: Path, seconds: float) -> None:
    then = time.time() - seconds
    for path in (own / ".downloads").rglob("*"):
        os.utime(path, (then, then))


def test_a_full_disk_leaves_one_that_continues(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(answer: object, file: IO[bytes], *others: object) -> None:
        file.write(CONTENT[:HERE])
        raise OSError(errno.ENOSPC, "No space left on device")

    with serving(SmallHub({"tiny-Q8_0.gguf": CONTENT})) as hub:
        with monkeypatch.context() as small:
            small.setattr("server.models.fetching._copy", full)
            with pytest.raises(DownloadError, match=r"disk is full; free some space .*: the download continues there"):
                command(own, "get", "maker/repo", HF_ENDPOINT=hub.url)
        assert [each.arrived for each in here(own).unfinished] == [HERE]
        assert command(own, "get", NAME, HF_ENDPOINT=hub.url) == 0
        assert hub.ranges[-1] == f"bytes={HERE}-"


@pytest.mark.parametrize(
    "record",
    [
        *("", "[]", "{", "1", "[" * 100_000, '{"name": "a", "source": "a"}'),
        *('{"name": 1, "source": "a", "size": 1}', '{"name": "a", "source": "a", "size": "b"}'),
    ],
)
def test_a_broken_record_is_passed_over(own: Path, record: str) -> None:
    (begun(own) / "download.json").write_text(record)
    assert unfinished(own) == []


def test_a_link_in_the_folder_is_not_followed(own: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    begun(own).rename(elsewhere)
    link = own / ".downloads" / "link"
    link.symlink_to(elsewhere)
    assert unfinished(own) == []


def test_a_download_without_a_known_size_says_what_is_here(own: Path) -> None:
    begun(own, size=None)
    assert here(own).unfinished[0].progress == "1.1 MiB"


def test_a_name_cannot_drive_the_terminal(own: Path) -> None:
    begun(own, "a\x1b[2Jb")
    (download,) = here(own).unfinished
    assert (download.full_name, "\x1b" in download.problem) == ("streamui/a?[2Jb", False)
