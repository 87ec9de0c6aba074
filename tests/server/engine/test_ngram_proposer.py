"""Proposals from earlier tokens of the same chat."""

import random

import pytest

from server.engine.ngram_proposer import CANDIDATES, LONGEST, NOTHING, SHORTEST, NgramProposer, Proposal


def proposer(tokens: list[int]) -> NgramProposer:
    index = NgramProposer()
    index.extend(tokens)
    return index


def by_comparing_everything(tokens: list[int], count: int) -> Proposal:
    """Return the proposal as its definition says, without an index."""
    best = (0, 0)
    seen = 0
    for place in range(len(tokens) - 1, SHORTEST - 1, -1):
        length = 0
        while length < min(LONGEST, place) and tokens[place - length - 1] == tokens[len(tokens) - length - 1]:
            length += 1
        if length < SHORTEST:
            continue
        seen += 1
        if seen > CANDIDATES:
            break
        best = max(best, (length, place), key=lambda pair: pair[0])
    if not best[0]:
        return NOTHING
    proposed = list(tokens)
    for at in range(best[1], best[1] + count):
        proposed.append(proposed[at])
    return Proposal(best[0], tuple(proposed[len(tokens) :]))


def test_what_followed_the_same_tokens_before_is_proposed() -> None:
    assert proposer([1, 2, 3, 4, 5, 6, 9, 1, 2, 3]).propose(3) == (3, (4, 5, 6))


@pytest.mark.parametrize("tokens", [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 9, 1, 2]])
def test_nothing_is_proposed_without_three_tokens_that_came_before(tokens: list[int]) -> None:
    assert proposer(tokens).propose(4) == NOTHING


@pytest.mark.parametrize("count", [0, -1])
def test_nothing_is_proposed_where_there_is_no_room(count: int) -> None:
    assert proposer([1, 2, 3, 4, 1, 2, 3]).propose(count) == NOTHING


def test_a_longer_match_is_preferred_to_a_newer_one() -> None:
    assert proposer([7, 1, 2, 3, 50, 8, 1, 2, 3, 60, 7, 1, 2, 3]).propose(1) == (4, (50,))


def test_the_newest_of_equal_matches_is_preferred() -> None:
    assert proposer([1, 2, 3, 50, 1, 2, 3, 60, 9, 1, 2, 3]).propose(1) == (3, (60,))


def test_a_repetition_is_continued_past_the_end() -> None:
    assert proposer([5, 1, 2, 1, 2, 1, 2]).propose(5).tokens == (1, 2, 1, 2, 1)


def test_a_match_counts_at_most_the_longest() -> None:
    text = list(range(3 * LONGEST))
    assert proposer([*text, 999, *text[:-4]]).propose(4) == (LONGEST, tuple(text[-4:]))


def test_tokens_that_come_one_by_one_give_the_same_proposals() -> None:
    chooser = random.Random(5)
    tokens = [chooser.randrange(3) for _ in range(300)]
    index = NgramProposer()
    for number, token in enumerate(tokens, start=1):
        index.extend([token])
        assert len(index) == number
        assert index.matches == (index.propose(1) != NOTHING)
        assert index.propose(6) == by_comparing_everything(tokens[:number], 6)
