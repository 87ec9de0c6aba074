"""Parts of the Writer port that need the model's tokens, which an upstream doesn't tell."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate, Params, Tune
from server.engine.base import Draft, GenerationRequest, Instruction, Lookup, Tuning
from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.writer_port import Forked


class WithoutTokens:
    """Refuses what can't be done for a model behind another server. ``known`` says which one that is."""

    known: KnownUpstream

    def tokenize(self, model: str, text: str, *, plain: bool = False) -> list[int]:
        raise self._no_tokens()

    def pieces(self, model: str, tokens: Sequence[int]) -> list[bytes]:
        raise self._no_tokens()

    @property
    def reads_ahead(self) -> bool:
        return False  # an upstream may count each request

    def prepare_draft(self, key: str, body: Generate, *, principal: str) -> Draft | None:
        return None

    def read_ahead(self, draft: Draft) -> None:
        """Do nothing: there are no drafts."""

    def forget_draft(self, key: str) -> None:
        """Do nothing: there are no drafts."""

    def instruction(self, model: str, body: Generate, content: str) -> Instruction:
        text = f"this model is behind {self.known.title}, which takes no instruction in mid-answer; cancel it"
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text)

    def steer(self, key: str, model: str, instruction: Instruction) -> None:
        raise self._no_tokens()

    def tuning(self, model: str, body: Generate, message: Tune) -> Tuning:
        text = f"this model is behind {self.known.title}, which takes no other parameters in mid-answer; cancel it"
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text)

    def tune(self, key: str, model: str, tuning: Tuning) -> None:
        raise self._no_tokens()

    def fork(self, body: Generate, form: Generate, taken: GenerationRequest, tuned: Params) -> Forked:
        raise self._no_tokens("from: ")

    def look_up(self, model: str, lookup: Lookup) -> None:
        raise self._no_tokens("id: ")

    def _no_tokens(self, field: str = "") -> RemoteProtocolError:
        text = f"{field}this model is behind {self.known.title}, and its tokens aren't known here"
        return RemoteProtocolError(ErrorCode.UNSUPPORTED, text)
