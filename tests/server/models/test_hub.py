"""Models come from a hub with resume and a check of their hash, and are listed only when they are whole."""

import errno
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from server.models.catalogue import catalogue
from server.models.downloads import DownloadError
from server.models.hub import HubFile, choose, get_from_hub, is_repository, models_of
from server.models.progress_bar import ProgressBar, line
from tests.server.models.headers import header
from tests.server.models.small_hub import SmallHub, serving
from tests.server.models.test_models_command import Terminal

CONTENT = header() + b"\0" * 300_000


@pytest.fixture
def hub() -> Iterator[SmallHub]:
    files = {"tiny-Q4_K_M.gguf": CONTENT, "tiny-Q8_0.gguf": CONTENT + b"8", "mmproj-tiny.gguf": b"x", "README.md": b"x"}
    with serving(SmallHub(files)) as hub:
        yield hub


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The models folder. A download is continued at once."""
    monkeypatch.setattr("server.models.fetching.PAUSE", 0.0)
    return tmp_path / "models"


def get(hub: SmallHub, own: Path, wanted: str = "maker/repo", **environ: str) -> tuple[Path, ...]:
    return get_from_hub(wanted, own, lambda text: None, {"HF_ENDPOINT": hub.url, **environ})


def listed(own: Path) -> list[str]:
    found = catalogue(own, {"HOME": str(own / "nowhere")})
    return [model.full_name for model in found.models[1:]] + [each.full_name for each in found.left_out]


def test_the_usual_quantization_is_downloaded(hub: SmallHub, own: Path) -> None:
    (path,) = get(hub, own)
    assert path == own / "maker" / "repo" / "tiny-Q4_K_M.gguf"
    assert path.read_bytes() == CONTENT
    assert listed(own) == ["streamui/maker/repo/tiny-Q4_K_M"]
    assert [each.name for each in (own / ".downloads").iterdir()] == ["lock"]


def test_another_one_is_downloaded_by_its_name(hub: SmallHub, own: Path) -> None:
    (path,) = get(hub, own, "maker/repo:q8_0")
    assert path.name == "tiny-Q8_0.gguf"


def test_what_is_there_is_not_downloaded_again(hub: SmallHub, own: Path) -> None:
    assert get(hub, own) == get(hub, own)
    assert hub.ranges == [None]


def test_all_parts_of_a_split_model_are_downloaded(hub: SmallHub, own: Path) -> None:
    hub.files = {f"Q4_0/big-Q4_0-0000{number}-of-00002.gguf": CONTENT + bytes([number]) for number in (1, 2)}
    assert [path.read_bytes()[-1] for path in get(hub, own)] == [1, 2]
    assert listed(own) == ["streamui/maker/repo/Q4_0/big-Q4_0"]


def test_a_download_that_is_cut_continues(hub: SmallHub, own: Path) -> None:
    hub.cut = [100_000]
    (path,) = get(hub, own)
    assert path.read_bytes() == CONTENT
    assert hub.ranges == [None, "bytes=100000-"]


def test_a_second_try_continues_the_first(hub: SmallHub, own: Path) -> None:
    hub.cut, hub.broken = [100_000], True
    with pytest.raises(DownloadError, match="maker/repo: "):
        get(hub, own)
    assert listed(own) == []
    hub.broken = False
    (path,) = get(hub, own)
    assert path.read_bytes() == CONTENT
    assert hub.ranges[-1] == "bytes=100000-"


def test_a_file_with_another_hash_is_refused_and_not_listed(hub: SmallHub, own: Path) -> None:
    hub.announced = {"tiny-Q4_K_M.gguf": "0" * 64}
    with pytest.raises(DownloadError, match=r"tiny-Q4_K_M\.gguf: the file that arrived is not what was announced"):
        get(hub, own)
    assert listed(own) == []
    hub.announced = {}
    assert get(hub, own)[0].read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("changes", "wanted", "reason"),
    [
        ({"token": "secret"}, "maker/repo", "it is private"),
        ({"refusal": 429}, "maker/repo", "too many requests"),
        ({"refusal": 403}, "maker/repo", "refuses access"),
        ({"refusal": 500}, "maker/repo", "status 500"),
        ({}, "maker/other", "no such repository"),
        ({"files": {"README.md": b"x"}}, "maker/repo", "has no GGUF models"),
        ({}, "maker/repo:Q2_K", r"choose one .* Q4_K_M \(0.3 MiB\), Q8_0 \(0.3 MiB\)"),
        ({"files": {"a-Q8_0.gguf": b"", "b-Q6_K.gguf": b""}}, "maker/repo", "maker/repo:QUANT; there are Q8_0"),
    ],
)
def test_what_the_hub_refuses_is_told_with_the_reason(
    hub: SmallHub, own: Path, changes: dict[str, Any], wanted: str, reason: str
) -> None:
    for name, value in changes.items():
        setattr(hub, name, value)
    with pytest.raises(DownloadError, match=reason):
        get(hub, own, wanted)
    assert listed(own) == []


def test_a_hub_that_sends_too_much_is_refused(hub: SmallHub, own: Path) -> None:
    hub.longer = b"more"
    with pytest.raises(DownloadError, match="longer than what was announced"):
        get(hub, own)
    assert listed(own) == []


def test_a_hub_that_ignores_the_range_sends_the_file_anew(hub: SmallHub, own: Path) -> None:
    hub.cut, hub.whole_only = [100_000], True
    assert get(hub, own)[0].read_bytes() == CONTENT
    assert hub.ranges == [None, "bytes=100000-"]


@pytest.mark.parametrize(
    "answer", ["", "[]", "{}", '{"sha": "../..", "siblings": []}', '{"sha": "abcdef0", "siblings": [1]}']
)
def test_an_answer_that_is_no_repository_is_told(hub: SmallHub, own: Path, answer: str) -> None:
    hub.facts = answer
    with pytest.raises(DownloadError, match="the hub's answer can't be read"):
        get(hub, own)


def test_a_full_disk_is_told_and_leaves_nothing_listed(
    hub: SmallHub, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(answer: object, file: IO[bytes], *others: object) -> None:
        file.write(CONTENT[:1000])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as small:
        small.setattr("server.models.fetching._copy", full)
        with pytest.raises(DownloadError, match="the disk is full; free some space and try again"):
            get(hub, own)
    assert listed(own) == []
    assert get(hub, own)[0].read_bytes() == CONTENT
    assert hub.ranges[-1] == "bytes=1000-"


def test_a_redirect_gets_no_token(hub: SmallHub, own: Path) -> None:
    with serving(SmallHub(hub.files)) as elsewhere:
        hub.token, hub.elsewhere = "secret", elsewhere.url
        assert get(hub, own, HF_TOKEN="secret")[0].read_bytes() == CONTENT
    assert (len(elsewhere.ranges), elsewhere.tokens) == (1, [None])


def test_a_token_opens_a_private_repository(hub: SmallHub, own: Path) -> None:
    hub.token = "secret"
    assert get(hub, own, HF_TOKEN="secret")[0].read_bytes() == CONTENT


def test_a_hub_that_is_not_there_is_told(own: Path) -> None:
    with serving(SmallHub({})) as hub:
        pass
    with pytest.raises(DownloadError, match="can't be reached"):
        get(hub, own)


@pytest.mark.parametrize("name", ["../a.gguf", "/a.gguf", "a/../../b.gguf", ".hidden/a.gguf", "a\\b.gguf"])
def test_a_name_that_leads_out_of_the_folder_is_no_model(name: str) -> None:
    assert models_of([HubFile(name, 1, None)]) == []


def test_a_split_model_that_lacks_a_part_is_no_model() -> None:
    assert models_of([HubFile("a-00001-of-00002.gguf", 1, None)]) == []


def test_a_choice_may_be_more_exact_than_the_quantization() -> None:
    models = models_of([HubFile(f"tiny-{name}.gguf", 1, None) for name in ("Q4_K_M", "UD-Q4_K_M", "Q4_K_S")])
    assert choose("a/b", models, "UD-Q4_K_M").stem == "tiny-UD-Q4_K_M"
    with pytest.raises(DownloadError, match="choose one"):
        choose("a/b", models, "Q4")


@pytest.mark.parametrize(
    ("text", "expected"), [("a/b", True), ("a/b:Q4_K_M", True), ("a", False), ("a/b/c", False), ("https://a/b", False)]
)
def test_a_repository_has_an_owner_and_a_name(text: str, expected: bool) -> None:
    assert is_repository(text) is expected


@pytest.mark.parametrize(
    ("arrived", "whole", "expected"),
    [
        (0, 4 << 20, "  [..............................]   0 %  0 MiB of 4 MiB"),
        (3 << 20, 4 << 20, "  [######################........]  75 %  3 MiB of 4 MiB"),
        (5 << 20, None, "  5 MiB"),
    ],
)
def test_the_progress_bar(arrived: int, whole: int | None, expected: str) -> None:
    assert line(arrived, whole) == expected


def test_the_bar_is_for_terminals_alone() -> None:
    quiet, seen = io.StringIO(), Terminal()
    for stream in (quiet, seen):
        ProgressBar(stream)(1 << 20, 1 << 20)
    assert quiet.getvalue() == ""
    assert seen.getvalue().endswith("100 %  1 MiB of 1 MiB\n")
