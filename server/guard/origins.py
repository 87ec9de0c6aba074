"""Allowed host names of this server, and web pages that may use it. Pure.

A page of any site can point its own name to 127.0.0.1 (DNS rebinding), and any page can open a WebSocket to any server.
Host shows the first, Origin the second; a page can set neither.
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
    """Return the name or address in a Host header, lower case, without port and brackets; None when invalid."""
    match = _HOST.fullmatch(host)
    return match[1].strip("[]").lower() if match else None


def bare_name(text: str) -> str | None:
    """Return a name or address without a port, as an operator writes it; None when invalid."""
    if text.count(":") == 1:
        return None
    return name_of(f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text)


def origin(text: str) -> str | None:
    """Normalize an origin as browsers write it, without the default port; None when invalid, including `null`."""
    match = _ORIGIN.fullmatch(text)
    if match is None:
        return None
    scheme, host, port = match.groups()
    shown = "" if port is None or port == _PORTS[scheme] else f":{port}"
    return f"{scheme}://{host.lower()}{shown}"


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` is the loopback: `localhost`, or an address in any notation that the system's resolver
    accepts. Such a server is reachable only from this machine.

    Other names are not resolved, so `app.localhost` is False: not every resolver maps such names to this machine.
    """
    if host.lower().removesuffix(".") == "localhost":
        return True
    address = _address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    mapped = getattr(address, "ipv4_mapped", None)
    return address is not None and bool((mapped or address).is_loopback)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Parse an address, including the short forms that sockets accept (`127.1`); None for a name."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        pass
    try:  # inet_aton ignores text after a space
        return None if text.split() != [text] else ipaddress.IPv4Address(socket.inet_aton(text))
    except (OSError, ValueError):
        return None


class Hosts:
    """Host names that requests may use for this server.

    Stricter than ``is_loopback``: clients write addresses in the usual notation, so other notations in Host are
    rejected.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.strip("[]").lower() for name in (*LOOPBACK_NAMES, *names))

    def __contains__(self, name: str) -> bool:
        return name in self._names


class Origins:
    """Web pages that may use this server: its own, and those that the operator allows."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self.allowed = frozenset(allowed)

    def admits(self, given: str, scheme: str, host: str) -> bool:
        """Tell whether a page of origin ``given`` may use a server addressed as ``host`` over http or https."""
        found = origin(given)
        return found is not None and (found == origin(f"{scheme}://{host}") or found in self.allowed)
