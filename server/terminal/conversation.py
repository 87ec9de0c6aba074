"""Messages of the chat, and the sampling of the next answer. No terminal, no socket."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from protocol.client import Sampling
from protocol.messages import ChatMessage, Tool, ToolCall

HEADINGS = {"system": "System", "user": "You", "assistant": "Assistant", "tool": "Result"}


class TerminalConversation:
    """The chat's conversation, owned by the terminal's thread."""

    def __init__(self, system: str | None, parameters: dict[str, Any], model: str | None = None) -> None:
        self.system = system
        self.model = model
        """Name of the model that answers; None: the server's default."""
        self.parameters = parameters
        self.tools: tuple[Tool, ...] = ()
        """Functions that the model may call."""
        self._said: list[ChatMessage] = []
        self._newest = (0, "")
        self._saved: set[Path] = set()

    @property
    def sampling(self) -> Sampling:
        return cast(Sampling, dict(self.parameters))

    @property
    def messages(self) -> list[ChatMessage]:
        """All messages, the system prompt first."""
        system = [ChatMessage(role="system", content=self.system)] if self.system else []
        return [*system, *self._said]

    def asking(self, question: str, after: Sequence[ChatMessage] = ()) -> list[ChatMessage]:
        """Return the messages to send for ``question``, which becomes part of the conversation only by ``answered``.

        ``after``: calls and results that followed the question.
        """
        return [*self.messages, ChatMessage(role="user", content=question), *after]

    def answered(self, question: str, answer: Sequence[ChatMessage]) -> None:
        """Store a question and the messages of its answer. Drops the question if there are none."""
        self._newest = (len(self._said), question)
        if answer:
            self._said += [ChatMessage(role="user", content=question), *answer]

    def answered_anew(self, answer: Sequence[ChatMessage]) -> None:
        """Replace the answer to the newest question. Without messages the earlier one stays."""
        begin, question = self._newest
        if answer:
            self._said[begin:] = [ChatMessage(role="user", content=question), *answer]

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
        messages = msgspec.to_builtins(self.messages)
        return json.dumps(messages, ensure_ascii=False, indent=2) + "\n"

    def _markdown(self) -> str:
        return "\n".join(f"## {HEADINGS[message.role]}\n\n{_text(message)}\n" for message in self.messages)


def call_text(call: ToolCall) -> str:
    """Format a call such as ``add {"a": 1}``."""
    return f"{call.function.name} {call.function.arguments}"


def _text(message: ChatMessage) -> str:
    calls = [f"`{call_text(call)}`" for call in message.tool_calls or ()]
    return "\n\n".join(filter(None, [message.content.strip(), *calls]))
