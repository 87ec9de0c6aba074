"""The browser libraries that npm installs: of each package only the files that the page asks for.

Where they are not installed the page does without them: code has no colours, formulas stay as they are written, and
PDFs are refused.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

import server

NODE_MODULES: Final = Path(server.__file__).parents[1] / "node_modules"
"""Beside the server's package in a checkout; an installed wheel has none."""

LIBRARIES: Final = {
    "highlight": (
        NODE_MODULES / "@highlightjs" / "cdn-assets" / "es",
        re.compile(r"highlight\.min\.js|languages/[a-z0-9-]+\.min\.js"),
    ),
    "entities": (NODE_MODULES / "character-entities", re.compile(r"index\.js")),
    "katex": (
        NODE_MODULES / "katex" / "dist",
        re.compile(r"katex\.mjs|contrib/mhchem\.mjs|katex\.min\.css|fonts/KaTeX_[A-Za-z0-9-]+\.woff2"),
    ),
    "pdf": (
        NODE_MODULES / "pdfjs-dist",
        re.compile(r"legacy/build/pdf(\.worker)?\.min\.mjs|cmaps/[A-Za-z0-9-]+\.bcmap"),
    ),
}
"""By the folder below /static/vendor: where its files are, and which of them are served."""

MAX_AGE: Final = 86_400
"""For how long a browser need not ask for a library again, in seconds."""


class VendorFiles(StaticFiles):
    """One library. A file that is not served, or not there, is not found."""

    def __init__(self, folder: Path, served: re.Pattern[str]) -> None:
        super().__init__(directory=folder, check_dir=False)
        self._served = served

    async def check_config(self) -> None:
        """A library that is not installed is no mistake."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if not self._served.fullmatch(path.replace(os.sep, "/")):
            return "", None
        return super().lookup_path(path)

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = f"public, max-age={MAX_AGE}"
        return response
