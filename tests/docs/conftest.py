"""Fixture: the real server with the built-in model, whose answers repeat, for recipes and examples."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.repeatable import program

START = 120.0
"""Time limit for the server's start, in seconds, also on a busy machine."""

ACTS = re.compile(r"(cancel|steer|tune)\(|DELETE \$at/curl")
"""Pattern of the code that acts on a running answer, which must not have ended before."""


@contextlib.contextmanager
def slowly(slow_file: Path) -> Iterator[None]:
    """Make the model slow during the block: an answer can be stopped there, and its stream has many parts also on a
    busy machine."""
    slow_file.touch()
    try:
        yield
    finally:
        slow_file.unlink(missing_ok=True)


@contextlib.contextmanager
def slow_if_needed(code: str, slow_file: Path) -> Iterator[None]:
    """Make the model slow during the block if ``code`` acts on a running answer."""
    with slowly(slow_file) if ACTS.search(code) else contextlib.nullcontext():
        yield


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMUI_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "PYTHONIOENCODING": "utf-8"}


@pytest.fixture(scope="module")
def slow_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """File that makes the model slow while it exists, and its answers endless, so that a test can stop them."""
    return tmp_path_factory.mktemp("slow") / "file"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, slow_file: Path) -> Iterator[str]:
    """Address of a running ``streamui serve`` with the built-in model."""
    data = str(tmp_path_factory.mktemp("data"))
    command = [sys.executable, *program(slow_file), "serve", "--port=0", "--data", data]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], START)[0]
            yield process.stdout.readline().strip().removeprefix("StreamUI is ready: http://")
        finally:
            process.terminate()
