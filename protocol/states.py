"""The states of a connection and of a generation, as tables (PROTOCOL 3 and 6).

The tables are data: tests walk them, and the diagrams in the documentation are generated from them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

from protocol.errors import LocalProtocolError
from protocol.messages import GenerationState

__all__ = [
    "CONNECTION",
    "GENERATION",
    "ConnectionEvent",
    "ConnectionState",
    "GenerationEvent",
    "GenerationState",
    "advance",
]

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class ConnectionState(StrEnum):
    """State of one socket, seen from either end (PROTOCOL 3)."""

    CONNECTING = "connecting"  # the socket is open, `welcome` has not passed yet
    OPEN = "open"  # every message is allowed
    CLOSING = "closing"  # a close was announced or decided, nothing more is sent
    CLOSED = "closed"  # the socket is closed


class ConnectionEvent(StrEnum):
    WELCOME = "welcome"  # `welcome` was sent (server) or received (client)
    GOODBYE = "goodbye"  # `goodbye` was sent (server) or received (client)
    VIOLATION = "violation"  # the peer broke a rule that costs it the connection
    DISCONNECT = "disconnect"  # the socket closed, by either side


class GenerationEvent(StrEnum):
    LOAD = "load"  # the model has to be loaded first
    WAIT = "wait"  # the model is loaded, and the generation waits for others
    READ = "read"  # the prompt is being read
    WRITE = "write"  # the first piece of the answer was computed
    END = "end"  # `done` was written to the log


CONNECTION: Final[Mapping[tuple[ConnectionState, ConnectionEvent], ConnectionState]] = {
    (ConnectionState.CONNECTING, ConnectionEvent.WELCOME): ConnectionState.OPEN,
    (ConnectionState.CONNECTING, ConnectionEvent.VIOLATION): ConnectionState.CLOSING,
    (ConnectionState.CONNECTING, ConnectionEvent.DISCONNECT): ConnectionState.CLOSED,
    (ConnectionState.OPEN, ConnectionEvent.GOODBYE): ConnectionState.CLOSING,
    (ConnectionState.OPEN, ConnectionEvent.VIOLATION): ConnectionState.CLOSING,
    (ConnectionState.OPEN, ConnectionEvent.DISCONNECT): ConnectionState.CLOSED,
    (ConnectionState.CLOSING, ConnectionEvent.VIOLATION): ConnectionState.CLOSING,
    (ConnectionState.CLOSING, ConnectionEvent.DISCONNECT): ConnectionState.CLOSED,
    (ConnectionState.CLOSED, ConnectionEvent.DISCONNECT): ConnectionState.CLOSED,
}

GENERATION: Final[Mapping[tuple[GenerationState, GenerationEvent], GenerationState]] = {
    (GenerationState.QUEUED, GenerationEvent.LOAD): GenerationState.LOADING,
    (GenerationState.QUEUED, GenerationEvent.READ): GenerationState.PREFILL,
    (GenerationState.QUEUED, GenerationEvent.END): GenerationState.DONE,
    (GenerationState.LOADING, GenerationEvent.WAIT): GenerationState.QUEUED,
    (GenerationState.LOADING, GenerationEvent.READ): GenerationState.PREFILL,
    (GenerationState.LOADING, GenerationEvent.END): GenerationState.DONE,
    (GenerationState.PREFILL, GenerationEvent.WRITE): GenerationState.DECODE,
    (GenerationState.PREFILL, GenerationEvent.END): GenerationState.DONE,
    (GenerationState.DECODE, GenerationEvent.END): GenerationState.DONE,
}


def advance(table: Mapping[tuple[S, E], S], state: S, event: E) -> S:
    """Return the state that follows ``event`` in ``state``.

    Raises LocalProtocolError when the table has no such transition. Callers must turn a peer's mistakes into
    RemoteProtocolError before.
    """
    following = table.get((state, event))
    if following is None:
        raise LocalProtocolError(f"{event} is not possible in state {state}")
    return following
