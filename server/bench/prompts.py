"""Prompts of a given length that no cache contains: English words in an order that is new each time."""

from __future__ import annotations

import random

WORDS = tuple(
    """about above across after again air all almost along also always animal another answer any apple area arm ask away
    back ball base bear beautiful bed before begin behind below best better between big bird black blue boat body book
    both bottom bread bridge bright bring brother brown build burn busy buy call calm camp car carry cat center chair
    change cheap child choose circle city class clean clear climb clock close cloud coast cold color come common
    complete cook cool copy corn corner cotton country course cover cross crowd dance dark day deep desk die different
    dinner doctor door double down draw dream dress drink drive dry early earth east eat edge egg eight either electric
    empty end energy engine enough equal even evening ever every eye face fact family farm fast father feel few field
    fight fill final fine finger fire fish five floor flow flower fly follow food foot forest form forward four free
    friend fruit full game garden gave gentle girl give glad glass gold good grand grass gray great green ground group
    grow half hand happy hard head hear heart heat heavy help here high hill history hold hole home hope horse hot hour
    house huge hundred ice idea inch insect island iron join jump just keep kind king know lady lake land language
    large last late laugh lead learn leave left leg length less letter level lift light line list listen little
    long""".split()
)


class Prompts:
    """A sequence of prompts. The same ``seed`` gives the same sequence, so both sides get the same prompts."""

    def __init__(self, seed: str, tokens_per_word: float) -> None:
        self._random = random.Random(seed)
        self._tokens_per_word = tokens_per_word

    def fresh(self, tokens: int) -> str:
        """Return about ``tokens`` tokens of text, from shuffled decks of all words, which keeps the length of long
        texts accurate."""
        count = max(1, round(tokens / self._tokens_per_word))
        words: list[str] = []
        while len(words) < count:
            words += self._random.sample(WORDS, len(WORDS))
        return " ".join(words[:count])
