"""Targets of the fuzzer: each takes bytes, and raises if a rule is broken.

Only the protocol's own errors may come out, and each of them can be sent. After any input the session still serves the
peer, or has given a close code.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import Final

from protocol import codec
from protocol.cursor import Cursor
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Alternative,
    Alternatives,
    AlternativesRequest,
    Attach,
    Attached,
    Cancel,
    ClientMessage,
    Generate,
    Hello,
    Ping,
    ServerMessage,
    Snapshot,
    StatusRequest,
    Steer,
    Steered,
    Token,
    Tune,
    Tuned,
)
from protocol.plain import END_OF_ANSWER, PlainSession
from protocol.session import ClientSession, ServerSession
from protocol.states import ConnectionState
from protocol.tuned import values_of
from tests.protocol.samples import WELCOME, done

FRAME_END: Final = b"\x1e"  # parts the frames of one input
BINARY: Final = b"\x01"  # what a binary frame begins with
GOOD_TOKEN: Final = "t"
Result = ClientMessage | RemoteProtocolError


def decode_client(data: bytes) -> None:
    for result in codec.decode_client(_text(data)):
        if isinstance(result, RemoteProtocolError):
            check_error(result)
        else:
            assert codec.decode_client(codec.encode(result)) == [result]


def decode_server(data: bytes) -> None:
    try:
        messages = codec.decode_server(_text(data))
    except RemoteProtocolError:
        return
    for message in messages:
        assert codec.decode_server(codec.encode(message)) == [message]


def server_session(data: bytes) -> None:
    """Test a server session that answers each message. The first byte decides whether it requires a token."""
    session = ServerSession(auth=data[:1] > b"\x7f", opened=0.0)
    session.send(WELCOME)
    numbers: dict[str, int] = {}
    for now, frame in enumerate(_frames(data[1:])):
        for result in _receive(session, frame):
            answer(session, result, numbers)
        session.due(now)
    if session.state is ConnectionState.OPEN:
        assert session.receive('{"type":"ping"}') == [Ping()]
    else:
        assert session.close_code is not None


def client_session(data: bytes) -> None:
    """Test a client session that has read half an answer and resumes it, with any server."""
    cursors = {"g1": _half_read()}
    client = ClientSession(cursors)
    client.send(Hello(attach=client.unfinished))
    client.receive(codec.encode(WELCOME))
    for frame in _frames(data):
        try:
            client.receive(frame)
        except RemoteProtocolError:
            break
    for cursor in cursors.values():
        assert len(cursor.text) == cursor.chars
        assert cursor.done is None or cursor.done.sha256 == sha256(cursor.text.encode()).hexdigest()
    again = ClientSession(cursors)  # after any fault the next connection goes on from the cursors
    again.send(Hello(attach=again.unfinished[:256]))
    assert again.receive(codec.encode(WELCOME)) == [WELCOME]


def plain_session(data: bytes) -> None:
    server = PlainServer()
    for frame in _frames(data):
        is_about_answer = server.answering
        server.carry_out(server.session.receive(frame))
        if is_about_answer:
            server.go_on()
    while server.go_on():
        pass
    if server.session.state is ConnectionState.OPEN:
        assert server.session.receive("Hi") == [Generate(prompt="Hi")]


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "decode_client": decode_client,
    "decode_server": decode_server,
    "server_session": server_session,
    "client_session": client_session,
    "plain_session": plain_session,
}


def check_error(problem: RemoteProtocolError) -> None:
    """Check that an error can be sent, is one line, and is not too long for a person to read."""
    message = problem.as_message()
    assert codec.decode_server(codec.encode(message)) == [message]
    assert problem.message and "\n" not in problem.message and len(problem.message) < 1000


def answer(session: ServerSession, result: Result, numbers: dict[str, int]) -> None:
    """Answer ``result`` as a server would, as far as the session decides it.

    ``numbers``: the newest event that was sent of each generation.
    """
    match result:
        case RemoteProtocolError():
            check_error(result)
            _send(session, result.as_message())
        case Generate(id=id) if (id or "g") not in session.watched:
            _send(session, Accepted(id=id or "g", epoch="e", position=0))
            _send(session, Token(id=id or "g", seq=1, n=1, text="x"))
            numbers[id or "g"] = 1
        case Attach(id=id):
            _send(session, Attached(id=id, epoch="e", recovered=True, from_=0, to=1))
            numbers[id] = 0
        case Cancel():
            _cancel(session, result)
        case Steer(id=id) | Tune(id=id) if id in session.watched:
            numbers[id] += 1
            for event in _changed(result, numbers[id]):
                _send(session, event)
        case Steer(id=id) | Tune(id=id):
            _send(session, RemoteProtocolError(ErrorCode.UNKNOWN_ID, "no", re="steer", id=id).as_message())
        case AlternativesRequest():
            _send(session, _found(result))
        case StatusRequest(id=id):
            _send(session, RemoteProtocolError(ErrorCode.UNKNOWN_ID, "no", re="status", id=id).as_message())
        case _:
            pass


def _changed(message: Steer | Tune, seq: int) -> list[ServerMessage]:
    """Return the event of an instruction or of new parameters, and the snapshot after it."""
    if isinstance(message, Steer):
        event: Steered | Tuned = Steered(id=message.id, seq=seq, content=message.content)
    else:
        values = values_of(message)
        event = Tuned(id=message.id, seq=seq, params=values.params, on_detach_ms=values.on_detach_ms)
    return [event, Snapshot(id=message.id, epoch="e", seq=seq, text="x")]


def _found(question: AlternativesRequest) -> Alternatives:
    return Alternatives(id=question.id, seq=question.seq, tokens=(Alternative(token="x", logprob=-1.0),))


def _cancel(session: ServerSession, cancel: Cancel) -> None:
    try:
        ids = session.resolve_cancel(cancel)
    except RemoteProtocolError as problem:
        _send(session, problem.as_message())
        return
    for id in ids:
        session.forget(id)


def _receive(session: ServerSession, frame: str | bytes) -> list[Result]:
    waited = session.deadline is not None
    results = session.receive(frame)
    hello = next((result for result in results if isinstance(result, Hello)), None)
    if hello is None or not waited:
        return results
    if hello.token == GOOD_TOKEN:
        return results + session.admit()
    session.refuse()
    return results


def _send(session: ServerSession, message: ServerMessage) -> None:
    if session.state is ConnectionState.OPEN:
        assert codec.decode_server(session.send(message)) == [message]


class PlainServer:
    """Answers the requests of a plain session, each with its own text in pieces of three characters.

    An answer stays open until ``go_on``, so that the lines of the next frame can be about it.
    """

    def __init__(self) -> None:
        self.session = PlainSession()
        self._open: str | None = None
        """Text of the answer that is being written; None: there is none."""
        self._frames: list[str] = []
        self._seq = 0
        self._sent = ""
        self._aside = False
        """True once something else than text was shown in the answer."""
        assert self._show(WELCOME) == []

    @property
    def answering(self) -> bool:
        return self._open is not None

    def carry_out(self, results: Iterable[Result]) -> None:
        for result in results:
            self._carry_out(result)

    def go_on(self) -> bool:
        """End the answer that is being written, and begin the next one. Returns whether there is one."""
        if self._open is None:
            return False
        self._end(self._open)
        self.carry_out(self.session.pending())
        return True

    def _carry_out(self, result: Result) -> None:
        match result:
            case Generate(prompt=str(prompt)):
                assert prompt.strip() == prompt != ""
                self._begin(prompt)
            case Generate(from_=point):
                assert point is not None
                self._begin(point.text or "A fork")
            case Steer() | Tune():
                assert self._open is not None
                self._change(result)
            case AlternativesRequest():
                assert all(frame.strip() for frame in self._show(_found(result)))
                self._aside = True
            case RemoteProtocolError():
                check_error(result)
                self._show(result.as_message())
                self._aside = True
            case _:
                assert result == Cancel()

    def _end(self, text: str) -> None:
        """Write the rest of the answer. The joined frames are the answer (PROTOCOL 10.3)."""
        self._open = None
        self._write(text[3:])
        frames = [*self._frames, *self._show(done("p", self._sent, self._seq + 1))]
        if self.session.state is ConnectionState.OPEN:
            assert all(frame.strip() for frame in frames[:-1])
            assert frames[-1] == END_OF_ANSWER
            assert self._aside or "".join(frames[:-1]) == text.rstrip()

    def _begin(self, text: str) -> None:
        self._open = text.encode(errors="replace").decode()  # half a character cannot be sent
        self._seq, self._sent, self._aside = 0, "", False
        self._frames = self._show(Accepted(id="p", epoch="e", position=0))
        self._write(self._open[:3])

    def _write(self, text: str) -> None:
        for at in range(0, len(text), 3):
            self._seq += 1
            self._sent += text[at : at + 3]
            self._frames += self._show(Token(id="p", seq=self._seq, n=1, text=text[at : at + 3]))

    def _change(self, message: Steer | Tune) -> None:
        self._seq += 1
        for event in _changed(message, self._seq):
            assert all(frame.strip() for frame in self._show(event))
        self._aside = True

    def _show(self, message: ServerMessage) -> list[str]:
        """Send a message, unless the session has ended; return its texts."""
        if self.session.state not in (ConnectionState.CONNECTING, ConnectionState.OPEN):
            return []
        self.session.record(message)
        return self.session.texts(message)


def _half_read() -> Cursor:
    cursor = Cursor("g1", "e1")
    cursor.apply(Token(id="g1", seq=2, n=2, text="Hé "))
    return cursor


def _frames(data: bytes) -> Iterator[str | bytes]:
    for frame in data.split(FRAME_END)[:64]:
        yield frame if frame.startswith(BINARY) else _text(frame)


def _text(data: bytes) -> str:
    """Decode a text frame. No socket delivers half a character, but the codec is tested with it too."""
    return data.decode("utf-8", "surrogateescape")
