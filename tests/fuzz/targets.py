"""Targets of the fuzzer: each takes bytes, and raises if a rule is broken.

Only the protocol's own errors may come out, and each of them can be sent. After any input the session still serves the
peer, or has given a close code.
"""

from collections.abc import Callable, Iterator
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
    ForkPoint,
    Generate,
    Hello,
    Ping,
    ServerMessage,
    StatusRequest,
    Token,
)
from protocol.plain import END_OF_ANSWER, PlainSession
from protocol.session import ClientSession, ServerSession
from protocol.states import ConnectionState
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
    for now, frame in enumerate(_frames(data[1:])):
        for result in _receive(session, frame):
            answer(session, result)
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
    session = PlainSession()
    assert _texts(session, WELCOME) == []
    for frame in _frames(data):
        waiting = session.receive(frame)
        while waiting:
            _answer_plain(session, waiting.pop(0))
            waiting = waiting or session.pending()
    if session.state is ConnectionState.OPEN:
        assert session.receive("Hi") == [Generate(prompt="Hi")]


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


def answer(session: ServerSession, result: Result) -> None:
    """Answer ``result`` as a server would, as far as the session decides it."""
    match result:
        case RemoteProtocolError():
            check_error(result)
            _send(session, result.as_message())
        case Generate(id=id) if (id or "g") not in session.watched:
            _send(session, Accepted(id=id or "g", epoch="e", position=0))
            _send(session, Token(id=id or "g", seq=1, n=1, text="x"))
        case Attach(id=id):
            _send(session, Attached(id=id, epoch="e", recovered=True, from_=0, to=1))
        case Cancel():
            _cancel(session, result)
        case StatusRequest(id=id):
            _send(session, RemoteProtocolError(ErrorCode.UNKNOWN_ID, "no", re="status", id=id).as_message())
        case _:
            pass


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


def _texts(session: PlainSession, message: ServerMessage) -> list[str]:
    """Send ``message`` in plain mode; return the texts."""
    session.record(message)
    return session.texts(message)


def _answer_plain(session: PlainSession, result: Result) -> None:
    match result:
        case Generate(prompt=str(prompt)):
            assert prompt.strip() == prompt != ""
            _write_plain(session, prompt)
        case Generate(from_=ForkPoint(id="p", text=text)):
            _write_plain(session, text or "")
        case AlternativesRequest(id="p", seq=seq):
            found = Alternatives(id="p", seq=seq, tokens=(Alternative(token=" a", logprob=-1),))
            if session.state is ConnectionState.OPEN:
                assert _texts(session, found) == [f'> place {seq}\n>  36.8 %  " a"\n']
        case RemoteProtocolError():
            check_error(result)
            if session.state is ConnectionState.OPEN:
                _texts(session, result.as_message())
        case _:
            assert result == Cancel()


def _write_plain(session: PlainSession, text: str) -> None:
    """Answer a prompt with its own text, in pieces of three characters. The joined frames are the answer (PROTOCOL
    10.3)."""
    if session.state is not ConnectionState.OPEN:
        return
    text = text.encode(errors="replace").decode()  # half a character cannot be sent
    pieces = [text[at : at + 3] for at in range(0, len(text), 3)]
    messages: list[ServerMessage] = [Accepted(id="p", epoch="e", position=0)]
    messages += [Token(id="p", seq=seq, n=1, text=piece) for seq, piece in enumerate(pieces, 1)]
    frames = [frame for message in messages for frame in _texts(session, message)]
    frames += _texts(session, done("p", text, len(pieces) + 1))
    assert all(frame.strip() for frame in frames[:-1])
    assert ("".join(frames[:-1]), frames[-1]) == (text.rstrip(), END_OF_ANSWER)


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
