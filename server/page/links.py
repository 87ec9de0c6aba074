"""Links of the page's HTML: to the bundle when it is up to date, else to the sources."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from server.page.bundle import BUNDLES, Bundle, read_bundle
from server.page.sources import EMBED_SCRIPT, FRONTEND, SCRIPT, STYLE, Stamps, digest, imported, stamps

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Links:
    """Addresses below ``/static/``. Their content never changes, so browsers cache it permanently."""

    sources: str
    """Folder of all source files, such as the icon."""
    script: str
    styles: tuple[str, ...]
    modules: tuple[str, ...]
    """Modules that the script imports, for the browser to load at the same time."""
    embed: str
    """Script of StreamUI in a foreign page."""


class PageLinks:
    """Owns the links of the page and renews them when a file has changed, also while the server runs."""

    def __init__(self, frontend: Path = FRONTEND, bundles: Path = BUNDLES) -> None:
        self._frontend = frontend
        self._bundles = bundles
        self._seen: tuple[Stamps, Bundle | None] | None = None
        self._digest = ""
        self._links = Links("", "", (), (), "")

    @property
    def digest(self) -> str:
        """Digest of the sources as of the last call of ``current``."""
        return self._digest

    def current(self) -> Links:
        """Return the current links."""
        seen = stamps(self._frontend), read_bundle(self._bundles)
        if seen != self._seen:
            self._digest, bundle = digest(self._frontend), seen[1]
            self._links = self._bundled(bundle) if bundle and bundle.sources == self._digest else self._plain(bundle)
            self._seen = seen
        return self._links

    def _bundled(self, bundle: Bundle) -> Links:
        folder = f"bundle/{bundle.name}"
        modules = tuple(f"{folder}/{name}" for name in bundle.modules)
        sources, embed = f"sources/{self._digest}", f"{folder}/{EMBED_SCRIPT}"
        return Links(sources, f"{folder}/{SCRIPT}", (f"{folder}/{STYLE}",), modules, embed)

    def _plain(self, bundle: Bundle | None) -> Links:
        reason = "is older than the page's files" if bundle else "has not been made"
        logger.info("the page's bundle %s, so the page loads more slowly; `make install` makes it", reason)
        folder = f"sources/{self._digest}"
        styles = tuple(f"{folder}/{path}" for path in imported(STYLE, self._frontend))
        modules = tuple(f"{folder}/{path}" for path in imported(SCRIPT, self._frontend))
        return Links(folder, f"{folder}/{SCRIPT}", styles, modules, f"{folder}/{EMBED_SCRIPT}")
