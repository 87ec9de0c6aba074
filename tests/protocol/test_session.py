"""Both ends of a connection without I/O: each alone, and connected to each other."""

import json
from typing import Any

import pytest

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
    Conversation,
    Detach,
    Error,
    Generate,
    GenerationState,
    Goodbye,
    Hello,
    Model,
    ModelState,
    Ping,
    Pong,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
    Token,
    Watch,
)
from protocol.session import ClientSession, ServerSession, Side
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
    server.send(WELCOME)
    return server


def open_client(cursors: dict[str, Cursor] | None = None) -> ClientSession:
    client = ClientSession(cursors)
    client.receive(codec.encode(WELCOME))
    return client


def codes(results: list[ClientMessage | RemoteProtocolError]) -> list[ErrorCode]:
    return [r.code for r in results if isinstance(r, RemoteProtocolError)]


def feed(client: ClientSession, *messages: ServerMessage) -> None:
    for message in messages:
        client.receive(codec.encode(message))


# --- the server's end: what comes in ---


def test_server_hands_on_messages_and_errors_in_order() -> None:
    results = open_server().receive('{"type":"ping"}\n{"type":"nope"}\n{"type":"detach","id":"g"}')
    assert results[0] == Ping()
    assert codes(results) == [ErrorCode.UNKNOWN_TYPE]
    assert results[2] == Detach(id="g")


def test_server_refuses_a_binary_frame() -> None:
    server = open_server()
    assert codes(server.receive(b'{"type":"ping"}')) == [ErrorCode.BAD_FRAME]
    assert server.close_code is None


@pytest.mark.parametrize("bad", ["x", b"x", "[]", "5", "x\ny", "[" * 5000])
def test_the_third_unparseable_frame_in_a_row_closes(bad: str | bytes) -> None:
    server = open_server()
    for _ in range(2):
        assert set(codes(server.receive(bad))) <= {ErrorCode.BAD_FRAME, ErrorCode.BAD_JSON}
        assert server.close_code is None
    (problem, *_) = server.receive(bad)
    assert server.close_code is CloseCode.BAD_FRAMES
    assert server.state is ConnectionState.CLOSING
    assert isinstance(problem, RemoteProtocolError)
    server.send(problem.as_message())  # the reason still goes out
    with pytest.raises(LocalProtocolError):
        server.send(Pong())
    assert server.receive('{"type":"ping"}') == []


@pytest.mark.parametrize(
    "good", ['{"type":"ping"}', '{"type":"nope"}', "{}", '{"type":"ping","x":1}', 'x\n{"type":"ping"}']
)
def test_a_parseable_frame_starts_the_count_again(good: str) -> None:
    server = open_server()
    for frame in ("x", "x", good, "x", "x"):
        server.receive(frame)
    assert server.close_code is None
    server.receive("x")
    assert server.close_code is CloseCode.BAD_FRAMES


def test_a_blank_frame_changes_nothing() -> None:
    server = open_server()
    for frame in ("x", "", "x", "\n"):
        server.receive(frame)
    assert server.close_code is None
    server.receive("x")
    assert server.close_code is CloseCode.BAD_FRAMES


@pytest.mark.parametrize(("text", "fits"), [("x" * 84, True), ("x" * 85, False), ("é" * 42, True), ("é" * 43, False)])
def test_the_frame_limit_counts_bytes(text: str, fits: bool) -> None:
    server = open_server(frame_bytes=110)
    frame = f'{{"type":"ping","nonce":"{text}"}}'
    results = server.receive(frame)
    assert (len(frame.encode()) <= 110) is fits
    assert (results == [Ping(nonce=text)]) is fits
    assert server.close_code is (None if fits else CloseCode.TOO_BIG)


def test_the_frame_limit_meets_half_characters() -> None:
    assert codes(open_server(frame_bytes=10).receive("\ud800" * 4)) == [ErrorCode.BAD_FRAME]


def test_a_second_hello_is_an_error_and_nothing_more() -> None:
    server = open_server()
    assert server.receive('{"type":"hello"}') == [Hello()]
    (problem,) = server.receive('{"type":"hello"}')
    assert isinstance(problem, RemoteProtocolError)
    assert (problem.code, problem.re) == (ErrorCode.UNEXPECTED_MESSAGE, "hello")
    assert server.receive('{"type":"ping"}') == [Ping()]


def test_a_bad_hello_does_not_count_as_the_first() -> None:
    server = open_server()
    server.receive('{"type":"hello","x":1}')
    assert server.receive('{"type":"hello"}') == [Hello()]


# --- the server's end: which generation a cancel means ---


def test_cancel_without_id_means_the_newest_that_is_not_done() -> None:
    server = open_server()
    for id in "abc":
        server.send(accepted(id))
    assert (server.newest_active, server.watched) == ("c", ("a", "b", "c"))
    server.send(done("c", "", 1))
    assert server.resolve_cancel(Cancel()) == ("b",)
    assert server.resolve_cancel(Cancel(all=True)) == ("a", "b")
    assert server.resolve_cancel(Cancel(id="elsewhere")) == ("elsewhere",)
    server.forget("b")
    assert server.newest_active == "a"


@pytest.mark.parametrize("cancel", [Cancel(), Cancel(all=True)])
def test_nothing_to_cancel(cancel: Cancel) -> None:
    server = open_server()
    server.send(accepted("a"))
    server.send(done("a", "", 1))
    assert server.newest_active is None
    with pytest.raises(RemoteProtocolError) as caught:
        server.resolve_cancel(cancel)
    assert (caught.value.code, caught.value.re) == (ErrorCode.NOTHING_TO_CANCEL, "cancel")


# --- the server's end: what goes out ---


@pytest.mark.parametrize("message", [Pong(), accepted("g"), Goodbye(code=1012, reconnect_ms=0), Status(running=0)])
def test_welcome_comes_first(message: ServerMessage) -> None:
    with pytest.raises(LocalProtocolError):
        ServerSession().send(message)


def test_welcome_comes_once() -> None:
    with pytest.raises(LocalProtocolError):
        open_server().send(WELCOME)


@pytest.mark.parametrize(
    "message", [Pong(), Goodbye(code=1012, reconnect_ms=0), Error(code="x", message="x", retryable=False)]
)
def test_goodbye_comes_last(message: ServerMessage) -> None:
    server = open_server()
    server.send(Goodbye(code=1012, reconnect_ms=500))
    with pytest.raises(LocalProtocolError):
        server.send(message)


def test_events_of_a_generation_keep_their_order() -> None:
    server = open_server()
    server.send(accepted("g"))
    server.send(token("g", 1))
    with pytest.raises(LocalProtocolError):
        server.send(token("g", 3))
    assert server.send(token("g", 2)) == '{"type":"token","id":"g","seq":2,"n":1,"text":"x"}'
    server.send(done("g", "xx", 3))
    with pytest.raises(LocalProtocolError):
        server.send(done("g", "xx", 3))


def test_text_that_cannot_be_sent_is_not_counted_as_sent() -> None:
    server = open_server()
    server.send(accepted("g"))
    with pytest.raises(LocalProtocolError):
        server.send(token("g", 1, "\ud83d"))
    server.send(token("g", 1, "🙂"))


def test_status_is_pushed_only_for_what_is_watched() -> None:
    server = open_server()
    status = Status(id="g", state=GenerationState.QUEUED, position=1)
    with pytest.raises(LocalProtocolError):
        server.send(status)
    server.send(accepted("g"))
    server.send(status)
    server.send(done("g", "", 1))
    with pytest.raises(LocalProtocolError):
        server.send(status)
    server.send(Status(running=0, queued=0))


def test_a_status_request_may_be_about_any_generation() -> None:
    server = open_server()
    status = Status(id="g", state=GenerationState.DONE)
    server.receive('{"type":"status","id":"g"}\n{"type":"status","id":"g"}\n{"type":"status"}')
    server.send(Error(re="status", id="g", code="unknown_id", message="no", retryable=False))
    server.send(status)
    with pytest.raises(LocalProtocolError):
        server.send(status)


def test_a_conversation_is_told_of_after_watch_only() -> None:
    server = open_server()
    change = Conversation(id="c1", title="", created_at=0, updated_at=0, pinned=False, version=1, writing=())
    with pytest.raises(LocalProtocolError, match="watch"):
        server.send(change)
    assert server.receive('{"type":"watch"}') == [Watch()]
    assert server.send(change) == codec.encode(change)


def test_a_model_is_told_of_after_watch_only() -> None:
    server = open_server()
    change = Model(name="m1", state=ModelState.LOADED)
    with pytest.raises(LocalProtocolError, match="m1: a model message requires watch"):
        server.send(change)
    assert server.receive('{"type":"watch"}') == [Watch()]
    assert server.send(change) == codec.encode(change)


def test_disconnect_ends_it_from_any_state() -> None:
    for server in (ServerSession(), open_server()):
        server.disconnect()
        server.disconnect()
        assert server.state is ConnectionState.CLOSED
        assert server.receive('{"type":"ping"}') == []
        with pytest.raises(LocalProtocolError):
            server.send(Pong())


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
        ClientSession().receive(frame)


def test_client_shrugs_at_a_later_version() -> None:
    assert open_client().receive('{"type":"news"}\n{"type":"pong","x":1}') == [Pong()]


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
        open_client().send(message)


def test_client_says_hello_once() -> None:
    client = open_client()
    client.send(Hello())
    with pytest.raises(LocalProtocolError):
        client.send(Hello())


def test_client_sends_nothing_after_goodbye() -> None:
    client = open_client()
    feed(client, Goodbye(code=1012, reconnect_ms=0))
    with pytest.raises(LocalProtocolError):
        client.send(Ping())


def read_half() -> dict[str, Cursor]:
    client = open_client()
    feed(client, accepted("g"), token("g", 2, "ab", n=2))
    client.disconnect()
    return client.cursors


def test_client_continues_after_a_drop() -> None:
    client = open_client(read_half())
    client.send(Hello(attach=client.unfinished))
    feed(client, attached("g", 2), token("g", 3, "c"), done("g", "abc", 4))
    assert client.cursors["g"].text == "abc"


@pytest.mark.parametrize("after", [1, 3])
def test_client_asks_only_for_its_own_cursor(after: int) -> None:
    with pytest.raises(LocalProtocolError, match="own cursor"):
        open_client(read_half()).send(Attach(id="g", epoch="e", after=after))


def test_client_may_read_from_the_start_again() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g"))
    feed(client, attached("g", 0), token("g", 3, "abc", n=3))
    assert client.cursors["g"].text == "abc"


def test_client_takes_a_new_log_for_the_old_id() -> None:
    client = open_client(read_half())
    client.send(Generate(id="g", prompt="again"))
    feed(client, accepted("g", epoch="e2"), token("g", 1, "new"))
    assert client.cursors["g"].text == "new"


def test_client_takes_a_snapshot_for_a_lost_log() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g", epoch="e", after=2))
    feed(client, attached("g", 0, epoch="e2", recovered=False), Snapshot(id="g", epoch="e2", seq=5, text="other"))
    assert client.unfinished == (AttachPoint(id="g", epoch="e2", after=5),)
    with pytest.raises(RemoteProtocolError):  # what was asked for before belongs to the other log
        feed(client, attached("g", 2, epoch="e2"))


def test_events_that_cross_an_attach_are_read_once() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g", epoch="e", after=2))
    feed(client, attached("g", 2), token("g", 3, "c"))
    client.send(Attach(id="g", epoch="e", after=3))
    feed(client, token("g", 4, "d"), attached("g", 3), token("g", 5, "de", n=2))
    assert client.cursors["g"].text == "abcde"


def test_attach_after_done_brings_done_again() -> None:
    client = open_client()
    feed(client, accepted("g"), token("g", 1), done("g", "x", 2))
    client.send(Attach(id="g", epoch="e", after=2))
    feed(client, attached("g", 1, to=2))
    assert client.cursors["g"].done is None
    feed(client, done("g", "x", 2))
    assert client.cursors["g"].done is not None


def test_two_attaches_on_their_way_are_both_answered() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g", epoch="e", after=2))
    client.send(Attach(id="g", epoch="e", after=2))
    feed(client, attached("g", 2), token("g", 3, "c"), attached("g", 2), token("g", 4, "cd", n=2))
    assert client.cursors["g"].text == "abcd"


def test_an_attach_that_crosses_done_is_answered() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g", epoch="e", after=2))
    feed(client, attached("g", 2))
    client.send(Attach(id="g", epoch="e", after=2))
    feed(client, done("g", "ab", 3), attached("g", 2, to=3), done("g", "ab", 3))
    assert client.cursors["g"].done is not None


def test_an_attach_may_continue_after_one_to_the_start() -> None:
    client = open_client(read_half())
    client.send(Attach(id="g", epoch="e"))
    client.send(Attach(id="g", epoch="e", after=2))
    feed(client, attached("g", 0), attached("g", 2), token("g", 3, "c"))
    assert client.cursors["g"].text == "abc"


def test_after_detach_the_id_may_be_accepted_again() -> None:
    client = open_client()
    feed(client, accepted("g"))
    client.send(Detach(id="g"))
    feed(client, token("g", 1, "x"), accepted("g", "e2"), token("g", 1, "y"))
    assert client.cursors["g"].text == "y"
    with pytest.raises(RemoteProtocolError):
        feed(client, accepted("g", "e3"))


def test_a_detach_that_crosses_accepted_lets_the_id_be_accepted_again() -> None:
    client = open_client()
    client.send(Detach(id="g"))
    feed(client, accepted("g"), accepted("g", "e2"), token("g", 1, "y"))
    assert (client.cursors["g"].epoch, client.cursors["g"].text) == ("e2", "y")
    with pytest.raises(RemoteProtocolError):
        feed(client, accepted("g", "e3"))


# --- a server that requires a token ---


def open_door() -> ServerSession:
    return open_server(auth=True, opened=NOW)


def test_each_end_knows_its_side() -> None:
    assert (ServerSession().side, ClientSession().side) == (Side.SERVER, Side.CLIENT)


def test_the_door_is_open_unless_asked_otherwise() -> None:
    server = open_server()
    server.due(NOW + 1e9)
    assert (server.deadline, server.close_code) == (None, None)


def test_before_hello_nothing_is_carried_out() -> None:
    server = open_door()
    frame = '{"type":"generate","prompt":"x"}\n{"type":"ping"}\n{"type":"status","id":"g"}'
    results = server.receive(frame)
    assert codes(results) == [ErrorCode.UNEXPECTED_MESSAGE] * 2
    assert results[1] == Ping()
    with pytest.raises(LocalProtocolError):  # a status request that was refused asks for nothing
        server.send(Status(id="g", state=GenerationState.QUEUED))


def test_a_right_token_opens_the_door() -> None:
    server = open_door()
    assert server.receive('{"type":"hello","token":"t"}\n{"type":"status","id":"g"}') == [Hello(token="t")]
    assert server.admit() == [StatusRequest(id="g")]
    server.send(Status(id="g", state=GenerationState.QUEUED))
    assert server.receive('{"type":"ping"}') == [Ping()]
    server.due(NOW + 1e9)
    assert server.close_code is None


def test_a_wrong_token_closes() -> None:
    server = open_door()
    server.receive('{"type":"hello","token":"no"}\n{"type":"generate","prompt":"x"}')
    server.refuse()
    assert server.close_code is CloseCode.BAD_TOKEN
    assert server.receive('{"type":"ping"}') == []


def test_a_socket_may_be_gone_before_the_judgement() -> None:
    server = open_door()
    server.receive('{"type":"hello"}')
    server.disconnect()
    server.refuse()
    assert (server.state, server.close_code) == (ConnectionState.CLOSED, None)


def test_hello_has_ten_seconds() -> None:
    server = open_door()
    assert server.deadline == NOW + 10
    server.due(NOW + 9.9)
    assert server.close_code is None
    server.due(NOW + 10)
    assert server.close_code is CloseCode.NO_HELLO
    server.due(NOW + 11)
    assert server.state is ConnectionState.CLOSING


@pytest.mark.parametrize(("size", "fits"), [(1 << 16, True), ((1 << 16) + 1, False)])
def test_before_hello_a_frame_is_short(size: int, fits: bool) -> None:
    server = open_door()
    server.receive(" " * size)
    assert server.close_code is (None if fits else CloseCode.TOO_BIG)


def test_after_hello_a_frame_may_be_long() -> None:
    server = open_door()
    server.receive('{"type":"hello"}')
    server.admit()
    server.receive(" " * (1 << 17))
    assert server.close_code is None


def test_a_lower_limit_counts_before_hello_too() -> None:
    server = open_server(auth=True, frame_bytes=10)
    server.receive(" " * 11)
    assert server.close_code is CloseCode.TOO_BIG


def test_the_session_speaks_json_by_hand() -> None:
    """The lines that a person types into websocat, and the responses."""
    server = open_server()
    (generate,) = server.receive('{"type":"generate","prompt":"Hi"}')
    assert generate == Generate(prompt="Hi")
    assert json.loads(server.send(accepted("g1"))) == {"type": "accepted", "id": "g1", "epoch": "e", "position": 0}


def test_server_session_holds_back_no_message_of_its_own() -> None:
    server = open_server()
    assert server.receive('{"type":"ping"}') == [Ping()]
    assert server.pending() == []
