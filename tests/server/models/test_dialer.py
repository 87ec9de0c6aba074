"""Downloads that were asked for over the API reach public addresses only, on every way."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from server.models.dialer import AddressError, Dialer, PublicDialer, StoppedError, is_public
from server.models.downloads import DownloadError
from server.models.fetching import HttpFiles, RefusedError
from server.models.get_url import get_url
from server.models.hub import get_from_hub, operators_hosts
from tests.server.models.headers import header
from tests.server.models.small_hub import COMMIT, SmallHub, serving

CONTENT = header() + b"\0" * 1000

PUBLIC = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
PRIVATE = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("224.0.0.1", "240.0.0.1", "192.0.2.1", "::", "::1", "fe80::1", "fe80::1%lo", "fd00::1", "ff02::1"),
    *("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:53aa:64c:0:0:80ff:fffe"),
]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    monkeypatch.setattr("server.models.fetching.PAUSE", 0.0)
    with serving(SmallHub({"a.gguf": CONTENT})) as hub:
        yield hub


def address(hub: SmallHub) -> str:
    return f"{hub.url}/maker/repo/resolve/{COMMIT}/a.gguf"


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_passes(text: str) -> None:
    assert is_public(text)


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_of_this_machine_or_its_network_does_not(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001"])
def test_this_machine_is_not_reached_by_any_of_its_names(hub: SmallHub, tmp_path: Path, host: str) -> None:
    url = address(hub).replace("127.0.0.1", host)
    with pytest.raises(AddressError, match="is not a public address"):
        get_url(url, tmp_path, print, lambda arrived, whole: None, PublicDialer())
    assert hub.ranges == []
    assert list(tmp_path.glob("*.gguf")) == []


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 80)) for each in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: answers)
    with pytest.raises(AddressError):
        PublicDialer().connect(("mixed.example", 80))


def test_a_name_is_resolved_once_and_the_checked_address_is_dialed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second answer for the name, such as an attacker's name server gives it, is never asked for."""
    asked, dialed = [], []

    class Socket:
        def __init__(self, *arguments: Any) -> None: ...
        def settimeout(self, seconds: Any) -> None: ...
        def close(self) -> None: ...
        def connect(self, target: Any) -> None:
            dialed.append(target)
            raise ConnectionRefusedError

    def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (("8.8.8.8", "127.0.0.1")[len(asked) - 1], port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "socket", Socket)
    with pytest.raises(ConnectionRefusedError):
        PublicDialer().connect(("rebinding.example", 80))
    assert (asked, dialed) == (["rebinding.example"], [("8.8.8.8", 80)])


def test_the_hub_that_the_operator_chose_may_be_anywhere(hub: SmallHub, tmp_path: Path) -> None:
    environ = {"HF_ENDPOINT": hub.url}
    dialer = PublicDialer(operators_hosts(environ, ()))
    (path,) = get_from_hub("maker/repo", tmp_path, print, environ, dialer=dialer)
    assert path.read_bytes() == CONTENT


def test_a_redirect_leads_to_public_addresses_only(hub: SmallHub, tmp_path: Path) -> None:
    with serving(SmallHub(hub.files)) as other:
        hub.elsewhere = other.url
        environ = {"HF_ENDPOINT": hub.url}
        with pytest.raises(DownloadError, match="is not a public address"):
            get_from_hub("maker/repo", tmp_path, print, environ, dialer=PublicDialer(operators_hosts(environ, ())))
        assert other.ranges == []


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_not_asked_for_private_addresses(
    hub: SmallHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", hub.url)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    dialer = PublicDialer(operators_hosts({}, (hub.url,)))
    with pytest.raises(AddressError):
        get_url(f"{scheme}://127.0.0.1:1/a.gguf", tmp_path, print, lambda arrived, whole: None, dialer)


def test_stop_ends_a_connection_that_waits(hub: SmallHub, tmp_path: Path) -> None:
    hub.cut, hub.gate = [500], threading.Event()
    dialer, failures = Dialer(), []

    def fetch() -> None:
        try:
            HttpFiles(dialer=dialer).fetch(address(hub), tmp_path / "part", None, lambda arrived, whole: None)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=fetch)
    thread.start()
    assert hub.waiting.wait(60)
    dialer.stop()
    thread.join(60)
    hub.gate.set()
    assert [type(each) for each in failures] == [StoppedError]
    with pytest.raises(StoppedError):
        dialer.connect(("127.0.0.1", 1))


def test_the_beginning_of_a_file_is_read_alone(hub: SmallHub) -> None:
    assert HttpFiles().beginning(address(hub), 4) == b"GGUF"
    assert hub.ranges == ["bytes=0-3"]
    hub.refusal = 500
    with pytest.raises(RefusedError):
        HttpFiles().beginning(address(hub), 4)
