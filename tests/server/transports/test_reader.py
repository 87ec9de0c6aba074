"""A reader's messages: events from its cursor, and the status when it has changed."""

from protocol.messages import Generate, Status, Token
from server.engine.base import Delayed, Piece, Prefill
from server.generations.generation import SPEED_INTERVAL, Generation
from server.transports.reader import Reader


def test_reader_gets_no_status_again_that_has_not_changed() -> None:
    generation = Generation("g1", "e1", Generate(id="g1", prompt="Hi"), 0)
    generation.apply(Prefill("g1", 0, 1), 0)
    generation.apply(Piece("g1", "0", 0), 0)
    reader = Reader(generation, 0)
    reader.read()
    kinds = []
    for count in range(1, 5):  # the speed is the same at each of these moments
        generation.apply(Piece("g1", str(count), count), count * SPEED_INTERVAL)
        kinds.append([type(message) for message in reader.read()])
    assert kinds == [[Status, Token], [Token], [Token], [Token]]


def test_status_that_says_why_no_text_comes_follows_all_text() -> None:
    generation = Generation("g1", "e1", Generate(id="g1", prompt="Hi"), 0)
    generation.apply(Prefill("g1", 0, 1), 0)
    generation.apply(Piece("g1", "one", 1), 0)
    reader = Reader(generation, 0)
    reader.read()
    generation.apply(Piece("g1", " two", 2), 0)
    generation.apply(Delayed("g1", "busy"), 0)
    assert reader.read(room=0) == []
    first, second = reader.read()
    assert isinstance(first, Token) and second == generation.status
    assert reader.read() == []
