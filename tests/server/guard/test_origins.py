"""Parsing of host names and origins."""

import contextlib
import ipaddress
import socket

import pytest

from server.guard.origins import Hosts, Origins, bare_name, is_loopback, name_of, origin
from tests.server.guard.loopback import LOOPBACK


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost:8000", "localhost"),
        ("LOCALHOST", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:8000", "::1"),
        ("[::1]", "::1"),
        ("chat.example", "chat.example"),
        ("localhost.", "localhost."),
        ("", None),
        ("::1", None),
        ("a b", None),
        ("localhost:http", None),
        ("localhost:", None),
        ("user@localhost", None),
        ("localhost/", None),
        ("localhost, evil.example", None),
    ],
)
def test_the_name_in_a_host(host: str, name: str | None) -> None:
    assert name_of(host) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [("chat.example", "chat.example"), ("::1", "::1"), ("[::1]", "::1"), ("a:80", None), ("http://a", None)],
)
def test_a_name_as_an_operator_gives_it(text: str, name: str | None) -> None:
    assert bare_name(text) == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://Chat.Example", "https://chat.example"),
        ("https://chat.example:443", "https://chat.example"),
        ("http://chat.example:443", "http://chat.example:443"),
        ("null", None),
        ("", None),
        ("*", None),
        ("http://localhost:8000/", None),
        ("http://localhost:8000.evil.example/", None),
        ("file://", None),
        ("chrome-extension://abc", None),
        ("http://a@b", None),
    ],
)
def test_an_origin(text: str, expected: str | None) -> None:
    assert origin(text) == expected


@pytest.mark.parametrize(("host", "expected"), LOOPBACK.items())
def test_loopback_is_told_from_other_hosts(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", [host for host, loopback in LOOPBACK.items() if loopback])
def test_a_loopback_host_is_never_bound_elsewhere(host: str) -> None:
    """The system refuses to bind to a notation that it doesn't read as an address, so such a notation is harmless."""
    with contextlib.suppress(socket.gaierror):
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        addresses = {str(address[0]).partition("%")[0].removeprefix("::ffff:") for *_, address in found}
        assert all(ipaddress.ip_address(address).is_loopback for address in addresses)


def test_names_are_whole() -> None:
    hosts = Hosts(["Chat.Example", "[fd00::1]"])
    assert "chat.example" in hosts
    assert "fd00::1" in hosts
    assert "localhost" in hosts
    assert "evil.chat.example" not in hosts
    assert "example" not in hosts


def test_origins_are_exact() -> None:
    origins = Origins(["https://chat.example"])
    assert origins.admits("http://localhost:8000", "http", "localhost:8000")
    assert origins.admits("https://chat.example", "http", "localhost:8000")
    for given, scheme in (
        ("https://localhost:8000", "http"),
        ("http://localhost:8000", "https"),
        ("http://localhost:8001", "http"),
        ("http://127.0.0.1:8000", "http"),
        ("https://evil.chat.example", "http"),
        ("https://chat.example.evil.example", "http"),
        ("null", "http"),
    ):
        assert not origins.admits(given, scheme, "localhost:8000")
