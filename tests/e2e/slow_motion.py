"""The `streamui` command with a slow model, so that a test can act in the middle of an answer.

`python tests/e2e/slow_motion.py 20 FILE serve --port 0` pauses for 20 ms before each step while FILE exists. An answer
that starts meanwhile continues to the end of the context, so that a test on a slow machine still finds it running.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from server.__main__ import main
from server.engine.base import SamplingParams
from server.engine.llama import LlamaModel
from server.engine.llama.sampler import LlamaSampler
from server.engine.model import DecodeOutcome, Row


class SlowModel(LlamaModel):
    """The real model, with a pause (in seconds) before each step while ``file`` exists."""

    pause = 0.0
    file = Path()

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        if self.file.exists():
            time.sleep(self.pause)
        return super().decode(rows)

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> LlamaSampler:
        if self.file.exists():
            ends = {token: float("-inf") for token in range(self.facts.vocabulary) if self.is_end(token)}
            params = replace(params, logit_bias={**params.logit_bias, **ends})
        return super().sampler(params, prompt, written)


if __name__ == "__main__":
    SlowModel.pause = float(sys.argv[1]) / 1000
    SlowModel.file = Path(sys.argv[2])
    with patch("server.serving.LlamaModel", SlowModel):
        main(sys.argv[3:])
