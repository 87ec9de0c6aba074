"""Reports of an answer about an upstream that sends no text."""

import json
from collections.abc import Sequence

from server.engine.base import Delayed, Piece, Prefill, Update
from tests.server.writers.upstream.scripted import Scripted, held_port
from tests.server.writers.upstream.scripted_reply import ANSWER, Reply, Seen
from tests.server.writers.upstream.writing import Writing, writing

BUSY = json.dumps({"error": {"message": "Loading model"}}).encode()


def story(updates: Sequence[Update]) -> list[str]:
    """Return the reported states in order, and once in a row "text" for pieces and "prompt" for progress of the
    prompt."""
    words: list[str] = []
    for each in updates:
        word = {Piece: "text", Prefill: "prompt"}.get(type(each))
        word = each.upstream if isinstance(each, Delayed) else word
        if word and (isinstance(each, Delayed) or words[-1:] != [word]):
            words.append(word)
    return words


def test_a_cut_and_a_busy_upstream_in_mid_answer_are_reported_until_text_comes_again(
    llama: Scripted, desk: Writing
) -> None:
    def plan(seen: Seen) -> Reply:
        if seen.before == 0:
            return Reply(hold=2, error={"message": "restarting"})
        return Reply() if seen.before > 3 else Reply(status=503, body=BUSY)

    llama.plan = plan
    desk.ask("a", params={"seed": 1})
    desk.news.finished("a")
    assert desk.news.text("a") == ANSWER
    assert story(desk.news.of("a")) == ["prompt", "text", "cut", "busy", "reading", "text"]


def test_a_busy_upstream_before_the_first_text_is_reported_until_it_reads_the_prompt(
    llama: Scripted, desk: Writing
) -> None:
    llama.plan = lambda seen: Reply() if seen.before > 2 else Reply(status=503, body=BUSY)
    desk.ask("a", params={"seed": 1})
    desk.news.finished("a")
    assert story(desk.news.of("a")) == ["busy", "prompt", "text"]


def test_an_upstream_that_can_not_be_reached_is_reported_until_it_is_back() -> None:
    with held_port() as port, Scripted("llama-server", lambda seen: Reply(hold=2), port) as first:
        with writing(first) as desk:
            desk.ask("a", params={"seed": 1})
            desk.news.pieces("a", at_least=2)
            first.__exit__()
            desk.news.delayed("a", "away")
            with Scripted("llama-server", port=port):
                desk.news.finished("a")
            assert desk.news.text("a") == ANSWER
            told = story(desk.news.of("a"))
            assert (told[:2], told[-3:]) == (["prompt", "text"], ["away", "reading", "text"])
