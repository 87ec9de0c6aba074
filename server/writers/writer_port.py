"""The Writer port: turns the messages of a request into the updates of its log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

from protocol.messages import Generate, ModelState, Params, Tune
from server.chat.wellknown import Origin
from server.engine.base import (
    Draft,
    EngineStats,
    Finished,
    GenerationRequest,
    Instruction,
    Listener,
    Lookup,
    SamplingParams,
    Tuning,
)


class Prepared(NamedTuple):
    """A request that a writer accepts. ``dropped``: number of messages of the dialogue that it leaves out."""

    request: GenerationRequest
    dropped: int


class Forked(NamedTuple):
    """A fork that a writer accepts. ``form``: the `generate` whose form the answer has, without its prompt. ``text``:
    piece of the answer, of the ``tokens`` after what was taken over; None: the client gave none."""

    request: GenerationRequest
    form: Generate
    text: str | None
    tokens: tuple[int, ...]


class PromptSize(NamedTuple):
    """Length of a prompt in tokens, which is above ``context`` where it doesn't fit.

    ``room``: tokens that a prompt may have, so that there is room for an answer. ``dropped``: messages left out.
    """

    tokens: int
    context: int
    room: int
    dropped: int = 0


TemplateOrigin = Origin | Literal["upstream"]
"""Origin of a chat template: as in ``server.chat``, or the upstream's own."""


class Facts(Protocol):
    """Facts about a model; None: not known, as behind some upstreams. ``context`` is in tokens."""

    @property
    def name(self) -> str: ...
    @property
    def architecture(self) -> str | None: ...
    @property
    def parameters(self) -> int | None: ...
    @property
    def context(self) -> int | None: ...
    @property
    def sampling(self) -> SamplingParams | None: ...


class ServedModel(NamedTuple):
    """A model that a request may name. ``context``: tokens; ``size``: bytes of its weights. None when unknown.

    ``slots``: number of its generations written at the same time. ``needs``: memory while it is loaded, ``done`` and
    ``total``: progress of loading; all in bytes. ``error``: reason of the state FAILED. ``full_name``: the name in the
    list of this machine's models, ``title``: the one in its file. ``trained_context``: tokens that it was trained for;
    ``vocabulary``: number of its tokens. ``confirms_stop``: the end of a cancelled request comes when its computation
    has stopped. ``features``: optional parts of the protocol that it
    follows, as in `welcome.features`. ``efforts``: values of ``reasoning_effort`` that change its prompt. The others
    are None where they are unknown.
    """

    name: str
    context: int | None
    size: int | None
    slots: int
    state: ModelState = ModelState.LOADED
    needs: int | None = None
    done: int | None = None
    total: int | None = None
    error: str | None = None
    full_name: str | None = None
    title: str | None = None
    architecture: str | None = None
    parameters: int | None = None
    trained_context: int | None = None
    vocabulary: int | None = None
    template: TemplateOrigin | None = None
    sampling: SamplingParams | None = None
    confirms_stop: bool = True
    features: tuple[str, ...] = ("tools", "reasoning", "steer", "tune", "alternatives", "fork")
    efforts: tuple[str, ...] | None = None


def names_of(models: Iterable[ServedModel]) -> Iterator[str]:
    """Yield all names of each model, with the shortest one first."""
    for model in models:
        yield from filter(None, (model.name, model.full_name, model.title))


class Writer(Protocol):
    """Writes answers. Every method may be called from any thread.

    Updates are those of the engine: for each request any number of Queued, Prefill, Piece, Steered, SteerRefused and
    Tuned, and finally one Finished. A model behind an upstream also has Delayed.
    Where the model has to be loaded first, Loading comes before these, and PromptMade if the request had no prompt.
    """

    @property
    def facts(self) -> Facts:
        """Facts about the default model."""
        ...

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """All models, the default one first. Their names are unique."""
        ...

    @property
    def template(self) -> TemplateOrigin:
        """Origin of the default model's chat template, as in `welcome.model.template`."""
        ...

    @property
    def slots(self) -> int:
        """Number of generations written at the same time, of all models together; others queue."""
        ...

    def identity(self, model: str) -> str:
        """Return a text that identifies the model of this name in the journal: a restarted server resumes requests only
        with the same one."""
        ...

    def start(self, listener: Listener, models_changed: Callable[[], None] = lambda: None) -> None:
        """Start writing. ``listener`` receives every update and ``models_changed`` is called when ``models`` has
        changed, both on the writer's threads."""
        ...

    def refresh(self) -> None:
        """Read the list of models again, for example after a download. May take a second: run it on a worker thread."""
        ...

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        """Return the request of ``body``, which has its whole dialogue as messages.

        ``key`` names the generation in every update, ``written`` is the text of the answer to continue, ``received`` a
        ``time.monotonic()``. May take seconds: run it on a worker thread. Raises EngineDeadError, and
        RemoteProtocolError for an unknown model, one that doesn't fit into the memory, a prompt that is too long or
        empty and a parameter that the model can't follow. The request names its model. If that isn't loaded, the
        request is unprepared, and the errors about prompt and parameters end its generation instead.
        """
        ...

    def tokenize(self, model: str, text: str, *, plain: bool = False) -> list[int]:
        """Return the tokens that a rendered prompt has in the model of this name. ``plain``: no control token is
        recognised in the text. Run it on a worker thread.

        Raises EngineDeadError, and RemoteProtocolError for a model that isn't loaded or whose tokens aren't known.
        """
        ...

    def pieces(self, model: str, tokens: Sequence[int]) -> list[bytes]:
        """Return the bytes of each token, as a prompt spells it. Raises EngineDeadError, and IndexError for a token
        that the model of this name doesn't have. Otherwise like ``tokenize``."""
        ...

    def measure(self, body: Generate, written: str) -> PromptSize:
        """Return the size of the prompt that ``prepare`` would make, on the same terms. Raises RemoteProtocolError for
        a model that isn't loaded or whose tokens aren't known."""
        ...

    @property
    def reads_ahead(self) -> bool:
        """True if it reads drafts ahead."""
        ...

    def prepare_draft(self, key: str, body: Generate, *, principal: str) -> Draft | None:
        """Return the draft of a message that ``principal`` may send soon: the last one of the dialogue in ``body``.
        None if its model isn't loaded. Run it on a worker thread; otherwise like ``prepare``."""
        ...

    def read_ahead(self, draft: Draft) -> None:
        """Read a prepared draft while its model has nothing else to compute."""
        ...

    def forget_draft(self, key: str) -> None:
        """Forget a draft, after the requests that were submitted before have begun. An unknown key is ignored."""
        ...

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        """Return the request that resumes a generation of an earlier server, or its end when it can't be resumed.

        ``identity`` is that of the model that began it.
        """
        ...

    def submit(self, request: GenerationRequest) -> None:
        """Queue a prepared request. Raises EngineDeadError."""
        ...

    def instruction(self, model: str, body: Generate, content: str) -> Instruction:
        """Return an instruction for the answer to ``body``, which the model of this name writes.

        Run it on a worker thread. Raises EngineDeadError, and RemoteProtocolError where such an answer can't be
        steered, or its model isn't loaded.
        """
        ...

    def steer(self, key: str, model: str, instruction: Instruction) -> None:
        """Let an answer of this model continue after ``instruction``; see ``Engine.steer``. Raises EngineDeadError,
        and RemoteProtocolError if the model isn't loaded."""
        ...

    def tuning(self, model: str, body: Generate, message: Tune) -> Tuning:
        """Return new parameters for the answer to ``body``, which the model of this name writes.

        Run it on a worker thread. Raises EngineDeadError, and RemoteProtocolError for a parameter that the model can't
        follow, where an answer can't be tuned, and if the model isn't loaded.
        """
        ...

    def tune(self, key: str, model: str, tuning: Tuning) -> None:
        """Let an answer of this model continue with other parameters; see ``Engine.tune``. Raises EngineDeadError, and
        RemoteProtocolError if the model isn't loaded."""
        ...

    def fork(self, body: Generate, form: Generate, taken: GenerationRequest, tuned: Params) -> Forked:
        """Return the request of ``body``, which continues from a place of another answer.

        ``taken``: the other answer up to there, for the fork's id; ``form``: the `generate` that it has its form from;
        ``tuned``: the parameters that were tuned, or changed by other forks, up to there. Run it on a worker thread.
        Raises EngineDeadError, and RemoteProtocolError where such an answer can't be forked, or its model isn't loaded.
        """
        ...

    def look_up(self, model: str, lookup: Lookup) -> None:
        """Find the likeliest tokens at a place of an answer of this model; see ``Engine.look_up``. Raises
        EngineDeadError, and RemoteProtocolError if the model isn't loaded, its tokens aren't known, or the text doesn't
        fit into its context."""
        ...

    def cancel(self, key: str, received: float) -> None:
        """End a generation in any phase. An unknown or ended key is ignored."""
        ...

    def eta_ms(self) -> int | None:
        """Estimate when a request submitted now would start, in milliseconds; None before any generation has ended."""
        ...

    def stats(self) -> EngineStats: ...

    def close(self) -> None:
        """End every generation as INTERRUPTED and release the models. Returns when that is done."""
        ...
