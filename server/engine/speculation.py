"""Speculative decoding of an answer that is alone in its batch: several proposed tokens are verified in one step.

Each row's token is chosen by the answer's own sampler from the model's logits, and the rows after the first one that
differs from the proposal are dropped. So the proposals change how fast an answer is, and not how likely it is.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

from server.engine.model import Model, Row
from server.engine.ngram_proposer import NOTHING, NgramProposer, Proposal
from server.engine.scheduler import Plan
from server.engine.sequence import Sequence
from server.engine.speculation_control import LENGTHS, SpeculationControl

logger = logging.getLogger(__name__)


class Speculative(StrEnum):
    """Answers for which proposals are verified, where that pays.

    AUTO: those that need not be repeatable (GenerationRequest.repeatable): a row has other last bits beside further
    rows of its answer than alone, and whether there are any depends on measured durations. ALL: every answer.
    """

    AUTO = "auto"
    ALL = "all"
    OFF = "off"


class _Trial(NamedTuple):
    """Proposal for the step that is being computed. ``verified``: number of its tokens that have a row; ``written``:
    number of tokens that ``sequence`` had written before."""

    sequence: Sequence
    proposal: Proposal
    verified: int
    written: int


class Speculation:
    """Adds proposed tokens to plans and measures what that brings. Owned by the worker's thread.

    With several answers in a batch there are no proposals: llama.cpp would split the batch, since their slots would
    have different numbers of rows. Nor with a shared KV cache, where they could take the last cells.
    """

    def __init__(self, mode: Speculative, model: Model) -> None:
        self.proposed = 0
        """Number of proposed tokens that were verified."""
        self.accepted = 0
        """Number of those that the sampler chose too."""
        self._all = mode is Speculative.ALL
        self._enabled = mode is not Speculative.OFF and model.can_cut and not model.shared
        self._context = model.facts.context
        self._control = SpeculationControl()
        self._proposer = NgramProposer()
        self._owner: Sequence | None = None
        """The answer whose tokens the proposer has."""
        self._trial: _Trial | None = None

    def extend(self, plan: Plan) -> Plan:
        """Return ``plan`` with rows for proposed tokens if its only row is the newest token of a suitable answer."""
        self._trial = None
        if not self._enabled or len(plan.rows) != 1:
            return plan
        share = plan.shares[0]
        if share.output is None or share.reading or not self._suits(share.sequence):
            return plan
        sequence, row = share.sequence, plan.rows[0]
        proposal = self._propose(sequence)
        count = self._control.length(proposal.matched, len(proposal.tokens))
        self._trial = _Trial(sequence, proposal, count, sequence.completion_tokens)
        if not count:
            return plan
        proposed = proposal.tokens[:count]
        added = [Row(token, row.slot, row.position + n, logits=True) for n, token in enumerate(proposed, start=1)]
        return Plan([row, *added], [replace(share, proposed=proposed)], [])

    def learn(self, seconds: float) -> None:
        """Record the duration of the step of the last plan. Its tokens have been chosen."""
        trial, self._trial = self._trial, None
        if trial is None:
            return
        if not trial.proposal.matched:
            self._control.took(1, 1, seconds)
            return
        chosen = trial.sequence.completion_tokens - trial.written
        tried = trial.proposal.tokens[: trial.verified or 1]
        right = _agreement(tried, trial.sequence.tokens[-chosen:] if chosen else [])
        self._control.accepted(trial.proposal.matched, right, rejected=right < len(tried))
        self._control.took(trial.verified + 1, right + 1 if trial.verified else 1, seconds)
        if trial.verified:
            self.proposed += trial.verified
            self.accepted += right

    def cut_failed(self) -> None:
        """Stop all proposals: the model could not drop the rows of wrong ones."""
        self._enabled = False
        logger.warning("this model can't drop single tokens of a chat: it computes without proposals from now on")

    def ended(self, sequence: Sequence) -> None:
        """Drop the index of an answer that has ended."""
        if sequence is self._owner:
            self._owner, self._proposer = None, NgramProposer()

    def _suits(self, sequence: Sequence) -> bool:
        if not sequence.writing:
            return False
        request = sequence.request
        return self._all or not (request.repeatable or request.sampling.temperature == 0)

    def _propose(self, sequence: Sequence) -> Proposal:
        """Propose no more tokens than the answer has room for; the last row's token needs a place too."""
        if sequence is not self._owner or len(self._proposer) > len(sequence.tokens):
            self._owner, self._proposer = sequence, NgramProposer()
        self._proposer.extend(sequence.tokens[len(self._proposer) :])
        if not self._proposer.matches:
            return NOTHING
        most, room = sequence.request.sampling.max_tokens, self._context - len(sequence.tokens)
        if most is not None:
            room = min(room, most - sequence.completion_tokens)
        return self._proposer.propose(min(room - 1, LENGTHS[-1]))


def _agreement(one: Iterable[int], other: Iterable[int]) -> int:
    """Return the number of tokens at the beginning of both that are equal."""
    return sum(1 for _ in takewhile(bool, map(operator.eq, one, other)))
