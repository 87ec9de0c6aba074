"""Speculative decoding of an answer that is alone in its batch: several proposed tokens are verified in one step.

Each row's token is chosen by the answer's own sampler from the model's logits, and the rows after the first one that
differs from the proposal are dropped. So the proposals change how fast an answer is, and not how likely it is.
"""

from __future__ import annotations

import logging
import operator
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from enum import StrEnum
from itertools import takewhile
from typing import NamedTuple

from server.engine.draft_model_control import DraftModelControl
from server.engine.draft_model_proposer import DraftModelProposer
from server.engine.model import DecodeError, DraftModel, Model, Row
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
    """Proposals for the step that is being computed. ``verified``: number of tokens of ``proposal`` that have a row;
    ``drafted``: tokens of the draft model, which have the rows then; ``written``: number of tokens that ``sequence``
    had written before."""

    sequence: Sequence
    proposal: Proposal
    verified: int
    drafted: tuple[int, ...]
    written: int


class Speculation:
    """Adds proposed tokens to plans and measures what that brings. Owned by the worker's thread.

    With several answers in a batch there are no proposals: llama.cpp would split the batch, since their slots would
    have different numbers of rows. Nor with a shared KV cache, where they could take the last cells.
    """

    def __init__(self, mode: Speculative, model: Model, draft: DraftModel | None = None) -> None:
        self.proposed = 0
        """Number of proposed tokens that were verified."""
        self.accepted = 0
        """Number of those that the sampler chose too."""
        self.drafting = 0.0
        """Seconds that the draft model has worked for the last plan."""
        self._all = mode is Speculative.ALL
        self._enabled = mode is not Speculative.OFF and model.can_cut and not model.shared
        self._context = model.facts.context
        self._control = SpeculationControl()
        self._proposer = NgramProposer()
        self._draft = draft
        self._draft_proposer = DraftModelProposer(draft, model.facts.vocabulary) if draft else None
        self._draft_control = DraftModelControl(self._control.costs)
        self._owner: Sequence | None = None
        """The answer whose tokens the proposer has."""
        self._trial: _Trial | None = None

    @property
    def decode_seconds(self) -> float:
        """Total time that the draft model has spent computing batches, in seconds."""
        return self._draft.decode_seconds if self._draft else 0.0

    def begin_step(self) -> None:
        """Forget the step before, which may have failed or been abandoned."""
        self._trial, self.drafting = None, 0.0

    def extend(self, plan: Plan, interrupted: Callable[[], bool]) -> Plan:
        """Return ``plan`` with rows for proposed tokens if its only row is the newest token of a suitable answer.

        The draft model stops once ``interrupted``. The caller must not compute the plan then.
        """
        if not self._enabled or len(plan.rows) != 1:
            return plan
        share = plan.shares[0]
        if share.output is None or share.reading or not self._suits(share.sequence):
            return plan
        sequence, row = share.sequence, plan.rows[0]
        proposal = self._propose(sequence)
        count = self._control.length(proposal.matched, len(proposal.tokens))
        drafted = self._let_draft(sequence, self._control.gain(proposal.matched, count), interrupted)
        self._trial = _Trial(sequence, proposal, 0 if drafted else count, drafted, sequence.completion_tokens)
        proposed = drafted or proposal.tokens[:count]
        if not proposed:
            return plan
        added = [Row(token, row.slot, row.position + n, logits=True) for n, token in enumerate(proposed, start=1)]
        return Plan([row, *added], [replace(share, proposed=proposed)], [])

    def learn(self, seconds: float) -> None:
        """Record the duration of the step of the last plan, without that of the draft model's work. Its tokens have
        been chosen."""
        trial, self._trial = self._trial, None
        if trial is None:
            return
        count = trial.sequence.completion_tokens - trial.written
        chosen = trial.sequence.tokens[-count:] if count else []
        if trial.drafted:
            right = _agreement(trial.drafted, chosen)
            self._control.costs.learn(len(trial.drafted) + 1, seconds)
            self._draft_control.verified(len(trial.drafted), right)
            self._count(len(trial.drafted), right)
        self._learn_of_matches(trial, chosen, seconds)

    def _learn_of_matches(self, trial: _Trial, chosen: list[int], seconds: float) -> None:
        matched, tried = trial.proposal.matched, trial.proposal.tokens[: trial.verified or 1]
        right = _agreement(tried, chosen)
        self._control.accepted(matched, right, rejected=right < len(tried))
        if not trial.drafted:
            rows, tokens = trial.verified + 1, right + 1 if trial.verified else 1
            self._control.took(rows, tokens, seconds)
            self._draft_control.went_without(rows, tokens)
        if trial.verified:
            self._count(trial.verified, right)

    def _count(self, proposed: int, right: int) -> None:
        self.proposed += proposed
        self.accepted += right

    def cut_failed(self) -> None:
        """Stop all proposals: the model could not drop the rows of wrong ones."""
        self._enabled = False
        logger.warning("this model can't drop single tokens of a chat: it computes without proposals from now on")

    def ended(self, sequence: Sequence) -> None:
        """Drop the index of an answer that has ended."""
        if sequence is self._owner:
            self._owner, self._proposer = None, NgramProposer()
        if self._draft_proposer:
            try:
                self._draft_proposer.ended(sequence)
            except DecodeError as error:
                self._draft_failed(error)

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
        return self._proposer.propose(self._room(sequence, self._context))

    def _let_draft(self, sequence: Sequence, other: float, interrupted: Callable[[], bool]) -> tuple[int, ...]:
        """Let the draft model read or propose tokens where that pays. ``other``: as in DraftModelControl.next."""
        if self._draft_proposer is None or sequence.shortened:  # a full context that is shifted is read anew each time
            return ()
        try:
            return self._drafted(self._draft_proposer, sequence, other, interrupted)
        except DecodeError as error:
            self._draft_failed(error)
            return ()

    def _drafted(
        self, proposer: DraftModelProposer, sequence: Sequence, other: float, interrupted: Callable[[], bool]
    ) -> tuple[int, ...]:
        started, control, missing = time.perf_counter(), self._draft_control, proposer.missing(sequence)
        work = control.next(self._room(sequence, min(self._context, proposer.context)), missing, other)
        read = proposer.read(sequence, work.read) if work.read else 0
        proposed = proposer.propose(sequence, work.propose, interrupted) if work.propose else ()
        self.drafting = time.perf_counter() - started
        control.read(read, self.drafting)
        if work.propose and not interrupted():
            control.proposed(max(1, len(proposed)), missing, self.drafting)
        return proposed

    def _draft_failed(self, error: DecodeError) -> None:
        logger.warning("the draft model is switched off until the model is loaded again: %s", error)
        self._draft_proposer = None

    def _room(self, sequence: Sequence, context: int) -> int:
        """Return how many tokens may be proposed: no more than the answer has room for."""
        most, room = sequence.request.sampling.max_tokens, context - len(sequence.tokens)
        if most is not None:
            room = min(room, most - sequence.completion_tokens)
        return min(room - 1, LENGTHS[-1])


def _agreement(one: Iterable[int], other: Iterable[int]) -> int:
    """Return the number of tokens at the beginning of both that are equal."""
    return sum(1 for _ in takewhile(bool, map(operator.eq, one, other)))
