"""Run one target with a fuzzer: `python -m tests.fuzz.run TARGET SECONDS`.

Atheris measures which branches an input reaches, and keeps inputs that reach new ones. Where it has no wheel, the
inputs are the committed ones with random changes, which finds less.
"""

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
CORPUS: Final = HERE / "corpus"
WORDS: Final = HERE / "words.dict"
FOUND: Final = HERE.parents[1] / "build" / "fuzz"


def main(name: str, seconds: int) -> None:
    try:
        import atheris
    except ImportError:
        _at_random(name, seconds)
        return
    with atheris.instrument_imports(include=["protocol"]):
        from tests.fuzz.targets import TARGETS
    grown = FOUND / name
    grown.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-dict={WORDS}",
        f"-artifact_prefix={FOUND / name}-",
        "-max_len=4096",
        "-timeout=60",  # wall clock, on a busy machine
        "-rss_limit_mb=1024",
        "-detect_leaks=0",
        "-verbosity=1",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(grown), str(CORPUS / name)], TARGETS[name])
    atheris.Fuzz()


def _at_random(name: str, seconds: int) -> None:
    from tests.fuzz.targets import TARGETS

    print(f"{name}: no atheris for this Python or machine; trying random changes for {seconds} s", flush=True)
    inputs = [file.read_bytes() for file in sorted((CORPUS / name).iterdir())]
    words = [line.strip().strip('"').replace('\\"', '"').encode() for line in WORDS.read_text().splitlines()]
    count = _try_changes(TARGETS[name], inputs, words, time.monotonic() + seconds)
    print(f"{name}: {count} inputs, nothing found", flush=True)


def _try_changes(target: Callable[[bytes], None], inputs: list[bytes], words: list[bytes], until: float) -> int:
    chance = random.Random()
    count = 0
    while time.monotonic() < until:
        data = chance.choice(inputs)
        for _ in range(chance.randint(1, 4)):
            at = chance.randint(0, len(data))
            put = chance.choice([chance.choice(words), chance.randbytes(1), b""])
            data = data[:at] + put + data[at + chance.randint(0, 3) :]
        try:
            target(data)
        except BaseException:
            print(f"the input: {data!r}", flush=True)
            raise
        count += 1
    return count


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
