"""A wheel is found in the places that pip's settings name. An error names its place and a remedy."""

import base64
import ssl
from pathlib import Path

import pytest

from server.models.dialer import Dialer, StoppedError
from server.models.downloads import DownloadError
from server.models.package_index import PackageIndexes, Wheel
from server.models.pip_settings import PipSettings
from tests.server.models.small_index import PACKAGE, WHEEL, SmallIndex, serving

CONTENT = b"the wheel"
NOWHERE = "http://127.0.0.1:9/simple"


def wheel(index: SmallIndex) -> Wheel:
    return Wheel(package="Tiny.Model", version="1.0", sha256=SmallIndex(index.content).sha256)


def find(index: SmallIndex, *indexes: str, links: tuple[str, ...] = (), dialer: Dialer | None = None) -> Path | str:
    settings = PipSettings(links=links, indexes=indexes or (index.url,))
    return PackageIndexes(settings, dialer or Dialer()).find(wheel(index))


def address(index: SmallIndex) -> str:
    return f"{index.url.removesuffix('/simple')}/files/{WHEEL}"


@pytest.mark.parametrize("speaks_json", [True, False])
def test_the_wheel_of_the_version_is_found(speaks_json: bool) -> None:
    with serving(SmallIndex(CONTENT, speaks_json=speaks_json)) as index:
        assert find(index) == address(index)
        assert find(index, f"{index.url}/") == address(index)


def test_another_index_is_asked_when_one_does_not_have_it() -> None:
    with serving(SmallIndex(CONTENT)) as index:
        assert find(index, NOWHERE, f"{index.url}/missing", index.url) == address(index)


def test_a_page_with_a_base_and_without_hashes_is_understood() -> None:
    page = f'<base href="https://files.example/a/"><a>nothing</a><a href=" b/{WHEEL} ">here</a>'
    with serving(SmallIndex(CONTENT, page=page, speaks_json=False)) as index:
        assert find(index) == f"https://files.example/a/b/{WHEEL}"


@pytest.mark.parametrize("form", ["folder", "address", "file", "page", "index"])
def test_a_wheel_on_this_machine_needs_no_network(tmp_path: Path, form: str) -> None:
    (tmp_path / WHEEL).write_bytes(CONTENT)
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "index.html").write_text(f'<a href="../{WHEEL}">the wheel</a>')
    places = {
        "folder": str(tmp_path),
        "address": tmp_path.as_uri(),
        "file": str(tmp_path / WHEEL),
        "page": (tmp_path / PACKAGE / "index.html").as_uri(),
    }
    index = SmallIndex(CONTENT)
    if form == "index":
        assert find(index, NOWHERE, tmp_path.as_uri()) == tmp_path / WHEEL
    else:
        assert find(index, NOWHERE, links=(places[form],)) == tmp_path / WHEEL


def test_the_hash_of_an_index_is_compared_before_the_download() -> None:
    with serving(SmallIndex(CONTENT, announced="0" * 64)) as index:
        with pytest.raises(DownloadError, match=r"not the one that was expected \(its SHA-256 differs\)"):
            find(index)
        assert index.ranges == []


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "there is no package Tiny.Model 1.0; name a package index that has it"),
        (401, r"asks for a name and a password: write them into its address .* ~/\.netrc"),
        (403, "refuses access: check the name and the password"),
        (429, "gets too many requests from this address; try again in a few minutes"),
        (500, "answers with status 500; check the network, or name another package index"),
    ],
)
def test_a_refusal_is_told_with_what_helps(status: int, reason: str) -> None:
    with serving(SmallIndex(CONTENT, status=status)) as index:
        with pytest.raises(DownloadError, match=rf"127\.0\.0\.1:\d+:? {reason}"):
            find(index)


@pytest.mark.parametrize("page", ["no JSON", "[]", '{"files": 3}', '{"files": [{}]}', "[" * 100_000])
def test_what_is_no_index_is_told(page: str) -> None:
    with serving(SmallIndex(CONTENT, page=page)) as index:
        with pytest.raises(DownloadError, match="the answer is not that of a package index"):
            find(index)


def test_an_index_that_cannot_be_reached_is_told_without_its_password() -> None:
    with pytest.raises(DownloadError) as error:
        find(SmallIndex(CONTENT), "http://me:secret@127.0.0.1:9/simple")
    assert str(error.value) == (
        "127.0.0.1:9 can't be reached, or the connection was cut; check the network, or name another package index in "
        "pip's settings (PIP_INDEX_URL)"
    )


def test_no_place_at_all_is_told() -> None:
    with pytest.raises(DownloadError, match="name no package index: see `pip config list`"):
        PackageIndexes(PipSettings(indexes=()), Dialer()).find(wheel(SmallIndex(CONTENT)))


def test_a_file_of_certificates_that_is_missing_is_told(tmp_path: Path) -> None:
    settings = PipSettings(indexes=("https://127.0.0.1:9/simple",), certificates=str(tmp_path / "missing.pem"))
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9 can't be read: No such file"):
        PackageIndexes(settings, Dialer()).find(wheel(SmallIndex(CONTENT)))


def test_the_name_and_password_of_an_address_are_sent() -> None:
    expected = f"Basic {base64.b64encode(b'me:se@cret').decode()}"
    with serving(SmallIndex(CONTENT)) as index:
        indexes = PackageIndexes(PipSettings(indexes=(index.url.replace("//", "//me:se%40cret@"),)), Dialer())
        place = indexes.find(wheel(index))
        assert isinstance(place, str)
        assert "secret" not in place
        assert indexes.files(place).page(place, "*/*").content == CONTENT
        assert index.authorizations == [expected, expected]


def test_the_password_in_netrc_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(SmallIndex(CONTENT)) as index:
        find(index)
        assert index.authorizations == [f"Basic {base64.b64encode(b'me:secret').decode()}"]


def test_a_proxy_of_pip_s_settings_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(SmallIndex(CONTENT, status=403)) as proxy:
        settings = PipSettings(indexes=("http://index.example/simple",), proxy=proxy.url)
        with pytest.raises(DownloadError, match=r"index\.example refuses access"):
            PackageIndexes(settings, Dialer()).find(wheel(proxy))
        assert len(proxy.authorizations) == 1


@pytest.mark.parametrize(
    ("trusted", "is_checked"), [("host.example", False), ("host.example:8443", False), ("other.example", True)]
)
def test_the_certificate_of_a_trusted_host_is_not_checked(trusted: str, is_checked: bool) -> None:
    indexes = PackageIndexes(PipSettings(trusted=frozenset({trusted})), Dialer())
    context = indexes.context("https://host.example:8443/simple")
    assert (context is None or context.verify_mode == ssl.CERT_REQUIRED) is is_checked


def test_a_stop_ends_the_search() -> None:
    dialer = Dialer()
    with serving(SmallIndex(CONTENT, is_silent=True, asked=dialer.stop)) as index:
        with pytest.raises(StoppedError):
            find(index, dialer=dialer)
