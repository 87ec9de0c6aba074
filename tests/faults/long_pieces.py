"""A server over a scripted model with long tokens: `python -m tests.faults.long_pieces DATA TOKENS SECONDS`.

TOKENS: length of an answer. SECONDS: time for each token.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from server.__main__ import _listen as listen
from server.app import create_app
from server.engine.model import DecodeOutcome, Row
from server.engine.worker import BatchingEngine
from server.generations.journal import Journal
from server.serving import _Server as Server
from server.writers.local import local_writer
from tests.server.engine.scripted_model import ScriptedModel

PIECE_BYTES: Final = 2048
"""Size of a token, in bytes: large, so that a client that stops reading soon falls far behind."""


class LongPieces(ScriptedModel):
    """Scripted model with long tokens. ``seconds``: duration of a step."""

    def __init__(self, tokens: int, seconds: float) -> None:
        super().__init__(context=2 * tokens, answer_tokens=tokens)
        self._seconds = seconds

    def piece(self, token: int) -> bytes:
        return f"{token} ".encode().ljust(PIECE_BYTES, b".")

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        time.sleep(self._seconds)
        return super().decode(rows)


if __name__ == "__main__":
    data, tokens, seconds = sys.argv[1:]
    engine = BatchingEngine(LongPieces(int(tokens), float(seconds)))
    Server(create_app(local_writer(engine), Journal(Path(data))), drain=0).run(sockets=[listen("127.0.0.1", 0)])
