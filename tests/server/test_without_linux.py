"""The server without the functions that only Linux has: they are removed from each of its processes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from server.starter import MODEL_PATH
from tests.server.test_main import environment, run, started

REMOVED = """
import builtins, io, os, pathlib, resource, select, socket

for module, name in (
    (os, "sched_getaffinity"), (os, "sched_setaffinity"), (os, "posix_fadvise"), (os, "fdatasync"), (os, "pidfd_open"),
    (os, "memfd_create"), (os, "eventfd"), (resource, "prlimit"), (select, "epoll"), (select, "poll"),
    (socket, "TCP_USER_TIMEOUT"), (socket, "TCP_KEEPIDLE"), (socket, "TCP_QUICKACK"), (socket, "SOCK_CLOEXEC"),
    (socket, "SOCK_NONBLOCK"), (socket, "SO_PEERCRED"),
):
    if hasattr(module, name):
        delattr(module, name)

def setrlimit(kind, limits, set=resource.setrlimit):
    if kind == resource.RLIMIT_AS:
        raise ValueError("current limit exceeds maximum limit")
    set(kind, limits)

resource.setrlimit = setrlimit

def refusing(open):
    def opened(file, *args, **kwargs):
        if str(file).startswith(("/proc/", "/sys/")):
            raise FileNotFoundError(2, "No such file or directory", str(file))
        return open(file, *args, **kwargs)
    return opened

builtins.open = refusing(open)
io.open = refusing(io.open)
pathlib.io.open = io.open
"""


@pytest.fixture
def without_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove Linux's own functions, /proc and /sys from every Python that is started from here."""
    folder = tmp_path / "removed"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(REMOVED)
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A model that is not built in: the server examines it and renders its template in processes of their own."""
    path = tmp_path / "another.gguf"
    shutil.copy(MODEL_PATH, path)
    return str(path)


async def test_server_without_what_only_linux_has_serves_a_foreign_model(
    without_linux: None, model: str, tmp_path: Path
) -> None:
    async with started(str(tmp_path / "data"), "--model", model) as (_, address):
        async with connect(f"ws://{address}/ws?close_when_idle=1", proxy=None) as socket:
            await socket.send('{"type":"generate","prompt":"Hello","params":{"max_tokens":5}}')
            frames = [json.loads(frame) async for frame in socket]
    assert frames[-1]["type"] == "done", frames
    assert "".join(frame.get("text", "") for frame in frames)


def test_doctor_without_proc_says_that_free_memory_is_unknown(without_linux: None, model: str, tmp_path: Path) -> None:
    ended = run("doctor", "--port=0", "--data", str(tmp_path / "data"), "--model", model, **environment())
    assert "Traceback" not in ended.stderr
    assert "this system doesn't say how much is free" in ended.stdout, ended


def test_removed_names_are_missing_in_a_child(without_linux: None) -> None:
    """Check the fixture: if it removed nothing, the tests above would always pass."""
    probe = """
import os, socket
print(hasattr(os, "sched_getaffinity"), hasattr(socket, "TCP_USER_TIMEOUT"))
open("/proc/self/statm")
"""
    ended = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, env=environment())
    assert ended.stdout == "False False\n"
    assert "FileNotFoundError" in ended.stderr
