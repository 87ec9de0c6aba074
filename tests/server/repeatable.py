"""The `streamui` command with a model that answers the same in every run, slowly if a test wants to act meanwhile.

`python tests/server/repeatable.py 20 FILE serve --port 0` pauses for 20 ms before each step while FILE exists. An
answer without a grammar that starts meanwhile doesn't end as long as FILE exists, so that a test on a slow machine
still finds it running. A pause of 0 ms changes neither speed nor end. While FILE.loading exists, the loading of a model
stops at 40 %.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from protocol.messages import Generate
from server.__main__ import main
from server.engine.base import RANDOM_SEED, Engine, SamplingParams
from server.engine.llama import LlamaModel
from server.engine.model import DecodeOutcome, Row, Sampler
from server.writers.local_sampling import resolve_sampling

LONGEST: Final = 400
"""Tokens after which an answer ends that no limit or bias of the request keeps from ending.

An answer without a limit is sampled to the end of the context in some runs, and has another reason then. Equal seeds
alone don't rule that out: the logits differ in their last bits from one CPU to another.
"""

SLOW_MS: Final = 100
"""Pause before each step of a slow model, in milliseconds. An answer of 500 tokens takes most of a minute."""

HELD_AT: Final = 0.4
"""Part of a model at which its loading is held."""

HELD_SECONDS: Final = 0.05
"""Pause between two looks whether the loading is still held, in seconds."""

_seeds: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
"""The next seed for each dialogue. Its only user is the `streamui` command below."""


def program(slow: Path | None = None) -> tuple[str, ...]:
    """Return the arguments of Python that run it. The model is slow while the file ``slow`` exists."""
    return ("-m", "tests.server.repeatable", str(SLOW_MS if slow else 0), str(slow or ""))


def repeatable_sampling(
    body: Generate, engine: Engine, template_stop: tuple[str, ...] = (), call_grammar: str | None = None
) -> SamplingParams:
    """Resolve the parameters. A request that leaves the seed open gets the number of times that its dialogue was asked.

    So each answer differs from the one before, but not from one run to the next.
    """
    params = resolve_sampling(body, engine, template_stop, call_grammar)
    if body.params.seed not in (None, RANDOM_SEED):
        return params
    return replace(params, seed=next(_seeds[repr((body.prompt, body.messages))]))


class EndingSampler:
    """A sampler that chooses ``end`` after ``left`` tokens, or later, once ``is_held`` no longer says true."""

    def __init__(self, sampler: Sampler, left: int, end: int, is_held: Callable[[], bool]) -> None:
        self._sampler = sampler
        self._left = left
        self._end = end
        self._is_held = is_held

    def sample(self, output: int) -> int:
        token = self._sampler.sample(output)
        self._left -= 1
        return token if self._left >= 0 or self._is_held() else self._end

    def close(self) -> None:
        self._sampler.close()


class RepeatableModel(LlamaModel):
    """The real model, whose answers end after LONGEST tokens, but not while it is slow if they have no grammar."""

    pause = 0.0
    """Pause before each step while ``file`` exists, in seconds."""
    file = Path()

    def __init__(self, *arguments: Any, progress: Callable[[float], bool] | None = None, **options: Any) -> None:
        super().__init__(*arguments, progress=progress and partial(self._held, progress), **options)

    @classmethod
    def _held(cls, progress: Callable[[float], bool], part: float) -> bool:
        while part >= HELD_AT and cls.file.name and Path(f"{cls.file}.loading").exists():
            if not progress(HELD_AT):
                return False
            time.sleep(HELD_SECONDS)
        return progress(part)

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        if self._is_slow():
            time.sleep(self.pause)
        return super().decode(rows)

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> Sampler:  # type: ignore[override]
        ends = [token for token in range(self.facts.vocabulary) if self.is_end(token)]
        is_free = params.max_tokens is None and params.grammar is None and not params.logit_bias.keys() & set(ends)
        if self._is_slow() and params.grammar is None:
            params = replace(params, logit_bias={**params.logit_bias, **dict.fromkeys(ends, float("-inf"))})
        sampler = super().sampler(params, prompt, written)
        return EndingSampler(sampler, LONGEST - len(written), ends[0], self._is_slow) if is_free else sampler

    def _is_slow(self) -> bool:
        return self.pause > 0 and self.file.exists()


if __name__ == "__main__":
    RepeatableModel.pause = float(sys.argv[1]) / 1000
    RepeatableModel.file = Path(sys.argv[2])
    with (
        patch("server.serving_models.LlamaModel", RepeatableModel),
        patch("server.writers.local.resolve_sampling", repeatable_sampling),
    ):
        main(sys.argv[3:])
