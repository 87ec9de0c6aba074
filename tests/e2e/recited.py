"""The `streamui` command with a model that recites files, so that a test can choose the text of an answer.

`python tests/e2e/recited.py texts 100 serve --port 0` answers the prompt `hostile.md` with the file of that name in the
folder `texts`, in pieces of four bytes, 100 pieces a second (0: without a limit).
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

from server.__main__ import main
from server.engine.base import EngineModelFacts, SamplingParams
from server.engine.model import DecodeOutcome, Row
from tests.server.engine.scripted_model import END, ScriptedModel

PIECE = 4
"""Size of a token, in bytes."""


class RecitedSampler:
    """Sampler that returns the tokens of one text, then END."""

    def __init__(self, tokens: Iterator[int]) -> None:
        self._tokens = tokens

    def sample(self, output: int) -> int:
        return next(self._tokens, END)

    def close(self) -> None:
        pass


class RecitedModel(ScriptedModel):
    """Model whose tokens above END are the pieces of the files, in order. It keeps no state about what is computed."""

    folder = Path()
    tokens_per_second = 0.0

    def __init__(self) -> None:
        super().__init__(context=1 << 20)
        self._pieces: list[bytes] = []
        self._texts: dict[str, range] = {}
        for file in sorted(self.folder.iterdir()):
            content = file.read_bytes()
            start = len(self._pieces)
            self._pieces += [content[at : at + PIECE] for at in range(0, len(content), PIECE)]
            self._texts[file.name] = range(start, len(self._pieces))
        self.facts = EngineModelFacts(
            name="Recited",
            architecture="recited",
            parameters=0,
            context=1 << 20,
            vocabulary=END + 1 + len(self._pieces),
            chat_template=None,
            bos="",
            eos="",
            sampling=SamplingParams(),
        )
        self._next = 0.0

    def piece(self, token: int) -> bytes:
        return bytes([token]) if token < END else self._pieces[token - END - 1]

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> RecitedSampler:  # type: ignore[override]
        asked = bytes(token for token in prompt if token < END).decode(errors="replace")
        names = [name for name in re.findall(r"[\w-]+\.md", asked) if name in self._texts]
        tokens = self._texts[names[-1]] if names else range(0)
        return RecitedSampler(END + 1 + token for token in tokens[len(written) :])

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        if self.tokens_per_second > 0:
            now = time.monotonic()
            self._next = max(self._next + 1 / self.tokens_per_second, now - 0.1)
            time.sleep(max(0.0, self._next - now))
        return DecodeOutcome.COMPUTED

    def forget(self, slot: int, start: int = 0) -> bool:
        return True

    def save(self, slot: int) -> memoryview:
        return memoryview(b"")

    def restore(self, slot: int, state: memoryview) -> bool:
        return True

    def copy(self, source: int, target: int) -> bool:
        return True


def recited_model(*_: object, **__: Mapping[str, object]) -> RecitedModel:
    return RecitedModel()


if __name__ == "__main__":
    RecitedModel.folder = Path(sys.argv[1])
    RecitedModel.tokens_per_second = float(sys.argv[2])
    with patch("server.serving_models.LlamaModel", recited_model):
        main(sys.argv[3:])
