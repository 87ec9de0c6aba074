"""Messages of the chat, and the sampling of the next answer. No terminal, no socket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from protocol.client import Sampling
from protocol.messages import ChatMessage

HEADINGS = {"system": "System", "user": "You", "assistant": "Assistant"}


class TerminalConversation:
    """The chat's conversation, owned by the terminal's thread."""

    def __init__(self, system: str | None, parameters: dict[str, Any], model: str | None = None) -> None:
        self.system = system
        self.model = model
        """Name of the model that answers; None: the server's default."""
        self.parameters = parameters
        self._said: list[ChatMessage] = []
        self._saved: set[Path] = set()

    @property
    def sampling(self) -> Sampling:
        return cast(Sampling, dict(self.parameters))

    @property
    def messages(self) -> list[ChatMessage]:
        """All messages, the system prompt first."""
        system = [ChatMessage(role="system", content=self.system)] if self.system else []
        return [*system, *self._said]

    def asking(self, question: str) -> list[ChatMessage]:
        """Return the messages to send for ``question``, which becomes part of the conversation only by ``answered``."""
        return [*self.messages, ChatMessage(role="user", content=question)]

    def answered(self, question: str, answer: Sequence[ChatMessage]) -> None:
        """Store a question and the messages of its answer. Drops the question if there are none."""
        if answer:
            self._said += [ChatMessage(role="user", content=question), *answer]

    def clear(self) -> None:
        """Drop the messages; system prompt and parameters stay."""
        self._said.clear()

    def save(self, path: Path) -> int:
        """Write the conversation to ``path``, as a JSON list if it ends in .json, else as Markdown. Returns the message
        count.

        Raises OSError; FileExistsError for a file that this conversation did not write.
        """
        path = path.expanduser().absolute()
        text = self._json() if path.suffix == ".json" else self._markdown()
        with path.open("w" if path in self._saved else "x", encoding="utf-8") as file:
            file.write(text)
        self._saved.add(path)
        return len(self.messages)

    def _json(self) -> str:
        messages = [{"role": message.role, "content": message.content} for message in self.messages]
        return json.dumps(messages, ensure_ascii=False, indent=2) + "\n"

    def _markdown(self) -> str:
        return "\n".join(f"## {HEADINGS[message.role]}\n\n{message.content.strip()}\n" for message in self.messages)
