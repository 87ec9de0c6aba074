"""A byte-level BPE vocabulary of any size, made up: it reads any text, and English in a token or two for each word.

In a byte-level vocabulary every byte has a printable stand-in; that of the space is Ġ, and a word begins with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from string import ascii_lowercase

from server.bench.prompts import WORDS

SPACE = "Ġ"
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VOWELS = "aeiou"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """``tokens`` by id: the 256 bytes, what ``merges`` make in their order, then SPECIAL."""

    tokens: tuple[str, ...]
    merges: tuple[str, ...]


def make_vocabulary(size: int) -> Vocabulary:
    """Exactly ``size`` tokens, at least 512 of them and at most about 500,000."""
    letters = byte_letters()
    room = size - len(letters) - len(SPECIAL)
    inner = list(itertools.islice(_inner_parts(), room // 4))
    words = list(itertools.islice(_unique(_words()), room - len(inner)))
    # Words before parts, since BPE does the earliest merge first: a word is so put together from its beginning.
    made = [*words, *inner]
    return Vocabulary((*letters, *made, *SPECIAL), tuple(f"{token[:-1]} {token[-1]}" for token in made))


def byte_letters() -> list[str]:
    """The stand-in of each byte: itself where that is printable, else a letter from U+0100 on."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = itertools.count(0x100)
    return [chr(byte if byte in printable else next(spare)) for byte in range(256)]


def _words() -> Iterator[str]:
    """Beginnings of words, each after what it is merged from."""
    for word in WORDS:
        yield from _beginnings(SPACE + word)
    for length in (1, 2, 3):
        yield from (SPACE + "".join(letters) for letters in itertools.product(ascii_lowercase, repeat=length))
    for letters in itertools.product(ascii_lowercase, VOWELS, ascii_lowercase, ascii_lowercase):
        yield SPACE + "".join(letters)
    yield from (SPACE + "".join(letters) for letters in itertools.product(ascii_lowercase, repeat=4))


def _beginnings(word: str) -> Iterator[str]:
    return (word[:end] for end in range(2, len(word) + 1))


def _inner_parts() -> Iterator[str]:
    """Parts of two and three letters, for what stands behind a known beginning."""
    for length in (2, 3):
        yield from ("".join(letters) for letters in itertools.product(ascii_lowercase, repeat=length))


def _unique(tokens: Iterable[str]) -> Iterator[str]:
    return iter(dict.fromkeys(tokens))
