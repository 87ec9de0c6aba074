"""One connection without I/O: pass in frames, get messages and frames out (PROTOCOL 3 to 7).

A session reads no clock and no socket. Breaking a rule raises LocalProtocolError on the sending side and
RemoteProtocolError on the receiving side. Not thread-safe: one owner, the connection's task.
"""

from collections import Counter
from enum import StrEnum
from typing import ClassVar, Final

from protocol import codec
from protocol.admission import HELLO_FRAME_BYTES, Admission
from protocol.cursor import Cursor
from protocol.errors import CloseCode, ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    AttachPoint,
    Cancel,
    ClientMessage,
    Conversation,
    Detach,
    Done,
    Error,
    Goodbye,
    Hello,
    Model,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
    Steered,
    Token,
    Tuned,
    Watch,
    Welcome,
)
from protocol.states import CONNECTION, ConnectionEvent, ConnectionState, advance
from protocol.watched import Watched

BAD_FRAMES_ALLOWED: Final = 2  # PROTOCOL 2.4: the third unparseable frame in a row closes


class Side(StrEnum):
    """The two ends of a connection."""

    SERVER = "server"
    CLIENT = "client"


class Session:
    """Common part of both ends: the connection's state. ``close_code`` is set once this side must close the socket."""

    side: ClassVar[Side]

    def __init__(self) -> None:
        self.state = ConnectionState.CONNECTING
        self.close_code: CloseCode | None = None

    def disconnect(self) -> None:
        """Record that the socket is closed. Generations continue: a closed socket is not a cancel (PROTOCOL 6.5)."""
        self._step(ConnectionEvent.DISCONNECT)

    @property
    def _alive(self) -> bool:
        return self.state in (ConnectionState.CONNECTING, ConnectionState.OPEN)

    def _step(self, event: ConnectionEvent) -> None:
        self.state = advance(CONNECTION, self.state, event)

    def _violate(self, code: CloseCode) -> None:
        self.close_code = code
        self._step(ConnectionEvent.VIOLATION)


class ServerSession(Session):
    """The server's end. The transport owns it and calls it from one task.

    ``receive`` reports the client's errors, ``send`` raises for our own: every outgoing frame passes through it.

    With ``auth`` a client must send `hello` first (PROTOCOL 3.6), within 10 s of ``opened``. The caller checks its
    token and calls ``admit`` or ``refuse``; messages after that `hello` are held back until then.
    """

    side = Side.SERVER

    def __init__(self, frame_bytes: int = codec.MAX_FRAME_BYTES, *, auth: bool = False, opened: float = 0.0) -> None:
        super().__init__()
        self._admission = Admission(needed=auth, opened=opened)
        self._frame_bytes = frame_bytes
        self._watched = Watched()
        self._asked: dict[str | None, int] = {}  # `status` requests that are not answered yet
        self._bad_frames = 0
        self._conversations = False  # the client has sent `watch`

    # --- from the client ---

    def receive(self, frame: str | bytes) -> list[ClientMessage | RemoteProtocolError]:
        """Return the messages of ``frame`` in order, with the error to send in place of each bad one. Never raises.

        Check ``close_code`` afterwards: send the errors first, then close with it.
        """
        if not self._alive:
            return []
        results = self._decode(frame)
        self._count_bad_frames(results)
        return self._record_received(self._admission.filter_admitted(results))

    def _decode(self, frame: str | bytes) -> list[ClientMessage | RemoteProtocolError]:
        if isinstance(frame, bytes):
            return [RemoteProtocolError(ErrorCode.BAD_FRAME, "binary frames are not used here; send JSON as text")]
        limit = self._frame_bytes if self._admission.open else min(self._frame_bytes, HELLO_FRAME_BYTES)
        if codec.is_too_long(frame, limit):
            self._violate(CloseCode.TOO_BIG)
            text = f"the frame is longer than {limit} bytes of UTF-8; send less at a time"
            return [RemoteProtocolError(ErrorCode.BAD_FRAME, text)]
        return self._parse(frame)

    def _parse(self, frame: str) -> list[ClientMessage | RemoteProtocolError]:
        return codec.decode_client(frame)

    def _count_bad_frames(self, results: list[ClientMessage | RemoteProtocolError]) -> None:
        """Count unparseable frames in a row (PROTOCOL 2.4). A blank frame neither counts nor resets the count."""
        if not results:
            return
        if any(not isinstance(r, RemoteProtocolError) or r.code not in codec.UNPARSEABLE for r in results):
            self._bad_frames = 0
            return
        self._bad_frames += 1
        if self._bad_frames > BAD_FRAMES_ALLOWED and self.close_code is None:
            self._violate(CloseCode.BAD_FRAMES)

    def _record_received(
        self, results: list[ClientMessage | RemoteProtocolError]
    ) -> list[ClientMessage | RemoteProtocolError]:
        for result in results:
            if isinstance(result, StatusRequest):
                self._asked[result.id] = self._asked.get(result.id, 0) + 1
            self._conversations = self._conversations or isinstance(result, Watch)
        return results

    # --- admission (PROTOCOL 3.6) ---

    @property
    def deadline(self) -> float | None:
        """Time by which a `hello` must arrive, on the caller's clock; None when none is awaited."""
        return self._admission.deadline

    def due(self, now: float) -> None:
        """Set ``close_code`` when the time for `hello` is over. ``now`` is on the clock of ``opened``, in seconds."""
        if self._alive and self.deadline is not None and now >= self.deadline:
            self._violate(CloseCode.NO_HELLO)

    def admit(self) -> list[ClientMessage | RemoteProtocolError]:
        """Accept the token of `hello`. Returns the messages after it. Raises LocalProtocolError when no `hello` is
        pending."""
        return self._record_received(self._admission.admit())

    def refuse(self) -> None:
        """Reject the token of `hello`: set ``close_code``. Raises LocalProtocolError when no `hello` is pending."""
        self._admission.refuse()
        if self._alive:
            self._violate(CloseCode.BAD_TOKEN)

    # --- watched generations ---

    @property
    def watched(self) -> tuple[str, ...]:
        """Ids accepted or attached on this connection and not done, oldest first."""
        return self._watched.ids

    @property
    def newest_active(self) -> str | None:
        """Id that a `cancel` without `id` means (PROTOCOL 4.3); None when nothing is watched."""
        return next(reversed(self.watched), None)

    def resolve_cancel(self, cancel: Cancel) -> tuple[str, ...]:
        """Return the ids that ``cancel`` means. Raises RemoteProtocolError (nothing_to_cancel) when there are none.

        An explicit id is returned unchecked: only the registry knows whether it exists. Call this when the cancel is
        carried out, after the `accepted` of every earlier `generate`.
        """
        if cancel.id is not None:
            return (cancel.id,)
        if not self.watched:
            text = "nothing to cancel: no generation of this connection is running; name one with `id`"
            raise RemoteProtocolError(ErrorCode.NOTHING_TO_CANCEL, text, re="cancel")
        return self.watched if cancel.all else self.watched[-1:]

    def forget(self, id: str) -> None:
        """Stop watching ``id``: no more of its events are sent unless it is attached again (PROTOCOL 4.5)."""
        self._watched.forget(id)

    # --- to the client ---

    def send(self, message: ServerMessage) -> str:
        """Return the frame of ``message``. Raises LocalProtocolError when the server may not send it now."""
        frame = codec.encode(message)
        self.record(message)
        return frame

    def record(self, message: ServerMessage) -> None:
        """Note that ``message`` is sent next. Raises LocalProtocolError when the server may not send it now."""
        self._check_order(message)

    def pending(self) -> list[ClientMessage | RemoteProtocolError]:
        """Return messages that were received earlier and can be carried out only now: none, but in plain mode."""
        return []

    def _check_order(self, message: ServerMessage) -> None:
        if isinstance(message, Welcome):
            self._step(ConnectionEvent.WELCOME)  # PROTOCOL 3.1: first and once
        elif isinstance(message, Goodbye):
            self._step(ConnectionEvent.GOODBYE)  # PROTOCOL 3.3: nothing after it
        elif self.state is ConnectionState.CLOSING and isinstance(message, Error) and self.close_code is not None:
            return  # the reason for a close that this side decided
        elif self.state is not ConnectionState.OPEN:
            raise LocalProtocolError(f"nothing may be sent in state {self.state}, not {type(message).__name__}")
        else:
            self._check_event(message)

    def _check_event(self, message: ServerMessage) -> None:
        match message:
            case Accepted() | Attached() | Snapshot() | Token() | Steered() | Tuned() | Done():
                self._watched.record(message)
            case Status(id=id) if id not in self.watched and not self._answers_status(id) and id is not None:
                self._watched.require(id)
            case Conversation(id=id) if not self._conversations:  # PROTOCOL 4.8
                raise LocalProtocolError(f"{id}: a conversation message requires watch")
            case Model(name=name) if not self._conversations:
                raise LocalProtocolError(f"{name}: a model message requires watch")
            case Error(re="status", id=id):
                self._answers_status(id)
            case _:
                pass

    def _answers_status(self, id: str | None) -> bool:
        """Consume one open `status` request for ``id``, which may be any generation; False when there is none."""
        asked = self._asked.pop(id, 0)
        if asked > 1:
            self._asked[id] = asked - 1
        return asked > 0


class ClientSession(Session):
    """The client's end. ``cursors`` outlive a connection: pass them to the session of the next one."""

    side = Side.CLIENT

    def __init__(self, cursors: dict[str, Cursor] | None = None) -> None:
        super().__init__()
        self.cursors: dict[str, Cursor] = {} if cursors is None else cursors
        self.welcome: Welcome | None = None
        self._watched: set[str] = set()  # accepted or attached on this connection and not done
        self._left: Counter[str] = Counter()  # detaches per id: events may cross them (PROTOCOL 4.5)
        self._asked: dict[tuple[str, str, int], int] = {}  # text length at each requested id, epoch, cursor
        self._greeted = False

    @property
    def unfinished(self) -> tuple[AttachPoint, ...]:
        """Attach points after a reconnect: for `hello.attach`, or one `attach` each."""
        return tuple(c.point for c in self.cursors.values() if c.done is None)

    # --- to the server ---

    def send(self, message: ClientMessage) -> str:
        """Return the frame of ``message``. Raises LocalProtocolError when it is invalid or not allowed now."""
        if not self._alive:
            raise LocalProtocolError(f"nothing may be sent in state {self.state}, not {type(message).__name__}")
        frame = codec.encode(message)
        for problem in codec.decode_client(frame):
            if isinstance(problem, RemoteProtocolError):
                raise LocalProtocolError(problem.message) from problem
        self._note(message)
        return frame

    def _note(self, message: ClientMessage) -> None:
        if isinstance(message, Attach):
            self._note_attach(message)
        elif isinstance(message, Detach):
            self._left[message.id] += 1
        elif isinstance(message, Hello):
            if self._greeted:  # PROTOCOL 4.1
                raise LocalProtocolError("hello may be sent once per connection")
            self._greeted = True
            for point in message.attach:
                self._note_attach(point)

    def _note_attach(self, point: Attach | AttachPoint) -> None:
        cursor = self.cursors.get(point.id)
        if point.after == 0:
            return
        if cursor is None or point.after != cursor.seq:  # our text lacks the part before that cursor
            have = "none" if cursor is None else cursor.seq
            raise LocalProtocolError(f"{point.id}: attach after 0 or after the own cursor ({have}), not {point.after}")
        for seq in (cursor.seq, cursor.text_seq):
            self._asked[point.id, cursor.epoch, seq] = cursor.chars

    # --- from the server ---

    def receive(self, frame: str | bytes) -> list[ServerMessage]:
        """Return the messages of ``frame``, already applied to ``cursors``.

        Raises RemoteProtocolError when the server broke a rule: drop the connection. The cursors then hold everything
        before the error, so a new connection can resume from them.
        """
        if isinstance(frame, bytes):
            raise RemoteProtocolError(ErrorCode.BAD_FRAME, "the server sent a binary frame")
        messages = codec.decode_server(frame)
        for message in messages:
            self._apply(message)
        return messages

    def _apply(self, message: ServerMessage) -> None:
        if isinstance(message, Welcome):
            self._open(message)
        elif self.state is not ConnectionState.OPEN:  # PROTOCOL 3.1 and 3.3
            text = f"a message in state {self.state}: {type(message).__name__}"
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, text)
        elif isinstance(message, Goodbye):
            self._step(ConnectionEvent.GOODBYE)
        elif isinstance(message, Accepted):
            self._accept(message)
        elif isinstance(message, Attached):
            self._attach(message)
        elif isinstance(message, Snapshot | Token | Steered | Tuned | Done):
            self._follow(message)

    def _open(self, welcome: Welcome) -> None:
        if self.state is not ConnectionState.CONNECTING:
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, "a second welcome")
        self._step(ConnectionEvent.WELCOME)
        self.welcome = welcome

    def _accept(self, accepted: Accepted) -> None:
        if accepted.id in self._watched:
            if not self._left[accepted.id]:
                text = f"{accepted.id}: accepted again before done"
                raise RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, text, id=accepted.id)
            self._left[accepted.id] -= 1  # the server had seen the `detach` before this request
        self._watched.add(accepted.id)
        self.cursors[accepted.id] = Cursor(accepted.id, accepted.epoch)

    def _attach(self, attached: Attached) -> None:
        cursor = self.cursors.get(attached.id) or Cursor(attached.id, attached.epoch)
        asked = self._asked.get((attached.id, attached.epoch, attached.from_))
        cursor.attach(attached, 0 if attached.from_ == 0 else asked)
        self.cursors[attached.id] = cursor
        self._watched.add(attached.id)

    def _follow(self, event: Snapshot | Token | Steered | Tuned | Done) -> None:
        if event.id not in self._watched:  # PROTOCOL 6.1 and 6.4
            text = f"{event.id}: an event before accepted or attached, or after done"
            raise RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, text, id=event.id)
        self.cursors[event.id].apply(event)
        if isinstance(event, Done):
            self._watched.discard(event.id)
