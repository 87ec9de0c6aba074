"""The prefix tree, compared with a list in which every entry is compared."""

from dataclasses import dataclass
from itertools import takewhile

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from server.engine.prefix_tree import PrefixTree, Tokens, common_prefix


def tokens(text: str) -> Tokens:
    return np.array([ord(character) for character in text], np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    text: str

    @property
    def tokens(self) -> Tokens:
        return tokens(self.text)


def shared(one: str, other: str) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


@given(st.text("ab", max_size=8), st.text("ab", max_size=8))
def test_a_common_prefix_is_what_both_begin_with(one: str, other: str) -> None:
    assert common_prefix(tokens(one), tokens(other)) == shared(one, other)


def test_nothing_is_found_in_an_empty_tree() -> None:
    tree: PrefixTree[Entry] = PrefixTree()
    assert tree.longest(tokens("abc")) == (0, None)
    assert tree.prefixes(tokens("abc")) == []


class TreeMachine(RuleBasedStateMachine):
    """Random changes of a tree and of a list, oldest use first."""

    texts = st.text("abc", min_size=1, max_size=6)

    def __init__(self) -> None:
        super().__init__()
        self.tree: PrefixTree[Entry] = PrefixTree()
        self.entries: list[Entry] = []

    @rule(text=texts)
    def add(self, text: str) -> None:
        if all(entry.text != text for entry in self.entries):
            self.entries.append(Entry(text))
            self.tree.add(self.entries[-1])

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def touch(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.entries))
        self.entries.remove(entry)
        self.entries.append(entry)
        self.tree.touch(entry)

    @precondition(lambda self: self.entries)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.entries))
        self.entries.remove(entry)
        self.tree.remove(entry)

    @rule(prompt=texts)
    def search(self, prompt: str) -> None:
        lengths = [shared(prompt, entry.text) for entry in self.entries]
        best = max(lengths, default=0)
        newest = next((e for e, n in reversed([*zip(self.entries, lengths, strict=True)]) if n == best), None)
        assert self.tree.longest(tokens(prompt)) == (best, newest)

    @rule(prompt=texts)
    def search_prefixes(self, prompt: str) -> None:
        expected = sorted(entry.text for entry in self.entries if prompt.startswith(entry.text))
        assert sorted(entry.text for entry in self.tree.prefixes(tokens(prompt))) == expected

    @invariant()
    def every_entry_is_found_by_its_own_tokens(self) -> None:
        for entry in self.entries:
            length, _ = self.tree.longest(entry.tokens)
            assert length == len(entry.tokens)
            assert entry in self.tree.prefixes(entry.tokens)


TestTree = TreeMachine.TestCase
