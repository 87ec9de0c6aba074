"""Both ends of a connection without I/O: each alone, and the two wired to each other."""

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol import codec
from protocol.cursor import Cursor
from protocol.errors import CloseCode, ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    AttachPoint,
    Cancel,
    ClientMessage,
    Detach,
    Done,
    DoneReason,
    Error,
    Generate,
    GenerationState,
    Goodbye,
    Hello,
    Ping,
    Pong,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
    Token,
)
from protocol.session import ClientSession, ServerSession
from protocol.states import ConnectionState
from tests.protocol.samples import WELCOME, done

NOW = 12.0


def accepted(id: str, epoch: str = "e") -> Accepted:
    return Accepted(id=id, epoch=epoch, position=0)


def token(id: str, seq: int, text: str = "x", n: int = 1) -> Token:
    return Token(id=id, seq=seq, n=n, text=text)


def attached(id: str, from_: int, to: int = 9, epoch: str = "e", recovered: bool = True) -> Attached:
    return Attached(id=id, epoch=epoch, recovered=recovered, from_=from_, to=to)


def open_server(**options: Any) -> ServerSession:
    server = ServerSession(**options)
    server.send(WELCOME, NOW)
    return server


def open_client(cursors: dict[str, Cursor] | None = None) -> ClientSession:
    client = ClientSession(cursors)
    client.receive(codec.encode(WELCOME), NOW)
    return client


def codes(results: list[ClientMessage | RemoteProtocolError]) -> list[ErrorCode]:
    return [r.code for r in results if isinstance(r, RemoteProtocolError)]


def feed(client: ClientSession, *messages: ServerMessage) -> None:
    for message in messages:
        client.receive(codec.encode(message), NOW)


# --- the server's end: what comes in ---


def test_server_hands_on_messages_and_errors_in_order() -> None:
    results = open_server().receive('{"type":"ping"}\n{"type":"nope"}\n{"type":"detach","id":"g"}', NOW)
    assert results[0] == Ping()
    assert codes(results) == [ErrorCode.UNKNOWN_TYPE]
    assert results[2] == Detach(id="g")


def test_server_refuses_a_binary_frame() -> None:
    server = open_server()
    assert codes(server.receive(b'{"type":"ping"}', NOW)) == [ErrorCode.BAD_FRAME]
    assert server.close_code is None


@pytest.mark.parametrize("bad", ["x", b"x", "[]", "5", "x\ny", "[" * 5000])
def test_the_third_unparseable_frame_in_a_row_closes(bad: str | bytes) -> None:
    server = open_server()
    for _ in range(2):
        assert set(codes(server.receive(bad, NOW))) <= {ErrorCode.BAD_FRAME, ErrorCode.BAD_JSON}
        assert server.close_code is None
    (problem, *_) = server.receive(bad, NOW)
    assert server.close_code is CloseCode.BAD_FRAMES
    assert server.state is ConnectionState.CLOSING
    assert isinstance(problem, RemoteProtocolError)
    server.send(problem.as_message(), NOW)  # the reason still goes out
    with pytest.raises(LocalProtocolError):
        server.send(Pong(), NOW)
    assert server.receive('{"type":"ping"}', NOW) == []


@pytest.mark.parametrize(
    "good", ['{"type":"ping"}', '{"type":"nope"}', "{}", '{"type":"ping","x":1}', 'x\n{"type":"ping"}']
)
def test_a_parseable_frame_starts_the_count_again(good: str) -> None:
    server = open_server()
    for frame in ("x", "x", good, "x", "x"):
        server.receive(frame, NOW)
    assert server.close_code is None
    server.receive("x", NOW)
    assert server.close_code is CloseCode.BAD_FRAMES


def test_a_blank_frame_changes_nothing() -> None:
    server = open_server()
    for frame in ("x", "", "x", "\n"):
        server.receive(frame, NOW)
    assert server.close_code is None
    server.receive("x", NOW)
    assert server.close_code is CloseCode.BAD_FRAMES


@pytest.mark.parametrize(("text", "fits"), [("x" * 84, True), ("x" * 85, False), ("é" * 42, True), ("é" * 43, False)])
def test_the_frame_limit_counts_bytes(text: str, fits: bool) -> None:
    server = open_server(frame_bytes=110)
    frame = f'{{"type":"ping","nonce":"{text}"}}'
    results = server.receive(frame, NOW)
    assert (len(frame.encode()) <= 110) is fits
    assert (results == [Ping(nonce=text)]) is fits
    assert server.close_code is (None if fits else CloseCode.TOO_BIG)


def test_the_frame_limit_meets_half_characters() -> None:
    assert codes(open_server(frame_bytes=10).receive("\ud800" * 4, NOW)) == [ErrorCode.BAD_FRAME]


def test_a_second_hello_is_an_error_and_nothing_more() -> None:
    server = open_server()
    assert server.receive('{"type":"hello"}', NOW) == [Hello()]
    (problem,) = server.receive('{"type":"hello"}', NOW)
    assert isinstance(problem, RemoteProtocolError)
    assert (problem.code, problem.re) == (ErrorCode.UNEXPECTED_MESSAGE, "hello")
    assert server.receive('{"type":"ping"}', NOW) == [Ping()]


def test_a_bad_hello_does_not_count_as_the_first() -> None:
    server = open_server()
    server.receive('{"type":"hello","x":1}', NOW)
    assert server.receive('{"type":"hello"}', NOW) == [Hello()]


def test_times_are_those_passed_in() -> None:
    server, client = ServerSession(), ClientSession()
    assert (server.last_received, server.last_sent) == (None, None)
    client.receive(server.send(WELCOME, 1.5), 2.5)
    server.receive(client.send(Ping(), 3.5), 4.5)
    assert (server.last_sent, client.last_received, client.last_sent, server.last_received) == (1.5, 2.5, 3.5, 4.5)


# --- the server's end: which generation a cancel means ---


def test_cancel_without_id_means_the_newest_that_is_not_done() -> None:
    server = open_server()
    for id in "abc":
        server.send(accepted(id), NOW)
    assert (server.newest_active, server.watched) == ("c", ("a", "b", "c"))
    server.send(done("c", "", 1), NOW)
    assert server.resolve_cancel(Cancel()) == ("b",)
    assert server.resolve_cancel(Cancel(all=True)) == ("a", "b")
    assert server.resolve_cancel(Cancel(id="elsewhere")) == ("elsewhere",)
    server.forget("b")
    assert server.newest_active == "a"


@pytest.mark.parametrize("cancel", [Cancel(), Cancel(all=True)])
def test_nothing_to_cancel(cancel: Cancel) -> None:
    server = open_server()
    server.send(accepted("a"), NOW)
    server.send(done("a", "", 1), NOW)
    assert server.newest_active is None
    with pytest.raises(RemoteProtocolError) as caught:
        server.resolve_cancel(cancel)
    assert (caught.value.code, caught.value.re) == (ErrorCode.NOTHING_TO_CANCEL, "cancel")


# --- the server's end: what goes out ---


@pytest.mark.parametrize("message", [Pong(), accepted("g"), Goodbye(code=1012, reconnect_ms=0), Status(running=0)])
def test_welcome_comes_first(message: ServerMessage) -> None:
    with pytest.raises(LocalProtocolError):
        ServerSession().send(message, NOW)


def test_welcome_comes_once() -> None:
    with pytest.raises(LocalProtocolError):
        open_server().send(WELCOME, NOW)


@pytest.mark.parametrize(
    "message", [Pong(), Goodbye(code=1012, reconnect_ms=0), Error(code="x", message="x", retryable=False)]
)
def test_goodbye_comes_last(message: ServerMessage) -> None:
    server = open_server()
    server.send(Goodbye(code=1012, reconnect_ms=500), NOW)
    with pytest.raises(LocalProtocolError):
        server.send(message, NOW)


def test_events_of_a_generation_keep_their_order() -> None:
    server = open_server()
    server.send(accepted("g"), NOW)
    server.send(token("g", 1), NOW)
    with pytest.raises(LocalProtocolError):
        server.send(token("g", 3), NOW)
    assert server.send(token("g", 2), NOW) == '{"type":"token","id":"g","seq":2,"n":1,"text":"x"}'
    server.send(done("g", "xx", 3), NOW)
    with pytest.raises(LocalProtocolError):
        server.send(done("g", "xx", 3), NOW)


def test_text_that_cannot_be_sent_is_not_counted_as_sent() -> None:
    server = open_server()
    server.send(accepted("g"), NOW)
    with pytest.raises(LocalProtocolError):
        server.send(token("g", 1, "\ud83d"), NOW)
    server.send(token("g", 1, "🙂"), NOW)


def test_status_is_pushed_only_for_what_is_watched() -> None:
    server = open_server()
    status = Status(id="g", state=GenerationState.QUEUED, position=1)
    with pytest.raises(LocalProtocolError):
        server.send(status, NOW)
    server.send(accepted("g"), NOW)
    server.send(status, NOW)
    server.send(done("g", "", 1), NOW)
    with pytest.raises(LocalProtocolError):
        server.send(status, NOW)
    server.send(Status(running=0, queued=0), NOW)


def test_a_status_request_may_be_about_any_generation() -> None:
    server = open_server()
    status = Status(id="g", state=GenerationState.DONE)
    server.receive('{"type":"status","id":"g"}\n{"type":"status","id":"g"}\n{"type":"status"}', NOW)
    server.send(Error(re="status", id="g", code="unknown_id", message="no", retryable=False), NOW)
    server.send(status, NOW)
    with pytest.raises(LocalProtocolError):
        server.send(status, NOW)


def test_disconnect_ends_it_from_any_state() -> None:
    for server in (ServerSession(), open_server()):
        server.disconnect()
        server.disconnect()
        assert server.state is ConnectionState.CLOSED
        assert server.receive('{"type":"ping"}', NOW) == []
        with pytest.raises(LocalProtocolError):
            server.send(Pong(), NOW)


# --- the client's end ---


def test_client_follows_a_generation() -> None:
    client = open_client()
    feed(client, accepted("g"), token("g", 2, "Hé ", n=2), Status(id="g", tokens_per_second=9.5), token("g", 3, "🙂"))
    assert list(client.unfinished) == [AttachPoint(id="g", epoch="e", after=3)]
    feed(client, done("g", "Hé 🙂", 4))
    assert not client.unfinished
    assert client.cursors["g"].text == "Hé 🙂"
    assert client.cursors["g"].done is not None
    assert client.welcome == WELCOME


@pytest.mark.parametrize(
    "messages",
    [
        [WELCOME],
        [token("g", 1)],
        [done("g", "", 1)],
        [Snapshot(id="g", epoch="e", seq=0, text="")],
        [accepted("g"), accepted("g")],
        [accepted("g"), token("g", 2)],
        [accepted("g"), token("g", 1), token("g", 1)],
        [accepted("g"), done("g", "", 1), token("g", 2)],
        [accepted("g"), done("g", "", 1), done("g", "", 1)],
        [accepted("g"), token("g", 1), done("g", "y", 2)],
        [accepted("g"), token("g", 1), done("g", "x", 2, chars=2)],
        [accepted("g"), token("g", 1), attached("g", 1)],
        [attached("g", 3)],
        [attached("g", 0, recovered=False), token("g", 1)],
        [Goodbye(code=1012, reconnect_ms=0), Pong()],
    ],
)
def test_client_notices_what_no_server_may_do(messages: list[ServerMessage]) -> None:
    client = open_client()
    feed(client, *messages[:-1])
    with pytest.raises(RemoteProtocolError):
        feed(client, messages[-1])


@pytest.mark.parametrize("frame", ['{"type":"pong"}', b"{}", "x"])
def test_client_needs_a_welcome_in_text(frame: str | bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ClientSession().receive(frame, NOW)


def test_client_shrugs_at_a_later_version() -> None:
    assert open_client().receive('{"type":"news"}\n{"type":"pong","x":1}', NOW) == [Pong()]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (Generate(), "generate needs"),
        (Generate(prompt=" "), "empty prompt"),
        (Detach(id="a b"), "id must be"),
        (Ping(nonce="x" * 129), "nonce must be"),
        (Ping(nonce="\ud800"), "code points"),
        (Attach(id="g", after=3), "own cursor"),
        (Hello(attach=(AttachPoint(id="g", after=3),)), "own cursor"),
    ],
)
def test_client_does_not_send_what_is_wrong(message: ClientMessage, why: str) -> None:
    with pytest.raises(LocalProtocolError, match=why):
        open_client().send(message, NOW)


def test_client_says_hello_once() -> None:
    client = open_client()
    client.send(Hello(), NOW)
    with pytest.raises(LocalProtocolError):
        client.send(Hello(), NOW)


def test_client_sends_nothing_after_goodbye() -> None:
    client = open_client()
    feed(client, Goodbye(code=1012, reconnect_ms=0))
    with pytest.raises(LocalProtocolError):
        client.send(Ping(), NOW)


def read_half() -> dict[str, Cursor]:
    client = open_client()
    feed(client, accepted("g"), token("g", 2, "ab", n=2))
    client.disconnect()
    return client.cursors


def test_client_goes_on_after_a_drop() -> None:
    client = open_client(read_half())
    client.send(Hello(attach=client.unfinished), NOW)
    feed(client, attached("g", 2), token("g", 3, "c"), done("g", "abc", 4))
    assert client.cursors["g"].text == "abc"


@pytest.mark.parametrize("after", [1, 3])
def test_client_asks_only_for_its_own_cursor(after: int) -> None:
    with pytest.raises(LocalProtocolError, match="own cursor"):
        open_client(read_half()).send(Attach(id="g", epoch="e", after=after), NOW)


def test_client_may_read_from_the_start_again() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g"), NOW)
    feed(client, attached("g", 0), token("g", 3, "abc", n=3))
    assert client.cursors["g"].text == "abc"


def test_client_takes_a_new_log_for_the_old_id() -> None:
    client = open_client(read_half())
    client.send(Generate(id="g", prompt="again"), NOW)
    feed(client, accepted("g", epoch="e2"), token("g", 1, "new"))
    assert client.cursors["g"].text == "new"


def test_client_takes_a_snapshot_for_a_lost_log() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g", epoch="e", after=2), NOW)
    feed(client, attached("g", 0, epoch="e2", recovered=False), Snapshot(id="g", epoch="e2", seq=5, text="other"))
    assert client.unfinished == (AttachPoint(id="g", epoch="e2", after=5),)
    with pytest.raises(RemoteProtocolError):  # what was asked for before belongs to the other log
        feed(client, attached("g", 2, epoch="e2"))


def test_events_that_cross_an_attach_are_read_once() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g", epoch="e", after=2), NOW)
    feed(client, attached("g", 2), token("g", 3, "c"))
    client.send(Attach(id="g", epoch="e", after=3), NOW)
    feed(client, token("g", 4, "d"), attached("g", 3), token("g", 5, "de", n=2))
    assert client.cursors["g"].text == "abcde"


def test_attach_after_done_brings_done_again() -> None:
    client = open_client()
    feed(client, accepted("g"), token("g", 1), done("g", "x", 2))
    client.send(Attach(id="g", epoch="e", after=2), NOW)
    feed(client, attached("g", 1, to=2))
    assert client.cursors["g"].done is None
    feed(client, done("g", "x", 2))
    assert client.cursors["g"].done is not None


# --- the two ends wired to each other ---


class Log:
    """A generation as the server keeps it: ``pieces`` numbered from 1, then perhaps a reason to end."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.pieces: list[str] = []
        self.reason: DoneReason | None = None
        self.cancelled = False

    def end(self, id: str) -> Done:
        assert self.reason is not None
        return done(id, "".join(self.pieces), len(self.pieces) + 1, reason=self.reason)


class TwoEnds(RuleBasedStateMachine):
    """A server with logs and a client with cursors, over one connection after another, in any order of events."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: dict[str, Log] = {}
        self.sent: dict[str, int] = {}  # the server's cursors on this connection
        self.cursors: dict[str, Cursor] = {}
        self.dones: dict[str, int] = {}  # on this connection, since the last accepted or attached

    @initialize()
    def connect(self) -> None:
        self.server, self.client = ServerSession(), ClientSession(self.cursors)
        self.sent, self.dones = {}, {}
        self.to_client(WELCOME)
        self.to_server(Hello(attach=self.client.unfinished))

    @rule()
    def drop_and_reconnect(self) -> None:
        self.server.disconnect()
        self.client.disconnect()
        self.connect()

    def to_client(self, message: ServerMessage) -> None:
        (got,) = self.client.receive(self.server.send(message, NOW), NOW)
        assert got == message
        if isinstance(message, Done):
            self.dones[message.id] = self.dones.get(message.id, 0) + 1

    def to_server(self, message: ClientMessage) -> None:
        for got in self.server.receive(self.client.send(message, NOW), NOW):
            assert got == message
            self.answer(got)

    def answer(self, message: ClientMessage) -> None:
        match message:
            case Generate(id=str(id)):
                self.logs[id] = Log(epoch=f"e{len(self.logs)}")
                self.sent[id] = 0
                self.to_client(Accepted(id=id, epoch=self.logs[id].epoch, position=0))
            case Hello(attach=points):
                for point in points:
                    self.attach(point.id, point.epoch, point.after)
            case Attach(id=id, epoch=epoch, after=after):
                self.attach(id, epoch, after)
            case Cancel():
                self.cancel(message)

    def cancel(self, message: Cancel) -> None:
        newest = self.server.newest_active
        try:
            (id,) = self.server.resolve_cancel(message)
        except RemoteProtocolError as problem:
            assert newest is None
            self.to_client(problem.as_message())
            return
        assert id == newest == [i for i in self.sent if i in self.server.watched][-1]
        self.logs[id].cancelled = True

    def attach(self, id: str, epoch: str | None, after: int) -> None:
        log = self.logs[id]
        newest = len(log.pieces) + (log.reason is not None)
        self.sent.pop(id, None)
        self.dones.pop(id, None)
        if epoch == log.epoch and after <= newest:
            after = min(after, len(log.pieces))
            self.to_client(attached(id, after, newest, log.epoch))
            self.sent[id] = after
            return
        self.to_client(attached(id, 0, newest, log.epoch, recovered=False))
        self.to_client(Snapshot(id=id, epoch=log.epoch, seq=len(log.pieces), text="".join(log.pieces)))
        self.sent[id] = len(log.pieces)

    @rule()
    def generate(self) -> None:
        self.to_server(Generate(id=f"g{len(self.logs)}", prompt="x"))

    @precondition(lambda self: self.logs)
    @rule(data=st.data(), text=st.text(min_size=1, max_size=3))
    def compute(self, data: st.DataObject, text: str) -> None:
        log = self.logs[data.draw(st.sampled_from(sorted(self.logs)))]
        if log.reason is None:
            log.pieces.append(text)

    @precondition(lambda self: self.logs)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        log = self.logs[data.draw(st.sampled_from(sorted(self.logs)))]
        if log.reason is None:
            log.reason = DoneReason.CANCELLED if log.cancelled else DoneReason.STOP

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def flush(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.sent)))
        log, last = self.logs[id], self.sent[id]
        n = data.draw(st.integers(0, len(log.pieces) - last))
        if n:
            self.sent[id] = last + n
            self.to_client(Token(id=id, seq=last + n, n=n, text="".join(log.pieces[last : last + n])))
        elif log.reason is not None and last == len(log.pieces):
            del self.sent[id]
            self.to_client(log.end(id))

    @rule()
    def cancel_newest(self) -> None:
        self.to_server(Cancel())

    @precondition(lambda self: self.cursors)
    @rule(data=st.data(), again=st.booleans())
    def attach_again(self, data: st.DataObject, again: bool) -> None:
        cursor = self.cursors[data.draw(st.sampled_from(sorted(self.cursors)))]
        self.to_server(Attach(id=cursor.id, epoch=cursor.epoch, after=0 if again else cursor.seq))

    @precondition(lambda self: self.logs)
    @rule(data=st.data())
    def lose_a_log(self, data: st.DataObject) -> None:
        """A server that comes back without its journal: another text under another epoch, and every socket gone."""
        log = self.logs[data.draw(st.sampled_from(sorted(self.logs)))]
        log.epoch, log.pieces, log.reason = log.epoch + "x", ["again"], None
        self.drop_and_reconnect()

    @rule(frame=st.sampled_from(["x", b"x", '{"type":"nope"}', '{"type":"generate"}']))
    def rubbish(self, frame: str | bytes) -> None:
        for problem in self.server.receive(frame, NOW):
            assert isinstance(problem, RemoteProtocolError)
            self.to_client(problem.as_message())
        if self.server.close_code is not None:
            self.drop_and_reconnect()

    @rule()
    def ping(self) -> None:
        self.to_server(Ping(nonce="n"))
        self.to_client(Pong(nonce="n"))

    @rule()
    def ask_for_status(self) -> None:
        self.to_server(StatusRequest(id="stranger"))
        self.to_client(Status(id="stranger", state=GenerationState.QUEUED))

    @invariant()
    def the_client_has_what_was_sent(self) -> None:
        for id, seq in self.sent.items():
            log, cursor = self.logs[id], self.cursors[id]
            assert (cursor.seq, cursor.text, cursor.epoch) == (seq, "".join(log.pieces[:seq]), log.epoch)
            assert cursor.done is None

    @invariant()
    def done_came_once_and_whole(self) -> None:
        assert all(count == 1 for count in self.dones.values())
        for id in self.dones:
            assert self.cursors[id].done == self.logs[id].end(id)
        if hasattr(self, "server"):
            assert set(self.server.watched) == set(self.sent)


TestTwoEnds = TwoEnds.TestCase
TestTwoEnds.settings = settings(max_examples=100, stateful_step_count=40)


def test_the_session_speaks_json_by_hand() -> None:
    """What somebody types into websocat, and what comes back."""
    server = open_server()
    (generate,) = server.receive('{"type":"generate","prompt":"Hi"}', NOW)
    assert generate == Generate(prompt="Hi")
    assert json.loads(server.send(accepted("g1"), NOW)) == {"type": "accepted", "id": "g1", "epoch": "e", "position": 0}
