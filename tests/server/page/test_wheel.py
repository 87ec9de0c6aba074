"""The wheel: built, installed into an empty folder, and opened."""

import asyncio
import os
import re
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

from server.page.libraries import CHECKOUT, library_files
from tests.server.test_main import START, environment

ADDRESS = re.compile(r'(?:href|src)="(/[^"#]+)"')


def run(*arguments: str) -> None:
    ended = subprocess.run([sys.executable, *arguments], cwd=CHECKOUT, capture_output=True, text=True, timeout=START)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", f"--wheel-dir={folder}", ".")
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    run("-m", "pip", "install", "--quiet", "--no-deps", f"--target={folder}", str(wheel))
    return folder


def test_wheel_has_libraries_and_licence_and_no_training(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    libraries = list(library_files(CHECKOUT / "node_modules"))
    assert len(libraries) > 100
    assert {f"server/page/installed/node_modules/{path}" for path in libraries} <= names
    assert "server/page/installed/bundle/bundle.json" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name for name in names if name.startswith("server/starter/")} == {
        "server/starter/__init__.py",
        "server/starter/starter.gguf",
    }


async def test_installed_server_serves_the_whole_page(installed: Path, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "server", "serve", "--port=0", f"--data={tmp_path / 'data'}"),
        stdout=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(installed)),
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START):
            line = (await process.stdout.readline()).decode()
        address = line.strip().removeprefix("StreamUI is ready: ")
        page = (await asyncio.to_thread(fetch, address)).decode()
        addresses = ADDRESS.findall(page)
        assert any("/static/bundle/" in each for each in addresses)
        library = "/static/vendor/katex/katex.min.css"
        for each in (*addresses, library):
            assert await asyncio.to_thread(fetch, address + each), each
        served = await asyncio.to_thread(fetch, address + library)
        assert served == (CHECKOUT / "node_modules/katex/dist/katex.min.css").read_bytes()
    finally:
        process.kill()
        await process.wait()


def test_installed_command_is_not_the_one_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    """Check the set-up: the tests of the wheel must not use the checkout."""
    command = [sys.executable, "-c", "import server; print(server.__file__)"]
    told = subprocess.check_output(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)}, text=True)
    assert Path(told.strip()).is_relative_to(installed)


def fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=START) as answer:
        return bytes(answer.read())
