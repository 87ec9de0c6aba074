"""Browser libraries installed by npm: of each package only the files that the page requests.

This module imports nothing of the server, since the build of a wheel reads it too (wheel.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

INSTALLED: Final = Path(__file__).parent / "installed"
"""Folder of the page's `bundle` and `node_modules` in an installed wheel. A checkout has none."""

CHECKOUT: Final = Path(__file__).parents[2]

NODE_MODULES: Final = (INSTALLED if INSTALLED.is_dir() else CHECKOUT) / "node_modules"


class Library(NamedTuple):
    """Files of one library: those below ``folder``, a path in `node_modules`, whose path matches ``served``."""

    folder: str
    served: re.Pattern[str]


LIBRARIES: Final = {
    "highlight": Library("@highlightjs/cdn-assets/es", re.compile(r"highlight\.min\.js|languages/[a-z0-9-]+\.min\.js")),
    "entities": Library("character-entities", re.compile(r"index\.js")),
    "katex": Library(
        "katex/dist",
        re.compile(r"katex\.mjs|contrib/mhchem\.mjs|katex\.min\.css|fonts/KaTeX_[A-Za-z0-9-]+\.woff2"),
    ),
    "pdf": Library("pdfjs-dist", re.compile(r"legacy/build/pdf(\.worker)?\.min\.mjs|cmaps/[A-Za-z0-9-]+\.bcmap")),
}
"""Libraries by their folder below /static/vendor."""


def library_files(node_modules: Path) -> Iterator[str]:
    """List every file that is served, as a path in ``node_modules``."""
    for folder, served in LIBRARIES.values():
        for path in sorted((node_modules / folder).rglob("*")):
            if path.is_file() and served.fullmatch(path.relative_to(node_modules / folder).as_posix()):
                yield path.relative_to(node_modules).as_posix()
