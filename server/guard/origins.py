"""Which names this server answers to, and which web pages may use it. Pure.

A page of any site can have its own name point to 127.0.0.1 (DNS rebinding), and any page can open a WebSocket to
anywhere. The first shows in Host, the second in Origin; neither can be set by a page.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_ORIGIN: Final = re.compile(rf"(https?)://{_HOST.pattern}")
_PORTS: Final = {"http": "80", "https": "443"}


def name_of(host: str) -> str | None:
    """The name or address in a Host header, without port and brackets and in lower case; None when it is none."""
    match = _HOST.fullmatch(host)
    return match[1].strip("[]").lower() if match else None


def bare_name(text: str) -> str | None:
    """A name or address without a port, as an operator gives it."""
    if text.count(":") == 1:
        return None
    return name_of(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)


def origin(text: str) -> str | None:
    """An origin as browsers write it, without the scheme's own port; None for what is none, `null` among it."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme, host, port = match.groups()
    shown = "" if port is None or port == _PORTS[scheme] else f":{port}"
    return f"{scheme}://{host.lower()}{shown}"


def is_loopback(host: str) -> bool:
    """Return True if ``host`` names this machine's loopback: `localhost`, or an address in any notation that the
    system's resolver reads as one. Such a server can only be reached from this machine.

    Other names are not looked up, so `app.localhost` is False: not every resolver keeps such names on this machine.
    """
    if host.lower().removesuffix(".") == "localhost":
        return True
    address = _address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    mapped = getattr(address, "ipv4_mapped", None)
    return address is not None and bool((mapped or address).is_loopback)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that ``text`` is, also in the short forms that a socket takes (`127.1`); None for a name."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        pass
    try:  # inet_aton ignores what follows a space
        return None if text.split() != [text] else ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


class Hosts:
    """The names that a request may call this server by.

    Stricter than ``is_loopback``: clients write an address in its usual notation, so any other in Host is refused.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.strip("[]").lower() for name in (*LOOPBACK_NAMES, *names))

    def __contains__(self, name: str) -> bool:
        return name in self._names


class Origins:
    """The web pages that may use this server: its own, and those that the operator names."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.allowed = frozenset(allowed)

    def admits(self, given: str, scheme: str, host: str) -> bool:
        """Whether a page of the origin ``given`` may, of a server that was called ``host`` over http or https."""
        found = origin(given)
        return found is not None and (found == origin(f"{scheme}://{host}") or found in self.allowed)
