"""Separate process that opens a model file first: ``python -m server.engine.llama.probe PATH SECONDS``.

A file that makes llama.cpp crash, hang or allocate all memory then ends this process, not the server. It does what the
server will do: load, read the facts, tokenize, compute. It prints its verdict as one line of JSON: ``error`` is null or
the server's error text; ``needs`` has the fields of ModelNeeds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import llama_cpp as ll

from server.engine.base import EngineError
from server.engine.gguf_parts import parts_of
from server.engine.llama.llama_model import LlamaModel
from server.engine.model import Row
from server.resources import address_space, limit_process

ROOM: Final = 2 << 30
"""Address space beyond the file itself, in bytes, for a short context and llama.cpp's work buffers."""

CONTEXT: Final = 64


def main(path: Path, seconds: int) -> None:
    limit(path, seconds)
    verdict: str | None = None
    needs: Mapping[str, int] | None = None
    try:
        needs = examine(path)
    except EngineError as error:
        verdict = str(error)
    except MemoryError:
        verdict = f"{path}: this file needs far more memory than its size explains"
    except (ValueError, OverflowError):
        verdict = f"{path}: the metadata in this file is not valid"
    print(json.dumps({"error": verdict, "needs": needs}), flush=True)


def limit(path: Path, seconds: int) -> None:
    """Limit this process to the resources that a valid file needs."""
    # A GPU driver reserves address space without bound.
    space = None if ll.llama_supports_gpu_offload() else address_space()
    limit_process(
        {
            "RLIMIT_CPU": seconds,
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": 0,
            "RLIMIT_NOFILE": 64,
            "RLIMIT_AS": None if space is None else space + ROOM + sum(_sizes(path)),
        }
    )


def examine(path: Path) -> Mapping[str, int]:
    """Use the file as the server will. Returns the fields of ModelNeeds. Raises EngineError."""
    model = LlamaModel(path, context=CONTEXT, parallel=1, threads=1, probing=True)
    tokens = model.tokenize("Hello")[: CONTEXT // 2] or [0]
    model.decode([Row(token, 0, position, position == 0) for position, token in enumerate(tokens)])
    for token in tokens:
        model.piece(token)
    needs = {
        "file_bytes": sum(_sizes(path)),
        "context": model.trained_context,
    }
    model.close()
    return needs


def _sizes(path: Path) -> Iterable[int]:
    return (file.stat().st_size for file in parts_of(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
