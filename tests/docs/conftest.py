"""Fixture: the real server with the built-in model, for recipes and examples."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

START = 120.0
"""Time limit for the server's start, in seconds, also on a busy machine."""


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMUI_")}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return {**kept, "PATH": path, "PYTHONIOENCODING": "utf-8"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a running ``streamui serve`` with the built-in model."""
    data = str(tmp_path_factory.mktemp("data"))
    command = [sys.executable, "-m", "server", "serve", "--port=0", "--data", data]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(), text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], START)[0]
            yield process.stdout.readline().strip().removeprefix("StreamUI is ready: http://")
        finally:
            process.terminate()
