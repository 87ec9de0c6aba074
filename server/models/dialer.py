"""Connections of downloads: which addresses they may reach, and their end from another thread."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Iterable
from typing import Any, Final

from server.models.downloads import DownloadError

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

Address = tuple[str, int]
"""Host and port."""


class StoppedError(Exception):
    """The download was stopped by the user."""


class AddressError(DownloadError):
    """The address is not one that a download through the API may reach."""


class Dialer:
    """Opens connections to any address. ``stop`` may be called on any thread, and ends them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._stopped = False

    def check(self, host: str, port: int) -> None:
        """Raise AddressError if a proxy must not be asked for this host."""

    def connect(self, address: Address, timeout: Any = None, source: Any = None) -> socket.socket:
        """Connect like ``socket.create_connection``. Raises StoppedError after ``stop``, AddressError and OSError."""
        self.raise_if_stopped()
        return self.keep(self._open(address, timeout, source))

    def keep(self, opened: socket.socket) -> socket.socket:
        """Let ``stop`` end this connection too, and return it. Raises StoppedError after ``stop``."""
        with self._lock:
            self._sockets = [each for each in self._sockets if each.fileno() != -1]
            self._sockets.append(opened)
        if self._stopped:
            opened.close()
        self.raise_if_stopped()
        return opened

    def stop(self) -> None:
        """End every connection. Whatever reads from one then fails."""
        with self._lock:
            self._stopped = True
            for each in self._sockets:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def raise_if_stopped(self) -> None:
        """Raise StoppedError after ``stop``."""
        if self._stopped:
            raise StoppedError

    def trusting(self) -> Dialer:
        """Return a dialer for addresses that the operator chose: it reaches any, until this one is stopped."""
        return _Trusting(self)

    def _open(self, address: Address, timeout: Any, source: Any) -> socket.socket:
        return socket.create_connection(address, timeout, source)


class _Trusting(Dialer):
    """Opens connections to any address. The ``owner`` ends them."""

    def __init__(self, owner: Dialer) -> None:
        super().__init__()
        self._owner = owner

    def connect(self, address: Address, timeout: Any = None, source: Any = None) -> socket.socket:
        self._owner.raise_if_stopped()
        return self._owner.keep(self._open(address, timeout, source))

    def stop(self) -> None:
        self._owner.stop()

    def raise_if_stopped(self) -> None:
        self._owner.raise_if_stopped()


class PublicDialer(Dialer):
    """Reaches public addresses, and the hosts in ``exempt``: the hub that the operator chose, and the proxy.

    A name is resolved once, and the connection goes to one of the addresses that were checked. So a name whose answer
    changes in between reaches nothing else.
    """

    def __init__(self, exempt: Iterable[Address] = ()) -> None:
        super().__init__()
        self._exempt = frozenset(exempt)

    def check(self, host: str, port: int) -> None:
        """Raise AddressError for a host that is not public. A name that only the proxy can resolve passes."""
        if (host, port) not in self._exempt:
            with contextlib.suppress(socket.gaierror, UnicodeError):
                _public_addresses(host, port)

    def _open(self, address: Address, timeout: Any, source: Any) -> socket.socket:
        if address in self._exempt:
            return super()._open(address, timeout, source)
        failure: OSError = OSError(f"no address of {address[0]} can be reached")
        for family, target in _public_addresses(*address):
            opened = socket.socket(family, socket.SOCK_STREAM)
            try:
                opened.settimeout(timeout)
                opened.connect(target)
            except OSError as error:
                opened.close()
                failure = error
            else:
                return opened
        raise failure


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the public internet. Addresses inside others count as well."""
    number = ipaddress.ip_address(address)
    if isinstance(number, ipaddress.IPv6Address):
        inner = [number.ipv4_mapped, number.sixtofour, *(number.teredo or ())]
        if number in _NAT64:
            inner.append(ipaddress.IPv4Address(int(number) & 0xFFFFFFFF))
        if any(not each.is_global for each in inner if each is not None):
            return False
        if number.ipv4_mapped is not None or number in _NAT64:
            return True
    return number.is_global and not number.is_multicast


def _public_addresses(host: str, port: int) -> list[tuple[int, Any]]:
    """Resolve a name. Raises AddressError unless all of its addresses are public, and socket.gaierror."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if not all(is_public(str(target[0])) for _, _, _, _, target in found):
        raise AddressError(
            f"{host} is not a public address: over the API only those are read; "
            "use `streamui models get` on the server's machine"
        )
    return [(family, target) for family, _, _, _, target in found]
