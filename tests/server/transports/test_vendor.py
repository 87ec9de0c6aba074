"""The browser libraries: the files that are served, their headers, and the page without them."""

from pathlib import Path

import pytest

from server.page.libraries import LIBRARIES
from server.transports.vendor import VendorFiles
from tests.server.transports.running import RunningServer


@pytest.mark.parametrize(
    ("file", "type"),
    [
        ("entities/index.js", "text/javascript"),
        ("highlight/highlight.min.js", "text/javascript"),
        ("highlight/languages/haskell.min.js", "text/javascript"),
        ("katex/katex.mjs", "text/javascript"),
        ("katex/contrib/mhchem.mjs", "text/javascript"),
        ("katex/katex.min.css", "text/css"),
        ("katex/fonts/KaTeX_Main-Regular.woff2", "font/woff2"),
        ("pdf/legacy/build/pdf.min.mjs", "text/javascript"),
        ("pdf/legacy/build/pdf.worker.min.mjs", "text/javascript"),
        ("pdf/cmaps/UniJIS-UTF16-H.bcmap", "application/octet-stream"),
    ],
)
async def test_library_files_are_served_and_cached(server: RunningServer, file: str, type: str) -> None:
    answer = await server.get(f"/static/vendor/{file}")
    assert answer.status == 200, "npm ci installs the libraries"
    assert answer.headers["content-type"].split(";")[0] == type
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert "etag" in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "highlight/core.js",
        "highlight/package.json",
        "highlight/languages/../core.js",
        "highlight/../package.json",
        "highlight/..%2fpackage.json",
        "highlight/",
        "katex/katex.js",
        "katex/README.md",
        "katex/contrib/auto-render.mjs",
        "entities/package.json",
        "pdf/legacy/build/pdf.sandbox.min.mjs",
        "pdf/build/pdf.min.mjs",
        "pdf/cmaps/LICENSE",
        "katex/fonts/KaTeX_Main-Regular.ttf",
        "katex/../../marked/package.json",
        "eslint/package.json",
    ],
)
async def test_nothing_else_of_node_modules_is_served(server: RunningServer, path: str) -> None:
    assert (await server.get(f"/static/vendor/{path}")).status == 404


def test_a_library_that_is_not_installed_is_not_found(tmp_path: Path) -> None:
    files = VendorFiles(LIBRARIES["katex"], tmp_path / "nothing")
    assert files.lookup_path("katex.mjs")[1] is None
