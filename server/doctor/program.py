"""Checks of the installation: Python, packages, llama.cpp, and the page's libraries."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Final

import server
from server.doctor.finding import Finding, fault, ok, warning

ROOT: Final = Path(server.__file__).parents[1]
LEAST_PYTHON: Final = (3, 11)
INSTALL: Final = "run make install"
SECONDS: Final = 60.0

_REQUIREMENT: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?(==|>=)?([0-9.]*)[^;]*(;.*)?")


def python() -> Finding:
    text = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LEAST_PYTHON:
        return fault("python", text, "use Python 3.11 or newer: make PYTHON=/path/to/python3.11 install")
    return ok("python", text)


def packages(required: Iterable[str] | None = None) -> Iterator[Finding]:
    """Check that each required package is installed and new enough. ``required`` None: StreamUI's own requirements."""
    try:
        wanted = list(metadata.requires("streamui") or ()) if required is None else list(required)
    except metadata.PackageNotFoundError:
        yield warning("packages", "StreamUI itself is not installed, so its requirements are unknown", INSTALL)
        return
    found: list[str] = []
    for requirement in wanted:
        match = _REQUIREMENT.fullmatch(requirement)
        if match is None or "extra" in (match[4] or ""):
            continue
        name, relation, version = match[1], match[2], match[3]
        try:
            there = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield fault("packages", f"{name} is missing", INSTALL)
            continue
        exact = relation == "==" and there != version
        if exact or (relation == ">=" and _numbers(there) < _numbers(version)):
            yield fault("packages", f"{name} is {there}, and {relation}{version} is needed", INSTALL)
        else:
            found.append(f"{name} {there}")
    yield ok("packages", ", ".join(found) or "none")


def llama(module: str = "server.engine.llama.features") -> Finding:
    """Check that llama.cpp's libraries load on this processor."""
    remedy = "build it on this machine: make clean install"
    try:
        ran = subprocess.run([sys.executable, "-m", module], capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return fault("llama.cpp", f"it does not load within {SECONDS:g} s", remedy)
    if ran.returncode < 0:
        name = signal.Signals(-ran.returncode).name
        return fault("llama.cpp", f"it crashes when it is loaded ({name}): built for another processor?", remedy)
    if ran.returncode:
        lines = ran.stderr.strip().splitlines() or ["it gives no reason"]
        return fault("llama.cpp", f"it can't be loaded: {lines[-1]}", remedy)
    return ok("llama.cpp", " ".join(re.findall(r"(\w+) = 1", ran.stdout)) or "no CPU features")


def browser_libraries(root: Path = ROOT) -> Finding:
    """Check the page's libraries listed in package.json, if there is one."""
    try:
        wanted: Mapping[str, str] = json.loads((root / "package.json").read_text()).get("dependencies", {})
    except FileNotFoundError:
        wanted = {}
    missing = [name for name in wanted if not (root / "node_modules" / name).is_dir()]
    if missing:
        text = f"{', '.join(missing)} missing in node_modules: the page shows code without colours and formulas as TeX"
        return warning("page", text, "run npm ci")
    return ok("page", ", ".join(wanted) or "it needs no other libraries")


def clock(now: float | None = None) -> Finding:
    now = time.time() if now is None else now
    text = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
    if now < Path(server.__file__).stat().st_mtime - 86_400:
        return fault("clock", f"{text} is before this program was installed", "set the clock, or let NTP set it")
    return ok("clock", text)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))[:3]
