"""A model from any address is continued where it was cut, and kept only if it is a chat model."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.models.downloads import DownloadError
from server.models.get_url import get_url
from tests.server.models.headers import EMBEDDING, header
from tests.server.models.small_hub import COMMIT, SmallHub, serving

CONTENT = header() + b"\0" * 300_000


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr("server.models.fetching.PAUSE", 0.0)
    with serving(SmallHub({"a.gguf": CONTENT})) as hub:
        yield hub


def get(hub: SmallHub, folder: Path, name: str = "a.gguf") -> Path:
    return get_url(f"{hub.url}/maker/repo/resolve/{COMMIT}/{name}?x=1", folder, print, lambda arrived, whole: None)


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*.gguf")]


def test_a_file_is_downloaded(hub: SmallHub, tmp_path: Path) -> None:
    assert get(hub, tmp_path) == tmp_path / "a.gguf"
    assert (tmp_path / "a.gguf").read_bytes() == CONTENT


def test_a_download_that_is_cut_continues(hub: SmallHub, tmp_path: Path) -> None:
    hub.cut = [100_000]
    assert get(hub, tmp_path).read_bytes() == CONTENT
    assert hub.ranges == [None, "bytes=100000-"]


def test_a_file_that_is_there_is_not_replaced(hub: SmallHub, tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="has a file of this name"):
        get(hub, tmp_path)
    assert hub.ranges == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (header(EMBEDDING), "a.gguf: this is an embedding model"),
        (b"<html>", "a.gguf: this is not a GGUF file"),
        (header()[:50], "a.gguf: the header of the model file is broken"),
    ],
)
def test_what_is_no_chat_model_is_deleted(hub: SmallHub, tmp_path: Path, content: bytes, reason: str) -> None:
    hub.files["a.gguf"] = content
    with pytest.raises(DownloadError, match=reason):
        get(hub, tmp_path)
    assert files(tmp_path) == []
    assert list((tmp_path / ".downloads").glob("*.part")) == []


@pytest.mark.parametrize("name", ["a.bin", "", ".gguf", "a%00.gguf", "a-00001-of-00002.gguf"])
def test_an_address_must_end_with_a_whole_model(hub: SmallHub, tmp_path: Path, name: str) -> None:
    with pytest.raises(DownloadError):
        get(hub, tmp_path, name)
    assert hub.ranges == []


def test_a_refusal_and_a_server_that_is_not_there_are_told(hub: SmallHub, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="status 404"):
        get(hub, tmp_path, "b.gguf")
    with serving(SmallHub({})) as other:
        pass
    with pytest.raises(DownloadError, match="can't be reached"):
        get(other, tmp_path)
