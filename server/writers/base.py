"""The Writer port: whatever writes answers, from a request's messages to the updates of its log."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from protocol.messages import Generate
from server.chat.wellknown import Origin
from server.engine.base import EngineStats, Finished, GenerationRequest, Listener, ModelFacts


class Prepared(NamedTuple):
    """A request that a writer accepts, and how many messages of the dialogue it leaves out."""

    request: GenerationRequest
    dropped: int


class PromptSize(NamedTuple):
    """Length of a prompt in tokens, which is above ``context`` where it doesn't fit.

    ``room``: tokens that a prompt may have, so that there is room for an answer. ``dropped``: messages left out.
    """

    tokens: int
    context: int
    room: int
    dropped: int = 0


class Writer(Protocol):
    """Writes answers. Every method may be called from any thread.

    Updates are those of the engine: for each request any number of Queued, Prefill and Piece, and one Finished at last.
    """

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def template(self) -> Origin:
        """Where the chat template comes from, as `welcome.model.template` says it."""
        ...

    @property
    def slots(self) -> int:
        """How many generations are written at the same time; further ones queue."""
        ...

    @property
    def identity(self) -> str:
        """The model, for the journal: a request goes on after a restart only with the same one."""
        ...

    def start(self, listener: Listener) -> None:
        """Begin to write. ``listener`` receives every update, on the writer's thread."""
        ...

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        """Return the request of ``body``, which has its whole dialogue as messages.

        ``key`` names the generation in every update, ``written`` is the text of the answer to continue, ``received`` a
        ``time.monotonic()``. May take seconds: call it on a thread of its own. Raises EngineDeadError, and
        RemoteProtocolError for a prompt that is too long or empty and a parameter that the model can't follow.
        """
        ...

    def measure(self, body: Generate, written: str) -> PromptSize:
        """Return the size of the prompt that ``prepare`` would make, on the same terms."""
        ...

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        """Return the request with which a generation of an earlier server goes on, or its end where it can't.

        ``identity`` is that of the writer that began it.
        """
        ...

    def submit(self, request: GenerationRequest) -> None:
        """Queue a prepared request. Raises EngineDeadError."""
        ...

    def cancel(self, key: str, received: float) -> None:
        """End a generation in whatever phase it is. An unknown or ended key is ignored."""
        ...

    def eta_ms(self) -> int | None:
        """Estimate when a request that is submitted now would start, in milliseconds; None without experience."""
        ...

    def stats(self) -> EngineStats: ...

    def close(self) -> None:
        """End every generation as INTERRUPTED and release the model. Returns when that is done."""
        ...
