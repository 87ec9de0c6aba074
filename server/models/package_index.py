"""Address of a wheel: in a folder, on a page with links, or in a package index (PEP 503 and 691)."""

from __future__ import annotations

import base64
import json
import netrc
import re
import ssl
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from server.models.dialer import Dialer
from server.models.downloads import DownloadError
from server.models.fetching import CutError, HttpFiles, Page, RefusedError, Route
from server.models.header_facts import printable
from server.models.pip_settings import PipSettings

KINDS: Final = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
"""Forms of an index's answer, the best first."""

REMEDY: Final = "check the network, or name another package index in pip's settings (PIP_INDEX_URL)"

_REFUSED: Final = {
    401: "asks for a name and a password: write them into its address in pip's settings, or into ~/.netrc",
    403: "refuses access: check the name and the password in its address in pip's settings",
    429: "gets too many requests from this address; try again in a few minutes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel that is wanted. ``sha256`` is its hash in hexadecimal digits."""

    package: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class _Link:
    """A file that an index names. ``sha256`` None: it doesn't say the hash."""

    name: str
    url: str
    sha256: str | None


class PackageIndexes:
    """Reader of the places in pip's ``settings``. ``dialer`` opens the connections, and may stop them."""

    def __init__(self, settings: PipSettings, dialer: Dialer) -> None:
        self._settings = settings
        self._dialer = dialer

    def find(self, wheel: Wheel) -> Path | str:
        """Return the wheel's file on this machine, or its address. Raises DownloadError, and StoppedError.

        Places on this machine are read before those on the network.
        """
        places = (*self._settings.links, *(_page_of(index, wheel.package) for index in self._settings.indexes))
        problems, has_other = [], False
        for place in sorted(places, key=_is_remote):
            try:
                links = [link for link in self._links(place) if _is_of(link.name, wheel)]
            except DownloadError as error:
                problems.append(str(error))
                continue
            for link in links:
                if link.sha256 in (None, wheel.sha256):
                    return link.url if _is_remote(link.url) else _path(link.url)
            has_other = has_other or bool(links)
        if has_other:
            raise DownloadError(f"the package there is not the one that was expected (its SHA-256 differs); {REMEDY}")
        raise DownloadError(problems[0] if problems else self._missing(wheel))

    def files(self, url: str) -> HttpFiles:
        """Return the reader for an address, with the certificates, proxy and password that pip's settings name."""
        proxy = self._settings.proxy
        route = Route(
            authorization=self._authorization(url),
            context=self.context(url),
            proxies={"http": proxy, "https": proxy} if proxy else None,
        )
        return HttpFiles(route, dialer=self._dialer)

    def context(self, url: str) -> ssl.SSLContext | None:
        """Return what checks the certificate of an address. None: the system's. Raises OSError without the file."""
        if not self._settings.trusted.isdisjoint((urlsplit(url).hostname, _host(url))):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # what arrives is checked by its hash
            return context
        file = self._settings.certificates
        return ssl.create_default_context(cafile=file) if file else None

    def reason(self, url: str, error: RefusedError | CutError) -> str:
        """Return the text for an address that can't be read, with what helps."""
        if isinstance(error, RefusedError):
            return f"{_host(url)} {_REFUSED.get(error.status, f'answers with status {error.status}; {REMEDY}')}"
        return f"{error.text(_host(url))}; {REMEDY}"

    def _links(self, place: str) -> list[_Link]:
        try:
            if not _is_remote(place):
                return _local_links(_path(place))
            return list(_links_of(self.files(place).page(without_password(place), KINDS)))
        except RefusedError as error:
            if error.status == 404:  # an index answers so for a package that it doesn't have
                return []
            raise DownloadError(self.reason(place, error)) from None
        except CutError as error:
            self._dialer.raise_if_stopped()
            raise DownloadError(self.reason(place, error)) from None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise DownloadError(f"{_host(place)}: the answer is not that of a package index; {REMEDY}") from None
        except OSError as error:
            raise DownloadError(f"{_host(place)} can't be read: {error.strerror or error}; {REMEDY}") from None

    def _missing(self, wheel: Wheel) -> str:
        hosts = ", ".join(dict.fromkeys(map(_host, (*self._settings.links, *self._settings.indexes))))
        if not hosts:
            return "pip's settings name no package index: see `pip config list`"
        return (
            f"{hosts}: there is no package {wheel.package} {wheel.version}; name a package index that has it in pip's "
            "settings (PIP_INDEX_URL)"
        )

    def _authorization(self, url: str) -> str | None:
        """Return the header for an address: with its own name and password, its index's, or those in ~/.netrc."""
        host = _host(url)
        for each in (url, *self._settings.indexes, *self._settings.links):
            parts = urlsplit(each)
            if parts.username is not None and _host(each) == host:
                return _basic(unquote(parts.username), unquote(parts.password or ""))
        try:
            found = netrc.netrc().authenticators(urlsplit(url).hostname or "")
        except (OSError, netrc.NetrcParseError):
            found = None
        return _basic(found[0], found[2] or "") if found else None


def without_password(url: str) -> str:
    """Return an address without name and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _basic(name: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"


def _host(url: str) -> str:
    """Return host and port of an address, or a folder."""
    return printable(url.partition("://")[2].partition("/")[0].rpartition("@")[2] if _is_remote(url) else url)


def _is_remote(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def _path(place: str) -> Path:
    if place.startswith("file:"):
        return Path(urllib.request.url2pathname(urlsplit(place).path))
    return Path(place).expanduser()


def _page_of(index: str, package: str) -> str:
    return f"{index.rstrip('/')}/{re.sub(r'[-_.]+', '-', package).lower()}/"


def _is_of(name: str, wheel: Wheel) -> bool:
    """Tell whether a file's name is that of the wheel."""
    package, _, rest = name.partition("-")
    normal = re.sub(r"[-_.]+", "_", wheel.package).lower()
    return name.endswith(".whl") and package.lower() == normal and rest.partition("-")[0] == wheel.version


def _local_links(place: Path) -> list[_Link]:
    """Return the files of a folder, or those that its index page names."""
    page = place / "index.html" if place.is_dir() else place
    if page.suffix == ".html" and page.is_file():
        content = page.read_bytes()
        return list(_links_of(Page(url=page.resolve().as_uri(), kind="text/html", content=content)))
    files = sorted(place.iterdir()) if place.is_dir() else [place] if place.is_file() else []
    return [_Link(file.name, file.resolve().as_uri(), None) for file in files]


def _links_of(page: Page) -> Iterator[_Link]:
    """Yield the links of a page. Raises ValueError, KeyError, TypeError and AttributeError for one of another form."""
    if page.kind.endswith("json"):
        for file in json.loads(page.content)["files"]:
            yield _Link(str(file["filename"]), urljoin(page.url, file["url"]), _sha256(file.get("hashes") or {}))
        return
    parser = _Anchors()
    parser.feed(page.content.decode("utf-8", "replace"))
    for address in parser.addresses:
        url, _, fragment = urljoin(urljoin(page.url, parser.base), address).partition("#")
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        yield _Link(name, url, _sha256(dict([fragment.partition("=")[::2]])))


def _sha256(hashes: dict[str, Any]) -> str | None:
    found = hashes.get("sha256")
    return str(found).lower() if found else None


class _Anchors(HTMLParser):
    """Addresses of the links of a page, and of its ``<base>``."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("href")
        if tag == "a" and address:
            self.addresses.append(address.strip())
        elif tag == "base" and address and not self.base:
            self.base = address.strip()
