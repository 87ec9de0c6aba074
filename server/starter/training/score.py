"""`python -m server.starter.training.score [GGUF]`: runs the evaluation through the engine and prints the scores."""

from __future__ import annotations

import argparse
import queue
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from server.chat.template import ChatTemplate
from server.engine.base import Finished, GenerationRequest, Piece, Update
from server.engine.llama import LlamaModel
from server.engine.worker import BatchingEngine
from server.starter import MODEL_PATH
from server.starter.training.evaluate import evaluate

DEADLINE = 60.0
"""Time limit for one step of an answer, in seconds."""


class EngineAnswers:
    """Answers conversations with a GGUF, one at a time, with the file's recommended sampling."""

    def __init__(self, path: Path) -> None:
        self._engine = BatchingEngine(LlamaModel(path, parallel=1))
        self._updates: queue.SimpleQueue[Update] = queue.SimpleQueue()
        self._engine.start(self._listen)
        facts = self._engine.facts
        self._template = ChatTemplate(facts.chat_template, facts.special_tokens)
        self._asked = 0

    def __call__(self, messages: list[dict[str, str]], *, seed: int, max_tokens: int) -> str:
        self._asked += 1
        rendered = self._template.render(messages)
        prompt = self._engine.tokenize(rendered.text, rendered.quoted)
        sampling = replace(self._engine.facts.sampling, seed=seed, max_tokens=max_tokens)
        request = GenerationRequest(
            id=str(self._asked), prompt=tuple(prompt), sampling=sampling, received=time.monotonic()
        )
        self._engine.submit(request)
        return self._text()

    def close(self) -> None:
        self._engine.close()

    def _listen(self, updates: Sequence[Update]) -> None:
        for update in updates:
            self._updates.put(update)

    def _text(self) -> str:
        pieces = []
        while not isinstance(update := self._updates.get(timeout=DEADLINE), Finished):
            if isinstance(update, Piece):
                pieces.append(update.text)
        return "".join(pieces)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, nargs="?", default=MODEL_PATH)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    answers = EngineAnswers(options.path)
    try:
        print(evaluate(answers, seed=options.seed).report())
    finally:
        answers.close()


if __name__ == "__main__":
    main()
