"""The error of a `generate` that is refused."""

from __future__ import annotations

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate


def refusal(body: Generate, code: ErrorCode, text: str, *, field: str | None = None) -> RemoteProtocolError:
    """Return the error that refuses ``body``."""
    return RemoteProtocolError(code, text, field=field, re="generate", id=body.id)


class PromptTooLongError(RemoteProtocolError):
    """A prompt that doesn't fit into the context. ``tokens``: its length; of a very long one, a lower bound.
    ``context``: the model's."""

    def __init__(self, body: Generate, text: str, *, field: str, tokens: int, context: int) -> None:
        super().__init__(ErrorCode.CONTEXT_OVERFLOW, text, field=field, re="generate", id=body.id)
        self.tokens = tokens
        self.context = context
