"""The Writer port: turns the messages of a request into the updates of its log."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from protocol.messages import Generate
from server.chat.wellknown import Origin
from server.engine.base import EngineModelFacts, EngineStats, Finished, GenerationRequest, Listener


class Prepared(NamedTuple):
    """A request that a writer accepts. ``dropped``: number of messages of the dialogue that it leaves out."""

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

    Updates are those of the engine: for each request any number of Queued, Prefill and Piece, and finally one Finished.
    """

    @property
    def facts(self) -> EngineModelFacts: ...

    @property
    def template(self) -> Origin:
        """Origin of the chat template, as in `welcome.model.template`."""
        ...

    @property
    def slots(self) -> int:
        """Number of generations written at the same time; others queue."""
        ...

    @property
    def identity(self) -> str:
        """Text that identifies the model in the journal: a restarted server resumes requests only with the same one."""
        ...

    def start(self, listener: Listener) -> None:
        """Start writing. ``listener`` receives every update, on the writer's thread."""
        ...

    def prepare(self, key: str, body: Generate, *, written: str, received: float, principal: str) -> Prepared:
        """Return the request of ``body``, which has its whole dialogue as messages.

        ``key`` names the generation in every update, ``written`` is the text of the answer to continue, ``received`` a
        ``time.monotonic()``. May take seconds: run it on a worker thread. Raises EngineDeadError, and
        RemoteProtocolError for a prompt that is too long or empty and a parameter that the model can't follow.
        """
        ...

    def measure(self, body: Generate, written: str) -> PromptSize:
        """Return the size of the prompt that ``prepare`` would make, on the same terms."""
        ...

    def resumed(self, request: GenerationRequest, identity: str, received: float) -> GenerationRequest | Finished:
        """Return the request that resumes a generation of an earlier server, or its end when it can't be resumed.

        ``identity`` is that of the writer that began it.
        """
        ...

    def submit(self, request: GenerationRequest) -> None:
        """Queue a prepared request. Raises EngineDeadError."""
        ...

    def cancel(self, key: str, received: float) -> None:
        """End a generation in any phase. An unknown or ended key is ignored."""
        ...

    def eta_ms(self) -> int | None:
        """Estimate when a request submitted now would start, in milliseconds; None before any generation has ended."""
        ...

    def stats(self) -> EngineStats: ...

    def close(self) -> None:
        """End every generation as INTERRUPTED and release the model. Returns when that is done."""
        ...
