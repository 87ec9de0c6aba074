"""The `streamui` command with a model that takes its time, so that a test can act in the middle of an answer.

`python tests/e2e/slow_motion.py 20 serve --port 0` pauses for 20 ms before each step; SIGUSR1 has it hurry, SIGUSR2 has
it pause again. An answer that is begun while it takes its time goes on to the end of the context, so that a test on a
slow machine finds it still being written.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from unittest.mock import patch

from server.__main__ import main
from server.engine.base import SamplingParams
from server.engine.llama import LlamaModel
from server.engine.llama.sampler import LlamaSampler
from server.engine.model import Outcome, Row


class SlowModel(LlamaModel):
    """Computes what the real one does, with a pause before each step."""

    pause = 0.0
    """Seconds."""

    def decode(self, rows: Sequence[Row]) -> Outcome:
        time.sleep(self.pause)
        return super().decode(rows)

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> LlamaSampler:
        if self.pause > 0:
            ends = {token: float("-inf") for token in range(self.facts.vocabulary) if self.is_end(token)}
            params = replace(params, logit_bias={**params.logit_bias, **ends})
        return super().sampler(params, prompt, written)


if __name__ == "__main__":
    pause = float(sys.argv[1]) / 1000
    SlowModel.pause = pause
    signal.signal(signal.SIGUSR1, lambda *_: setattr(SlowModel, "pause", 0.0))
    signal.signal(signal.SIGUSR2, lambda *_: setattr(SlowModel, "pause", pause))
    with patch("server.serving.LlamaModel", SlowModel):
        main(sys.argv[2:])
