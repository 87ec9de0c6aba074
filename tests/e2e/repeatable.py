"""The `streamui` command with a model that answers the same in every run, slowly if a test wants to act meanwhile.

`python tests/e2e/repeatable.py 20 FILE serve --port 0` pauses for 20 ms before each step while FILE exists. An answer
that starts meanwhile continues to the end of the context, so that a test on a slow machine still finds it running.
A pause of 0 ms changes neither speed nor end.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

from server.__main__ import main
from server.engine.base import RANDOM_SEED, SamplingParams
from server.engine.llama import LlamaModel
from server.engine.llama.sampler import LlamaSampler
from server.engine.model import DecodeOutcome, Row


class RepeatableModel(LlamaModel):
    """The real model. A request that leaves the seed open gets the number of times that its prompt was asked.

    So each answer to a prompt differs from the one before, but not from one run to the next. With a random seed, one
    run in some dozens had an answer that rambled to its limit where a test waited for the end of a short one.
    """

    pause = 0.0
    """Pause before each step while ``file`` exists, in seconds."""
    file = Path()
    _times_asked: ClassVar[Counter[tuple[int, ...]]] = Counter()

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        if self._is_slow():
            time.sleep(self.pause)
        return super().decode(rows)

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> LlamaSampler:
        if params.seed == RANDOM_SEED:
            self._times_asked[tuple(prompt)] += 1
            params = replace(params, seed=self._times_asked[tuple(prompt)])
        if self._is_slow():
            ends = {token: float("-inf") for token in range(self.facts.vocabulary) if self.is_end(token)}
            params = replace(params, logit_bias={**params.logit_bias, **ends})
        return super().sampler(params, prompt, written)

    def _is_slow(self) -> bool:
        return self.pause > 0 and self.file.exists()


if __name__ == "__main__":
    RepeatableModel.pause = float(sys.argv[1]) / 1000
    RepeatableModel.file = Path(sys.argv[2])
    with patch("server.serving.LlamaModel", RepeatableModel):
        main(sys.argv[3:])
