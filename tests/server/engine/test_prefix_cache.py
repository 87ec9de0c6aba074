"""The prefix cache: what it keeps and saves, and where it finds the longest prefix."""

import numpy as np

from server.engine.prefix_cache import Match, PrefixCache, Saved
from server.engine.prefix_tree import Tokens


def tokens(text: str) -> Tokens:
    return np.array([ord(character) for character in text], np.int32)


def state(size: int) -> memoryview:
    return memoryview(bytes(size))


def test_nothing_is_found_where_nothing_is() -> None:
    assert PrefixCache(budget=100).find(tokens("abc"), []) == Match(0)
    assert PrefixCache(budget=100).find(tokens(""), []) == Match(0)


def test_the_longest_is_found_wherever_it_is() -> None:
    cache = PrefixCache(budget=100)
    cache.keep(0, tokens("abcx"))
    assert cache.find(tokens("abcdef"), []) == Match(3, slot=0)
    assert cache.find(tokens("abcdef"), [(1, tokens("abcd"))]) == Match(4, slot=1)
    cache.save(Saved(tokens("abcde"), state(1)))
    found = cache.find(tokens("abcdef"), [(1, tokens("abcd"))])
    assert (found.length, found.slot) == (5, None)
    assert found.saved is not None and found.saved.tokens.tolist() == tokens("abcde").tolist()


def test_one_token_is_left_to_compute() -> None:
    cache = PrefixCache(budget=100)
    cache.keep(0, tokens("abc"))
    assert cache.find(tokens("abc"), []) == Match(2, slot=0)


def test_of_equals_the_free_slot_is_best_and_of_those_the_newest() -> None:
    cache = PrefixCache(budget=100)
    cache.save(Saved(tokens("ab"), state(1)))
    cache.keep(0, tokens("ab"))
    cache.keep(2, tokens("ab"))
    assert cache.find(tokens("abc"), [(1, tokens("ab"))]) == Match(2, slot=2)


def test_least_recently_used_tokens_are_dropped_first() -> None:
    cache = PrefixCache(budget=100)
    for slot, text in enumerate(("a", "b", "c")):
        cache.keep(slot, tokens(text))
    assert cache.oldest() == 0
    cache.keep(0, tokens("a"))
    assert cache.oldest() == 1
    cache.take(1)
    assert (cache.oldest(), cache.kept_tokens) == (2, 2)
    cache.clear_slots()
    assert (cache.oldest(), cache.kept_tokens) == (None, 0)


def is_saved(cache: PrefixCache, *texts: str) -> list[bool]:
    return [cache.is_saved(tokens(text)) for text in texts]


def test_the_budget_is_kept_by_letting_go_of_the_oldest() -> None:
    cache = PrefixCache(budget=10)
    cache.save(Saved(tokens("a"), state(4)))
    cache.save(Saved(tokens("b"), state(4)))
    cache.touch(cache.find(tokens("a?"), []).saved)
    cache.save(Saved(tokens("c"), state(4)))
    assert is_saved(cache, "a", "b", "c") == [True, False, True]
    assert cache.saved_bytes == 8


def test_a_longer_one_replaces_its_own_beginnings() -> None:
    cache = PrefixCache(budget=10)
    cache.save(Saved(tokens("ab"), state(4)))
    cache.save(Saved(tokens("abc"), state(5)))
    assert cache.saved_bytes == 5
    assert is_saved(cache, "ab", "abc") == [True, True]


def test_state_above_the_budget_evicts_nothing() -> None:
    cache = PrefixCache(budget=10)
    cache.save(Saved(tokens("a"), state(4)))
    cache.save(Saved(tokens("b"), state(11)))
    assert is_saved(cache, "a", "b") == [True, False]
    assert cache.saved_bytes == 4


def test_without_a_budget_nothing_is_saved() -> None:
    cache = PrefixCache(budget=0)
    assert not cache.saves
    cache.save(Saved(tokens("a"), state(1)))
    assert cache.saved_bytes == 0
