"""Facts that every object of an answer carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """Facts of one answer, the same in every chunk.

    ``created``: Unix time in seconds; ``model``: the model's id; ``served``: its name in a `generate`.
    """

    id: str
    created: int
    model: str
    served: str
    fingerprint: str

    def choice_id(self, index: int) -> str:
        """Return the id of a choice's generation: that of the answer for the first one."""
        return f"{self.id}.{index}" if index else self.id

    def object(self, kind: str, choices: list[dict[str, Any]], usage: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return an answer or a chunk of it."""
        found: dict[str, Any] = {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
            "choices": choices,
        }
        return found if usage is None else found | {"usage": usage}
