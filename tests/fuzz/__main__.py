"""Run all targets in turn: `python -m tests.fuzz SECONDS`. They share the time."""

import subprocess
import sys
from typing import Final

from tests.fuzz.targets import TARGETS

SHOWN: Final = 40  # lines of a failed run


def main(seconds: int) -> int:
    failed = [name for name in TARGETS if not _run(name, max(1, seconds // len(TARGETS)))]
    print(f"fuzz: {'found something in ' + ', '.join(failed) if failed else 'nothing found'}")
    return 1 if failed else 0


def _run(name: str, seconds: int) -> bool:
    command = [sys.executable, "-m", "tests.fuzz.run", name, str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    lines = done.stdout.splitlines()
    ok = done.returncode == 0
    wanted = [line for line in lines if line.startswith(("Done", "stat::number_of", "stat::slowest", name))]
    print(f"{name}: {'ok' if ok else 'FAILED'}", *(wanted if ok else lines[-SHOWN:]), sep="\n  ", flush=True)
    return ok


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
