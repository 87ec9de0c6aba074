"""Make the page's bundle with esbuild: ``python -m server.page.build``, which ``make install`` runs."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from server.page.bundle import BUNDLES, Bundle, read_bundle, write_manifest
from server.page.sources import EMBED_SCRIPT, EMBED_STYLE, FRONTEND, SCRIPT, STYLE, digest, digest_of

WORKER: Final = "rendering/markdown/highlight-worker.js"
"""Loaded by its address, beside the script that starts it. Bundled apart, so that the page's script waits for no module
that both use."""

OPTIONS: Final = (
    "--bundle",
    "--splitting",
    "--format=esm",
    "--target=es2022",
    "--minify",
    "--charset=utf8",
    "--legal-comments=none",
    "--sourcemap",
    "--log-level=warning",
    "--entry-names=[name]",
    "--chunk-names=[name]-[hash]",
)

COMPRESSED: Final = frozenset({".js", ".css"})


class BuildError(Exception):
    """The bundle can't be made. The message has the reason."""


def main() -> int:
    try:
        bundle = build()
    except BuildError as error:
        print(f"The page's bundle was not made: {error}", file=sys.stderr)
        return 1
    print(f"The page's bundle is {BUNDLES / bundle.name}")
    return 0


def build(frontend: Path = FRONTEND, bundles: Path = BUNDLES) -> Bundle:
    """Bundle the page and serve the new bundle. The previous one is kept for open pages.

    Raises BuildError.
    """
    esbuild = _esbuild()
    sources = digest(frontend)
    bundles.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=bundles, prefix=".unfinished-") as unfinished:
        folder = Path(unfinished) / "files"
        outputs = _run(esbuild, frontend, (SCRIPT, STYLE), folder)
        # Bundled apart: modules that both share would become files of their own, which the page would have to load.
        _run(esbuild, frontend, (EMBED_SCRIPT, EMBED_STYLE), folder)
        _run(esbuild, frontend, (WORKER,), folder)
        for path in sorted(folder.iterdir()):
            if path.suffix in COMPRESSED:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        name = digest_of((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))
        bundle = Bundle(name, sources, _imported_at_once(outputs))
        try:
            folder.rename(bundles / name)
        except OSError:
            if not (bundles / name).is_dir():  # else it is the same bundle, made before
                raise
    before = read_bundle(bundles)
    write_manifest(bundle, bundles)
    _remove_others(bundles, {bundle.name, before.name if before else bundle.name})
    return bundle


def _esbuild() -> Path:
    """Return the path of esbuild's program for this machine, as installed by npm."""
    programs = sorted((FRONTEND.parent / "node_modules" / "@esbuild").glob("*/bin/esbuild"))
    if not programs:
        raise BuildError("esbuild is not installed; `npm ci --omit=dev` installs it")
    return programs[0]


def _run(esbuild: Path, frontend: Path, entries: Sequence[str], folder: Path) -> Mapping[str, Any]:
    """Bundle ``entries`` into ``folder``. Returns esbuild's facts about each file written, by name."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [str(esbuild), *entries, *OPTIONS, f"--outdir={folder}", f"--metafile={report.name}"]
        try:
            subprocess.run(command, cwd=frontend, check=True, capture_output=True, text=True)
        except OSError as error:
            raise BuildError(f"{esbuild}: {error.strerror}") from error
        except subprocess.CalledProcessError as error:
            raise BuildError(error.stderr.strip()) from error
        outputs = msgspec.json.decode(report.read())["outputs"]
    return {Path(path).name: output for path, output in outputs.items()}


def _imported_at_once(outputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the files that the page's script imports before it runs, directly or indirectly."""
    found: dict[str, None] = {SCRIPT: None}
    waiting = [SCRIPT]
    while waiting:
        for each in outputs[waiting.pop()]["imports"]:
            name = Path(each["path"]).name
            if each["kind"] == "import-statement" and name in outputs and name not in found:
                found[name] = None
                waiting.append(name)
    return tuple(found)[1:]


def _remove_others(bundles: Path, kept: set[str]) -> None:
    for path in bundles.iterdir():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
