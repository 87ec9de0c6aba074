"""The bundle: the page's script and styles as few small files, made by ``python -m server.page.build``.

It is a folder of its own, named by a digest of its files, in ``build/page``. A file in it never changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from server.page.libraries import CHECKOUT, INSTALLED

BUNDLES: Final = INSTALLED / "bundle" if INSTALLED.is_dir() else CHECKOUT / "build" / "page"

MANIFEST: Final = "bundle.json"


class Bundle(msgspec.Struct, frozen=True):
    """One bundle. ``sources`` is the digest of the files that it was made of, ``modules`` the modules that its script
    imports at once."""

    name: str
    sources: str
    modules: tuple[str, ...] = ()


def read_bundle(folder: Path = BUNDLES) -> Bundle | None:
    """Return the newest bundle in ``folder``; None if there is none."""
    try:
        bundle = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Bundle)
    except (OSError, msgspec.MsgspecError):
        return None
    return bundle if (folder / bundle.name).is_dir() else None


def write_manifest(bundle: Bundle, folder: Path) -> None:
    """Store ``bundle`` as the one to serve."""
    unfinished = folder / f"{MANIFEST}.new"
    unfinished.write_bytes(msgspec.json.encode(bundle) + b"\n")
    unfinished.replace(folder / MANIFEST)
