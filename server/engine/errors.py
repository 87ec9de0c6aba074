"""Errors of the engine."""

from __future__ import annotations


class EngineError(Exception):
    """Base of the engine's errors. The text is one line with a cause that a person can fix."""


class ModelError(EngineError):
    """The model file can't be used: missing, broken, of another kind, or too large for the memory."""


class LoadAbandonedError(ModelError):
    """The load of a model was stopped because nothing waits for it any more."""


class GrammarError(EngineError):
    """A JSON schema can't be converted to a grammar."""


class EngineDeadError(EngineError):
    """The engine's thread has ended; nothing can be computed until the server restarts."""
