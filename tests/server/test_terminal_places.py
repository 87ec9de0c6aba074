"""Alternatives and forks in ``streamui chat``: places, and commands at the prompt and in mid-answer."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from protocol.client import DisconnectedError, RequestError
from protocol.errors import ErrorCode
from protocol.messages import Alternative, ChatMessage, Error, ForkPoint
from server.terminal.commands import CommandError, Commands, ForkWanted
from server.terminal.conversation import TerminalConversation
from server.terminal.pieces import PiecesError, read_pieces
from server.terminal.places import PlaceError, Places, fork_line
from tests.protocol.threaded import serving_in_a_thread
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.test_terminal import answer, said, terminal
from tests.server.transports.peer import DEADLINE
from tests.server.transports.running import RunningServer, refusing_port

PIECES = ["Fro", "gs", " are", "", "\n\nFro", "gs 😀"]
END = 7


def places(*tokens: Alternative, problem: Exception | None = None) -> tuple[Places, list[tuple[str, int]]]:
    """Return places of a generation with PIECES, and the list of the places that were looked up."""
    asked: list[tuple[str, int]] = []

    def look_up(id: str, seq: int, count: int, timeout: float) -> Sequence[Alternative]:
        asked.append((id, seq))
        if problem is not None:
            raise problem
        return tokens

    made = Places(look_up, lambda id: PIECES)
    made.use("g1")
    return made, asked


@pytest.mark.parametrize(
    ("given", "event"),
    [
        ("", END),
        ("1", 1),
        ("7", END),
        ("-1", 6),
        ("-6", 1),
        ("frogs", 5),
        ("Fro", 5),
        ("are", 3),
        ('" are"', 3),
        ("😀", 6),
    ],
)
def test_a_place_is_a_number_or_a_part_of_the_text(given: str, event: int) -> None:
    named, asked = places()
    named.alternatives(given)
    assert asked == [("g1", event)]


@pytest.mark.parametrize("given", ["0", "8", "-7", "toads", "9" * 5000, "1 2"])
def test_a_place_that_is_not_in_the_answer_is_named(given: str) -> None:
    named, asked = places()
    with pytest.raises(PlaceError, match=r"this answer has the places 1 to 7|is not in the answer"):
        named.alternatives(given)
    assert asked == []


def test_alternatives_are_lines_with_the_place_and_what_to_do_next() -> None:
    named, _ = places(
        Alternative(token=" are", logprob=-0.1, chosen=True), Alternative(token="</s>", logprob=-3, end=True)
    )
    assert named.alternatives("3").splitlines() == [
        'place 3, after "Frogs"',
        ' 90.5 %  " are"  chosen',
        '  5.0 %  "</s>"  ends the answer',
        "/fork 3 TEXT writes another answer from there",
    ]
    assert named.alternatives("1").startswith("place 1, the beginning\n")


@pytest.mark.parametrize(
    ("given", "text"),
    [("3", None), ("3 were", " were"), ('3 "were"', "were"), ("1 Toads and", "Toads and"), ("7 x", "x"), ("3 7", " 7")],
)
def test_a_fork_takes_the_space_of_the_answer_before_a_bare_text(given: str, text: str | None) -> None:
    point = places()[0].fork_point(given)
    assert point == ForkPoint(id="g1", seq=int(given[0]), text=text)
    assert places()[0].fork_point(fork_line(point).removeprefix("/fork ")) == point


def test_places_need_an_answer() -> None:
    named, _ = places()
    named.use(None)
    for ask in (named.alternatives, named.fork_point):
        with pytest.raises(PlaceError, match="no answer yet"):
            ask("1")


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (RequestError(Error(code=ErrorCode.BUSY, message="no room", retryable=True)), "no room"),
        (DisconnectedError("gone"), "gone"),
        (TimeoutError(), "too busy"),
    ],
)
def test_a_lookup_that_fails_says_why(problem: Exception, told: str) -> None:
    with pytest.raises(PlaceError, match=told):
        places(problem=problem)[0].alternatives("1")


def test_commands_about_places() -> None:
    named, asked = places()
    commands = Commands(TerminalConversation(None, {}), named)
    assert commands.run("/alternatives are").startswith("place 3")
    with pytest.raises(ForkWanted) as wanted:
        commands.run("/fork 1 Toads")
    assert wanted.value.point == ForkPoint(id="g1", seq=1, text="Toads")
    for bad in ("/fork", "/fork toads", "/alternatives 99"):
        with pytest.raises(CommandError):
            commands.run(bad)
    commands.run("/new")
    with pytest.raises(CommandError, match="no answer yet"):
        commands.run("/alternatives 1")
    assert len(asked) == 1


def test_a_fork_replaces_the_newest_answer() -> None:
    conversation = TerminalConversation(None, {})
    hello = [ChatMessage(role="assistant", content="Hello")]
    conversation.answered("one", hello)
    conversation.answered("two", ())  # stopped before its first token
    conversation.answered_anew(())
    assert [message.content for message in conversation.messages] == ["one", "Hello"]
    for text in ("Red", "Green"):
        conversation.answered_anew([ChatMessage(role="assistant", content=text)])
        assert [message.content for message in conversation.messages] == ["one", "Hello", "two", text]
    conversation.answered("three", hello)
    assert [message.content for message in conversation.messages][3:] == ["Green", "three", "Hello"]


@pytest.fixture
def server() -> Iterator[RunningServer]:
    with serving_in_a_thread(ScriptedModel(slots=2)) as server:
        yield server


def test_pieces_that_cannot_be_read_say_why(server: RunningServer) -> None:
    with pytest.raises(PiecesError, match="no longer has this answer"):
        read_pieces(f"ws://127.0.0.1:{server.port}/ws", None, "no/such?id")
    with refusing_port() as port, pytest.raises(PiecesError, match=r"can't be read: .*refused"):
        read_pieces(f"ws://127.0.0.1:{port}/ws", "token", "g1")


def test_alternatives_and_forks_by_hand(server: RunningServer, tmp_path: Path) -> None:
    with terminal(server) as person:
        person.ask("/fork 1 Green", "! there is no answer yet")
        person.ask("Hi", r"tokens/s\n")
        text = answer(server)
        person.ask("/alternatives 3", r"place 3, after .*\n( *[0-9.]+ %  \".*\n)+/fork 3 TEXT")
        person.ask("/alternatives 9999", "! 9999: this answer has the places 1 to ")
        person.ask('/fork 4 "Green"', r"Green(.*\n)*.*tokens/s\n")
        first, second = server.registry._generations.values()
        assert second.body.from_ == ForkPoint(id=first.log.id, seq=4, text="Green")
        person.ask("/fork 1 " + "x" * 2700, "! from: .* tokens with its prompt")
        person.ask("/alternatives 4", r"place 4, after .*\n(.*\n)* *[0-9.]+ %  \"G.*\"  chosen\n")
        person.ask("/set max_tokens 30", "max_tokens: 30")
        person.ask("/fork 4", r"[0-9]+ tokens.*\n")
        person.ask("Again", r"[0-9]+ tokens.*\n")
        *_, third, _ = server.registry._generations.values()
        assert third.body.params.max_tokens == 30
        assert third.log.text.startswith(first.log.snapshot_at(3).text)
        assert said(server) == [("user", "Hi"), ("assistant", third.log.text), ("user", "Again")]
        assert text == first.log.text


def test_places_in_mid_answer(server: RunningServer, tmp_path: Path) -> None:
    with terminal(server) as person:
        server.model.gate.close()
        person.ask("Hi", "Hi\n")
        server.model.gate.step(14)
        person.expect(r"\S")
        server.model.gate.wait_until_held(DEADLINE)
        person.type("/alternatives 500\r/alternatives 2\r")
        person.expect("! 500: this answer has the places 1 to ")
        deadline = time.monotonic() + DEADLINE
        while not server.engine._inbox:
            assert time.monotonic() < deadline
        server.model.gate.step(2)
        person.expect(r"place 2, after .*\n(.*\n)*.*  chosen\n")
        person.type('/fork 3 "Green"\r')
        person.expect(r"[0-9]+ tokens · .* · stopped\n")
        server.model.gate.open()
        person.expect(r'/fork 3 "Green"\n(.*\n)*.*tokens/s\n')
        person.ask(f"/save {tmp_path / 'chat.json'}", "2 messages written")
    first, second = server.registry._generations.values()
    assert first.log.done is not None and first.log.done.reason == "cancelled"
    saved = json.loads((tmp_path / "chat.json").read_text())
    assert [message["content"] for message in saved] == ["Hi", second.log.text]
    assert second.log.text.startswith(first.log.snapshot_at(2).text + "Green")
