"""Parts of a greedy answer's tokens that are read in chunks, and those that are computed alone."""

from __future__ import annotations

from bisect import bisect_right


class ChunkedParts:
    """Positions at which the tokens of a greedy answer change between chunks and single tokens. Owned by its Sequence.

    The prompt and each instruction are read in chunks. The tokens in between are computed one by one, also when they
    are computed again: together, their last bits would differ from when they were chosen.
    """

    def __init__(self, prompt: int) -> None:
        """``prompt``: number of the prompt's tokens."""
        self._changes = [prompt]
        """Ends of chunked and of single parts in turn, beginning with the prompt's."""

    @property
    def prompt(self) -> int:
        """Number of tokens of the first part, which is read in chunks."""
        return self._changes[0]

    def add(self, start: int, end: int) -> None:
        """Add a chunked part at the end. It extends the one before if no token was chosen in between."""
        if start < self._changes[-1]:
            self._changes[-1] = end
        else:
            self._changes += [start, end]

    def ahead(self, computed: int, missing: int) -> int:
        """Return how many of the ``missing`` tokens after the first ``computed`` ones a step may compute."""
        place = bisect_right(self._changes, computed)
        return 1 if place % 2 else min(missing, self._changes[place] - computed)
