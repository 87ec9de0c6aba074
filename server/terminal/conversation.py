"""What was said, and how the next answer is to be sampled. No terminal, no socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from protocol.client import Sampling
from protocol.messages import ChatMessage

HEADINGS = {"system": "System", "user": "You", "assistant": "Assistant"}


class Conversation:
    """Owned by the terminal's thread."""

    def __init__(self, system: str | None, parameters: dict[str, Any]) -> None:
        self.system = system
        self.parameters = parameters
        self._said: list[ChatMessage] = []
        self._saved: set[Path] = set()

    @property
    def sampling(self) -> Sampling:
        return cast(Sampling, dict(self.parameters))

    @property
    def messages(self) -> list[ChatMessage]:
        """All of it, the system prompt first."""
        system = [ChatMessage(role="system", content=self.system)] if self.system else []
        return [*system, *self._said]

    def asking(self, question: str) -> list[ChatMessage]:
        """What to send for ``question``; it is not part of the conversation before ``answered``."""
        return [*self.messages, ChatMessage(role="user", content=question)]

    def answered(self, question: str, answer: str) -> None:
        """Keep both. An answer without text is not kept, nor is its question."""
        if answer:
            self._said += [ChatMessage(role="user", content=question), ChatMessage(role="assistant", content=answer)]

    def clear(self) -> None:
        """Forget what was said; system prompt and parameters stay."""
        self._said.clear()

    def save(self, path: Path) -> int:
        """Write it to ``path``: a list of messages if that ends in .json, else Markdown. Returns how many there are.

        Raises OSError; FileExistsError for a file that this conversation did not write itself.
        """
        path = path.expanduser().absolute()
        text = self._json() if path.suffix == ".json" else self._markdown()
        with path.open("w" if path in self._saved else "x", encoding="utf-8") as file:
            file.write(text)
        self._saved.add(path)
        return len(self.messages)

    def _json(self) -> str:
        said = [{"role": message.role, "content": message.content} for message in self.messages]
        return json.dumps(said, ensure_ascii=False, indent=2) + "\n"

    def _markdown(self) -> str:
        return "\n".join(f"## {HEADINGS[message.role]}\n\n{message.content.strip()}\n" for message in self.messages)
