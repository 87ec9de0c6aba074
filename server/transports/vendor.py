"""Endpoints of the browser libraries (server/page/libraries.py).

Where they are not installed the page does without them: code has no colours, formulas stay as they are written, and
PDFs are refused.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from server.page.libraries import NODE_MODULES, Library

MAX_AGE: Final = 86_400
"""Time for which a browser keeps a library, in seconds."""


class VendorFiles(StaticFiles):
    """Files of one library; any other file is 404."""

    def __init__(self, library: Library, node_modules: Path = NODE_MODULES) -> None:
        super().__init__(directory=node_modules / library.folder, check_dir=False)
        self._served = library.served

    async def check_config(self) -> None:
        """Accept that a library is not installed."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if not self._served.fullmatch(path.replace(os.sep, "/")):
            return "", None
        return super().lookup_path(path)

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = f"public, max-age={MAX_AGE}"
        return response
