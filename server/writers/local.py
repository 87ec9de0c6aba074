"""The writer over the engine of this process: chat template, tokens and sampling around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate, Params, Tune
from server.chat.template import ChatTemplate
from server.chat.wellknown import Origin, TemplateChoice
from server.engine.base import (
    RANDOM_SEED,
    Draft,
    Engine,
    EngineModelFacts,
    EngineStats,
    Finished,
    FinishReason,
    GenerationRequest,
    Instruction,
    Listener,
    Lookup,
    Tuning,
)
from server.writers.draft_prompt import draft_tokens
from server.writers.endings import ended
from server.writers.local_fork import make_fork
from server.writers.local_instruction import make_instruction
from server.writers.local_prompt import make_prompt, measure_prompt
from server.writers.local_sampling import resolve_sampling
from server.writers.local_tools import begun_call_grammar, call_grammar
from server.writers.local_tuning import make_tuning
from server.writers.model_choice import named_model
from server.writers.writer_port import Forked, Prepared, PromptSize, ServedModel


def local_writer(engine: Engine, choice: TemplateChoice | None = None, name: str | None = None) -> LocalWriter:
    """Return a writer with the template of the engine's model, or the one that was chosen.

    ``name`` None: the name in the model's file. Raises ChatTemplateError if the template can't be read.
    """
    facts = engine.facts
    template = ChatTemplate(facts.chat_template, facts.special_tokens, choice=choice)
    return LocalWriter(engine, template, name)


class LocalWriter:
    """Owns engine and template, and closes both. ``name``: of the model, for clients; None: the one in its file."""

    def __init__(self, engine: Engine, template: ChatTemplate, name: str | None = None) -> None:
        self.engine = engine
        self.chat_template = template
        self.name = name or engine.facts.name

    @property
    def facts(self) -> EngineModelFacts:
        return self.engine.facts

    @property
    def models(self) -> tuple[ServedModel, ...]:
        facts = self.engine.facts
        return (
            ServedModel(
                self.name,
                facts.context,
                facts.size,
                self.engine.slots,
                title=facts.name,
                architecture=facts.architecture,
                parameters=facts.parameters,
                trained_context=facts.trained_context,
                vocabulary=facts.vocabulary,
                template=self.template,
                sampling=facts.sampling,
                efforts=self.chat_template.efforts,
            ),
        )

    @property
    def template(self) -> Origin:
        return self.chat_template.origin

    @property
    def slots(self) -> int:
        return self.engine.slots

    def identity(self, model: str) -> str:
        facts = self.engine.facts
        return f"{facts.name} ({facts.architecture}, {facts.parameters} parameters, vocabulary of {facts.vocabulary})"

    def start(self, listener: Listener, models_changed: Callable[[], None] = lambda: None) -> None:
        self.engine.start(listener)

    def refresh(self) -> None:
        """Do nothing: there is only the one model."""

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        named_model(body, self.models)
        prompt = make_prompt(body, self.engine, self.chat_template, written)
        grammar = call_grammar(body, self.engine, self.chat_template)
        sampling = resolve_sampling(body, self.engine, self.chat_template.stop, grammar)
        if sampling.grammar is None:
            # The stop strings stay: most of the answer is text.
            begun = begun_call_grammar(body, self.engine, self.chat_template)
            sampling = replace(sampling, grammar=begun)
        request = GenerationRequest(
            id=key,
            prompt=prompt.tokens,
            sampling=sampling,
            received=received,
            opened=prompt.opened,
            principal=principal,
            model=self.name,
            temporary=body.temporary,
            repeatable=body.params.seed not in (None, RANDOM_SEED),
        )
        return Prepared(request, prompt.dropped)

    def tokenize(self, model: str, text: str, *, plain: bool = False) -> list[int]:
        return self.engine.tokenize(text, ((0, len(text)),) if plain else ())

    def pieces(self, model: str, tokens: Sequence[int]) -> list[bytes]:
        vocabulary = self.facts.vocabulary
        unknown = next((token for token in tokens if not 0 <= token < vocabulary), None)
        if unknown is not None:
            raise IndexError(f"there is no token {unknown}; this model's tokens are 0 to {vocabulary - 1}")
        return self.engine.pieces(tokens)

    def measure(self, body: Generate, written: str) -> PromptSize:
        named_model(body, self.models)
        return measure_prompt(body, self.engine, self.chat_template, written)

    @property
    def reads_ahead(self) -> bool:
        return True

    def prepare_draft(self, key: str, body: Generate, *, principal: str) -> Draft:
        named_model(body, self.models)
        tokens = draft_tokens(body, self.engine, self.chat_template)
        return Draft(key=key, principal=principal, tokens=tokens, model=self.name)

    def read_ahead(self, draft: Draft) -> None:
        self.engine.read_ahead(draft)

    def forget_draft(self, key: str) -> None:
        self.engine.forget_draft(key)

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        tokens, context = len(request.prompt) + len(request.written), self.engine.facts.context
        if identity != (own := self.identity(self.name)):
            text = f"it was started with {identity}, and the server now runs {own}; ask again"
            return ended(request, FinishReason.FAILED, text)
        if tokens > context:
            text = f"it has {tokens} tokens already, and the context now holds {context}; ask again"
            return ended(request, FinishReason.FAILED, text)
        return replace(request, received=received, model=self.name)

    def submit(self, request: GenerationRequest) -> None:
        self.engine.submit(request)

    def instruction(self, model: str, body: Generate, content: str) -> Instruction:
        return make_instruction(body, content, self.engine, self.chat_template)

    def steer(self, key: str, model: str, instruction: Instruction) -> None:
        self.engine.steer(key, instruction)

    def tuning(self, model: str, body: Generate, message: Tune) -> Tuning:
        return make_tuning(body, message, self.engine, self.chat_template)

    def tune(self, key: str, model: str, tuning: Tuning) -> None:
        self.engine.tune(key, tuning)

    def fork(self, body: Generate, form: Generate, taken: GenerationRequest, tuned: Params) -> Forked:
        return make_fork(body, form, taken, tuned, self.engine, self.chat_template)

    def look_up(self, model: str, lookup: Lookup) -> None:
        tokens, context = len(lookup.prompt) + len(lookup.written), self.engine.facts.context
        if tokens > context:
            text = f"seq: up to there the answer has {tokens} tokens with its prompt, and the context holds {context}"
            raise RemoteProtocolError(ErrorCode.CONTEXT_OVERFLOW, f"{text}; ask about an earlier place", field="seq")
        self.engine.look_up(lookup)

    def cancel(self, key: str, received: float) -> None:
        self.engine.cancel(key, received)

    def eta_ms(self) -> int | None:
        return self.engine.eta_ms()

    def stats(self) -> EngineStats:
        return self.engine.stats()

    def close(self) -> None:
        self.engine.close()
        self.chat_template.close()
