"""The writer over the engine of this process: chat template, tokens and sampling around it."""

from __future__ import annotations

from dataclasses import replace

from protocol.messages import Generate
from server.chat.template import ChatTemplate
from server.chat.wellknown import Origin, TemplateChoice
from server.engine.base import (
    Engine,
    EngineModelFacts,
    EngineStats,
    Finished,
    FinishReason,
    GenerationRequest,
    Listener,
)
from server.writers.endings import ended
from server.writers.local_prompt import make_prompt, measure_prompt
from server.writers.local_sampling import resolve_sampling
from server.writers.writer_port import Prepared, PromptSize


def local_writer(engine: Engine, choice: TemplateChoice | None = None) -> LocalWriter:
    """Return a writer with the template of the engine's model, or the one that was chosen.

    Raises ChatTemplateError if the template can't be read.
    """
    facts = engine.facts
    return LocalWriter(engine, ChatTemplate(facts.chat_template, facts.special_tokens, choice=choice))


class LocalWriter:
    """Owns engine and template, and closes both."""

    def __init__(self, engine: Engine, template: ChatTemplate) -> None:
        self.engine = engine
        self.chat_template = template

    @property
    def facts(self) -> EngineModelFacts:
        return self.engine.facts

    @property
    def template(self) -> Origin:
        return self.chat_template.origin

    @property
    def slots(self) -> int:
        return self.engine.slots

    @property
    def identity(self) -> str:
        facts = self.engine.facts
        return f"{facts.name} ({facts.architecture}, {facts.parameters} parameters, vocabulary of {facts.vocabulary})"

    def start(self, listener: Listener) -> None:
        self.engine.start(listener)

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        prompt = make_prompt(body, self.engine, self.chat_template, written)
        request = GenerationRequest(
            id=key,
            prompt=prompt.tokens,
            sampling=resolve_sampling(body, self.engine, self.chat_template.stop),
            received=received,
            opened=prompt.opened,
            principal=principal,
        )
        return Prepared(request, prompt.dropped)

    def measure(self, body: Generate, written: str) -> PromptSize:
        return measure_prompt(body, self.engine, self.chat_template, written)

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        tokens, context = len(request.prompt) + len(request.written), self.engine.facts.context
        if identity != self.identity:
            text = f"it was started with {identity}, and the server now runs {self.identity}; ask again"
            return ended(request, FinishReason.FAILED, text)
        if tokens > context:
            text = f"it has {tokens} tokens already, and the context now holds {context}; ask again"
            return ended(request, FinishReason.FAILED, text)
        return replace(request, received=received)

    def submit(self, request: GenerationRequest) -> None:
        self.engine.submit(request)

    def cancel(self, key: str, received: float) -> None:
        self.engine.cancel(key, received)

    def eta_ms(self) -> int | None:
        return self.engine.eta_ms()

    def stats(self) -> EngineStats:
        return self.engine.stats()

    def close(self) -> None:
        self.engine.close()
        self.chat_template.close()
