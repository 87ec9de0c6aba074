"""Downloads over HTTP that continue where an earlier one was cut. Only the standard library is used.

huggingface_hub 2.4 was tried: it deletes a file that is cut when the program ends, and brings eleven packages.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

from server import __version__
from server.models.dialer import Dialer
from server.models.downloads import CHUNK, DownloadError, sha256_of
from server.models.progress_bar import Progress

SECONDS: Final = 30.0
"""Longest silence of the other side, in seconds."""

TRIES: Final = 5
"""Times that a download is continued without any new byte."""

PAUSE: Final = 1.0
"""Pause before a download is continued, in seconds."""

MOST_JSON: Final = 64 << 20
"""Longest answer about a repository, in bytes."""

ANOTHER: Final = "try again, and if that fails too, get the model from another place"
"""Remedy if a file is not the right one."""

_PORTS: Final = {"http": 80, "https": 443}
_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class RefusedError(Exception):
    """The other side answered with an error ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class CutError(Exception):
    """The connection can't be opened, or was cut, also after further tries. ``is_silent``: no byte came for SECONDS."""

    def __init__(self, *, is_silent: bool = False) -> None:
        super().__init__()
        self.is_silent = is_silent

    def text(self, other: str) -> str:
        """Return what happened, for a message; ``other`` names the other side."""
        if self.is_silent:
            return f"{other} has sent nothing for {SECONDS:g} seconds"
        return f"{other} can't be reached, or the connection was cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Way of requests. ``authorization``: that header, for the host of a request and no other one.

    ``context`` checks certificates, and ``proxies`` (address by scheme) replace those of the environment.
    """

    authorization: str | None = None
    context: ssl.SSLContext | None = None
    proxies: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A document. ``url`` is where it was found after redirects, ``kind`` its media type."""

    url: str
    kind: str
    content: bytes


def bearer(token: str | None) -> Route:
    """Return the way of requests with a token, if there is one."""
    return Route(authorization=f"Bearer {token}" if token else None)


class HttpFiles:
    """Reader of files and JSON over HTTP. ``dialer`` opens the connections."""

    def __init__(
        self,
        route: Route = Route(),
        pause: Callable[[float], None] = time.sleep,
        dialer: Dialer | None = None,
    ) -> None:
        self._authorization = route.authorization
        self._pause = pause
        self._dialer = dialer or Dialer()
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler(None if route.proxies is None else dict(route.proxies)),
            _Plain(self._dialer),
            _Secure(self._dialer, route.context),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            _Redirects(self._dialer),
        ):
            self._opener.add_handler(handler)

    def json(self, url: str) -> Any:
        """Return a JSON document. Raises RefusedError, CutError and ValueError."""
        with _connected(), self._open(url) as answer:
            return json.loads(answer.read(MOST_JSON))

    def page(self, url: str, kinds: str) -> Page:
        """Return a document of one of these ``kinds`` (an Accept header). Raises RefusedError and CutError."""
        with _connected(), self._open(url, {"Accept": kinds}) as answer:
            return Page(url=answer.url, kind=answer.headers.get_content_type(), content=answer.read(MOST_JSON))

    def beginning(self, url: str, length: int) -> bytes:
        """Return the first ``length`` bytes of a file, or fewer. Raises RefusedError and CutError."""
        with _connected(), self._open(url, {"Range": f"bytes=0-{length - 1}"}) as answer:
            return bytes(answer.read(length))

    def fetch(self, url: str, part: Path, size: int | None, progress: Progress) -> None:
        """Download to the file ``part``, after the bytes that it has.

        ``size`` None: what the server says counts. Raises RefusedError, DownloadError and CutError; StoppedError when
        the dialer was stopped.
        """
        tries = TRIES
        while True:
            self._dialer.raise_if_stopped()
            before = _size(part)
            try:
                if size is None or before < size:
                    self._continue(url, part, size, progress)
                return
            except RefusedError as error:
                if error.status != 416 or not before:
                    raise
                part.unlink()  # the file is shorter now
            except CutError:
                self._dialer.raise_if_stopped()
                tries = TRIES if _size(part) > before else tries - 1
                if not tries:
                    raise
            self._pause(PAUSE)

    def _continue(self, url: str, part: Path, size: int | None, progress: Progress) -> None:
        first = _size(part)
        headers = {"Range": f"bytes={first}-"} if first else {}
        with _connected(), self._open(url, headers) as answer, part.open("ab") as file:
            if first and not _starts_at(answer, first):
                file.seek(0)
                file.truncate()
            _copy(answer, file, size, progress)

    def _open(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """Return the answer, whose body is read by the caller."""
        request = urllib.request.Request(url, headers={"User-Agent": f"streamui/{__version__}"})
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        if self._authorization:
            request.add_unredirected_header("Authorization", self._authorization)
        try:
            _check_proxied(url, self._dialer)
            answer = self._opener.open(request, timeout=SECONDS)
        except urllib.error.HTTPError as error:
            error.close()
            raise RefusedError(error.code) from None
        except ValueError:
            raise DownloadError("the address, or one that it redirects to, is not a valid one") from None
        if answer is None:
            raise DownloadError(f"{url}: only http and https addresses are read")
        return answer


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but not from an encrypted connection to an open one."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.HTTPError(newurl, code, msg, headers, fp)
        _check_proxied(newurl, self._dialer)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Plain(urllib.request.HTTPHandler):
    def __init__(self, dialer: Dialer) -> None:
        super().__init__()
        self._dialer = dialer

    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_dialed(http.client.HTTPConnection, self._dialer), req)


class _Secure(urllib.request.HTTPSHandler):
    def __init__(self, dialer: Dialer, context: ssl.SSLContext | None) -> None:
        super().__init__()
        self._dialer = dialer
        self._options = {"context": context} if context else {}

    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_dialed(http.client.HTTPSConnection, self._dialer), req, **self._options)


def _dialed(kind: Callable[..., http.client.HTTPConnection], dialer: Dialer) -> Any:
    """Return a maker of connections that the dialer opens."""

    def connection(host: str, **options: Any) -> http.client.HTTPConnection:
        made = kind(host, **options)
        # The one place where http.client opens a socket, before TLS and a proxy's tunnel, since Python 3.5.
        vars(made)["_create_connection"] = dialer.connect
        return made

    return connection


def _check_proxied(url: str, dialer: Dialer) -> None:
    """Check the host of a request that a proxy carries out; other hosts are checked when they are dialed."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if urllib.request.getproxies().get(parts.scheme) and not urllib.request.proxy_bypass(host):
        dialer.check(host, parts.port or _PORTS.get(parts.scheme, 0))


def check(part: Path, size: int | None, sha256: str | None) -> None:
    """Raise DownloadError if the file is not the announced one, and delete it then."""
    if size in (None, _size(part)) and sha256 in (None, sha256_of(part)):
        return
    part.unlink()
    raise DownloadError(f"the file that arrived is not what was announced (its size or SHA-256 differs); {ANOTHER}")


def _copy(answer: Any, file: IO[bytes], size: int | None, progress: Progress) -> None:
    arrived, announced = file.tell(), answer.length
    whole = size if size is not None else announced and arrived + announced
    while data := _read(answer):
        arrived += len(data)
        if whole is not None and arrived > whole:
            raise DownloadError(f"the file that arrives is longer than what was announced; {ANOTHER}")
        file.write(data)
        progress(arrived, whole)
    if whole is not None and arrived < whole:
        raise http.client.IncompleteRead(b"", whole - arrived)


def _read(answer: Any) -> bytes:
    """Return the next bytes. Raises CutError, also for a network without a route, which is a plain OSError."""
    try:
        return bytes(answer.read1(CHUNK))
    except OSError as error:
        raise _cut(error) from error


def _starts_at(answer: Any, first: int) -> bool:
    """Tell whether the answer continues at ``first``; otherwise it is the whole file."""
    match = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if answer.status != http.client.PARTIAL_CONTENT:
        return False
    if match is None or int(match[1]) != first:
        raise DownloadError("the server sends another part of the file than it was asked for")
    return True


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


@contextlib.contextmanager
def _connected() -> Iterator[None]:
    """Turn the exceptions of a connection into CutError; those of the disk stay."""
    try:
        yield
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError, urllib.error.URLError) as error:
        raise _cut(error) from error


def _cut(error: Exception) -> CutError:
    return CutError(is_silent=isinstance(getattr(error, "reason", error), TimeoutError))
