"""Events that one connection has sent of each generation, and the rules for the next ones (PROTOCOL 6.1 to 6.4)."""

from dataclasses import dataclass

from protocol.errors import LocalProtocolError
from protocol.messages import Accepted, Attached, Done, GenerationState, Snapshot, Steered, Token, Tuned

Event = Accepted | Attached | Snapshot | Token | Steered | Tuned | Done


@dataclass
class _Sent:
    """State of one log. ``last``: the highest number sent; ``hollow``: the text is missing until a snapshot is sent."""

    last: int
    hollow: bool = False


class Watched:
    """The generations that a connection watches and that are not done, oldest first.

    A finished one is forgotten, so an event after its `done` is rejected like one of an id that was never accepted, and
    a long connection does not grow.
    """

    def __init__(self) -> None:
        self._sent: dict[str, _Sent] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._sent)

    def forget(self, id: str) -> None:
        self._sent.pop(id, None)

    def require(self, id: str) -> _Sent:
        sent = self._sent.get(id)
        if sent is None:  # PROTOCOL 6.1 and 6.4
            raise LocalProtocolError(f"{id}: no event before accepted or attached, and none after done")
        return sent

    def record(self, event: Event) -> None:
        """Record that ``event`` is sent. Raises LocalProtocolError, without a change, when it may not be sent now."""
        match event:
            case Accepted():
                self._accept(event.id)
            case Attached():
                self._attach(event)
            case Snapshot():
                self._snapshot(event)
            case Token():
                self._token(event)
            case Steered() | Tuned():
                self._check_next(event.id, event.seq - 1).last = event.seq
            case _:
                self._finish(event)

    def _accept(self, id: str) -> None:
        if id in self._sent:
            raise LocalProtocolError(f"{id}: accepted or attached before, and not done")
        self._sent[id] = _Sent(0)

    def _attach(self, attached: Attached) -> None:
        if not attached.recovered and attached.from_ != 0:  # PROTOCOL 5.6
            raise LocalProtocolError(f"{attached.id}: attached with recovered false is from 0")
        self.forget(attached.id)  # it becomes the newest
        self._sent[attached.id] = _Sent(attached.from_, hollow=not attached.recovered)

    def _snapshot(self, snapshot: Snapshot) -> None:
        sent = self.require(snapshot.id)
        if snapshot.seq < sent.last:
            raise LocalProtocolError(f"{snapshot.id}: a snapshot up to {snapshot.seq} goes back behind {sent.last}")
        sent.last, sent.hollow = snapshot.seq, False

    def _token(self, token: Token) -> None:
        if token.n < 1 or not token.text:  # PROTOCOL 5.4
            raise LocalProtocolError(f"{token.id}: a token event holds at least one piece and one character")
        self._check_next(token.id, token.seq - token.n).last = token.seq

    def _finish(self, done: Done) -> None:
        if done.phase is GenerationState.DONE:  # PROTOCOL 5.7
            raise LocalProtocolError(f"{done.id}: done.phase is the phase in which it ended")
        self._check_next(done.id, done.seq - 1)
        self.forget(done.id)

    def _check_next(self, id: str, before: int) -> _Sent:
        sent = self.require(id)
        if sent.hollow:  # PROTOCOL 5.6
            raise LocalProtocolError(f"{id}: a snapshot must follow attached with recovered false")
        if before != sent.last:  # PROTOCOL 6.2
            raise LocalProtocolError(f"{id}: what follows {sent.last} comes next, not what follows {before}")
        return sent
