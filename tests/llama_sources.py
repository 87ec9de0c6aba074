"""Chat templates and vocabularies of real models, from llama.cpp's source: ``python -m tests.llama_sources``.

They are in the source package of llama-cpp-python that requirements.lock names, and are unpacked into build/.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements.lock"

WANTED: Final = re.compile(r"[^/]+/vendor/llama\.cpp/models/((?:templates/)?[^/]+\.(?:jinja|gguf))")


def sources() -> Path:
    """Return the folder with ``templates/*.jinja`` and ``ggml-vocab-*.gguf``; downloads it if needed."""
    requirement = _requirement()
    folder = ROOT / "build" / f"llama-sources-{hashlib.sha256(requirement.encode()).hexdigest()[:12]}"
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as part:
            package = _fetched(requirement, Path(part))
            unpacked = _unpacked(package, Path(part) / "models")
            try:
                unpacked.rename(folder)
            except OSError:
                if not folder.exists():  # otherwise another process was faster
                    raise
    return folder


def _requirement() -> str:
    """Return the pinned version and hash."""
    found = re.search(r"^llama-cpp-python==(?:[^\n]*\\\n)*[^\n]*", LOCK.read_text(), re.MULTILINE)
    assert found, f"{LOCK} names no llama-cpp-python"
    return found.group() + "\n"


def _fetched(requirement: str, folder: Path) -> Path:
    """Download the source package; pip checks its hash."""
    pinned = folder / "requirements.txt"
    pinned.write_text(requirement)
    options = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes", "--quiet"]
    command = [sys.executable, "-m", "pip", "download", *options, "-r", str(pinned), "-d", str(folder)]
    subprocess.run(command, check=True, timeout=900)
    (package,) = folder.glob("*.tar.gz")
    return package


def _unpacked(package: Path, folder: Path) -> Path:
    with tarfile.open(package) as archive:
        for member in archive:
            if (wanted := WANTED.fullmatch(member.name)) and (file := archive.extractfile(member)):
                target = folder / wanted[1]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read())
    return folder


if __name__ == "__main__":
    print(sources())
