"""State of an answer that an earlier engine has begun: what its context lacks, and the text that it holds back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from server.engine.sequence import Sequence


def replay(sequence: Sequence, piece: Callable[[int], bytes]) -> None:
    """Bring the detokenizer to its state after the tokens of an earlier engine; ``piece`` returns their bytes."""
    request, detokenizer = sequence.request, sequence.detokenizer
    changes = deque(request.earlier_stops)
    for number, token in enumerate(sequence.resumed, len(request.written) - len(sequence.resumed)):
        while changes and changes[0][0] <= number:
            changes.popleft()
        detokenizer.change_stop(changes[0][1] if changes else request.sampling.stop)
        detokenizer.push(piece(token))
    detokenizer.change_stop(request.sampling.stop)


def fit(sequence: Sequence, context: int, anchors: int) -> None:
    """Drop, before anything is computed, the tokens that an earlier engine dropped from the full context."""
    while len(sequence.tokens) >= context and sequence.request.written:
        del sequence.tokens[anchors : anchors + sequence.older_half(anchors)]
        sequence.shortened = True
    sequence.prompt = np.array(sequence.tokens, np.int32)
