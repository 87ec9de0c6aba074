"""The starter model in a running engine, which a test can pause between two steps."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from server.chat.template import ChatTemplate
from server.engine.base import Finished, FinishReason
from server.engine.llama import LlamaModel
from server.engine.model import DecodeError, DecodeOutcome, Row
from server.engine.options import EngineOptions
from server.engine.worker import BatchingEngine
from server.starter import MODEL_PATH
from tests.server.engine.recorder import Recorder, submit
from tests.server.engine.scripted_model import Gate

CONTEXT = 2048
TEXT = "Tell me a story of a small model that lives in a large computer and writes all day long. "


class HeldModel(LlamaModel):
    """llama.cpp behind a gate, which is open at first."""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path, **options)
        self.gate = Gate()
        self.failures = 0
        """Number of batches that fail next."""

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        if not self.gate.pass_through():
            return DecodeOutcome.ABORTED
        if self.failures:
            self.failures -= 1
            raise DecodeError("llama_decode failed")
        return super().decode(rows)

    def abort(self) -> None:
        super().abort()
        self.gate.abort(True)

    def rearm(self) -> None:
        super().rearm()
        self.gate.abort(False)


class StarterBench:
    """The starter model in a running engine with a recorder."""

    def __init__(
        self,
        options: EngineOptions | None = None,
        path: Path = MODEL_PATH,
        draft_model: Path | None = None,
        **model: Any,
    ) -> None:
        self.model = HeldModel(path, **{"context": CONTEXT, **model})
        draft = self.model.open_draft_model(draft_model) if draft_model else None
        self.engine = BatchingEngine(self.model, options, draft_model=draft)
        self.recorder = Recorder()
        self.engine.start(self.recorder.listen)

        facts = self.model.facts
        self._template = ChatTemplate(facts.chat_template, facts.special_tokens)
        ends = filter(self.model.is_end, range(facts.vocabulary))
        self.never_ending: dict[str, Any] = {"logit_bias": dict.fromkeys(ends, -100.0)}
        """Sampling parameters that prevent the end of the answer."""
        self._asked = 0

    def close(self) -> None:
        self.model.gate.open()
        self.engine.close()

    def render(self, *texts: str) -> list[int]:
        """Render a conversation of ``texts``, from the user and the model in turn."""
        roles = ("user", "assistant")
        messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]
        prompt = self._template.render(messages)
        return self.engine.tokenize(prompt.text, prompt.quoted)

    def prompt(self, repeats: int = 1) -> list[int]:
        return self.render(TEXT * repeats)

    def long_prompt(self, id: str) -> list[int]:
        """Return a prompt of 1,900 tokens that shares no beginning with that of another ``id``."""
        return [*self.engine.tokenize(id), *self.prompt(200)][:1900]

    def submit(self, id: str, prompt: Sequence[int] | None = None, **sampling: Any) -> None:
        submit(self.engine, id, prompt or self.prompt(), **sampling)

    def ask(self, prompt: Sequence[int] | None = None, **sampling: Any) -> tuple[list[int], Finished]:
        """Generate at most 60 tokens; return them and the reason of the end."""
        self._asked += 1
        id = f"asked {self._asked}"
        self.submit(id, prompt, **{"max_tokens": 60, **sampling})
        finished = self.recorder.finished(id)
        return self.recorder.tokens(id), finished

    def answer(self, id: str, **sampling: Any) -> str:
        self.submit(id, max_tokens=60, **self.never_ending, **sampling)
        assert self.recorder.finished(id).reason is FinishReason.LENGTH
        return self.recorder.text(id)

    def cancel(self, id: str) -> Finished:
        self.engine.cancel(id, time.monotonic())
        return self.recorder.finished(id)
