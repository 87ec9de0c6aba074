"""Processor, memory and process limits of this machine, with a fallback for systems without Linux's calls.

macOS has no `sched_getaffinity` and no `/proc`, and doesn't enforce `RLIMIT_AS`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Mapping
from pathlib import Path

_PROC = Path("/proc")
_CGROUP = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Return the number of cores that this process may use; all cores when the system doesn't report it."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def busy_core_seconds(stat: Path = _PROC / "stat") -> float | None:
    """Return the seconds, since the start of the machine, that all programs have used of the cores that this process
    may use. With them count those that other virtual machines took. None when the system doesn't report it."""
    own = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    try:
        lines = [line.split() for line in stat.read_text().splitlines()]
        ticks = [list(map(int, line[1:9])) for line in lines if line[0] in {f"cpu{core}" for core in own}]
    except (OSError, ValueError, IndexError):
        return None
    busy = sum(sum(core) - sum(core[3:5]) for core in ticks)  # the 4th and 5th are idle, and idle while a disk works
    return busy / os.sysconf("SC_CLK_TCK") if ticks else None


def available_memory() -> int | None:
    """Return the free memory in bytes, limited by the container's; None when the system doesn't report it."""
    try:
        lines = (_PROC / "meminfo").read_text().splitlines()
    except OSError:
        return None
    free = next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable")), None)
    if free is None:
        return None
    try:
        most, used = (_CGROUP / "memory.max").read_text(), (_CGROUP / "memory.current").read_text()
        return min(free, int(most) - int(used))
    except (OSError, ValueError):
        return free


def return_memory() -> None:
    """Give freed memory back to the system, which glibc otherwise keeps for later; does nothing elsewhere."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def address_space() -> int | None:
    """Return the address space of this process in bytes; None when the system doesn't report it."""
    try:
        return int((_PROC / "self" / "statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return None


def limit_process(limits: Mapping[str, int | None]) -> None:
    """Lower soft and hard limits of this process, by their names in `resource`; None leaves one unchanged.

    A limit that the system lacks or rejects is skipped: RLIMIT_AS on macOS. The others apply there too, so hostile
    input still can't compute for longer than RLIMIT_CPU.
    """
    for name, most in limits.items():
        kind = getattr(resource, name, None)
        if kind is None or most is None:
            continue
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))
