"""A hub in a process of its own, for the browser tests: python -m tests.server.models.hub_process

It prints its address. The download of HELD waits half way until a line comes on standard input, and the process ends
when that is closed.
"""

from __future__ import annotations

import json
import sys
import threading

from tests.server.models.headers import LLAMA, header
from tests.server.models.small_hub import SmallHub, serving

REPOSITORY = "small-models/Tiny-Chat-GGUF"
HELD = "tiny-chat-Q8_0.gguf"
MIB = 1 << 20

FOUND = [
    {"id": REPOSITORY, "downloads": 48213, "likes": 120, "tags": ["gguf", "license:apache-2.0"], "gated": False},
    {"id": "another-maker/Larger-Chat-GGUF", "downloads": 9120, "likes": 4, "tags": ["license:mit"], "gated": "manual"},
]


def _content(size: int) -> bytes:
    keys = {**LLAMA, "general.name": "Tiny Chat", "general.size_label": "15M", "general.license": "apache-2.0"}
    start = header(keys)
    return start + bytes(size - len(start))


def main() -> None:
    files = {
        "tiny-chat-Q4_K_M.gguf": _content(9 * MIB),
        HELD: _content(17 * MIB),
        "tiny-chat-F16.gguf": _content(31 * MIB),
    }
    hub = SmallHub(files, repository=REPOSITORY, held=HELD, gate=threading.Event(), found=json.dumps(FOUND))
    assert hub.gate is not None
    with serving(hub):
        print(hub.url, flush=True)
        for _ in sys.stdin:
            hub.gate.set()
        hub.gate.set()


if __name__ == "__main__":
    main()
