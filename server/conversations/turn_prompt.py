"""Conversion of a conversation's turn to the model's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from protocol.messages import ChatMessage, Generate, Params
from server.conversations import tool_results
from server.conversations.turns import Turn
from server.conversations.values import Message
from server.writers.writer_port import ServedModel, names_of

SUMMARY_HEAD: Final = "Summary of the conversation so far:\n"
"""Words before a summary, by which the model knows what it is."""


def asked(body: Generate, turn: Turn, models: Sequence[ServedModel]) -> Generate:
    """Return ``body`` with the whole dialogue as its messages, and with the conversation's settings as defaults.

    ``models``: the server's models, the default one first. A setting that names another one is ignored, and so is an
    effort for a model that takes none.
    """
    branch = turn.branch[:-1] if turn.continued else turn.branch
    summary, branch = _after_summary(branch)
    dialogue = tool_results.dialogue(branch, turn.results)
    if turn.content is not None:
        dialogue.append(ChatMessage(role="user", content=turn.content))
    system = [text for text in (turn.settings.system, summary) if text and text.strip()]
    if system:
        dialogue.insert(0, ChatMessage(role="system", content="\n\n".join(system)))
    chosen = turn.settings.model if turn.settings.model in set(names_of(models)) else None
    model = body.model or chosen
    return replace(
        body,
        messages=tuple(dialogue),
        content=None,
        results=None,
        parent=UNSET,
        message_id=None,
        model=model,
        truncation=body.truncation or turn.settings.truncation,
        reasoning_effort=body.reasoning_effort or _effort(turn, model, models),
        params=merged(turn.settings.params, body.params),
    )


def _effort(turn: Turn, name: str | None, models: Sequence[ServedModel]) -> str | None:
    """Return the conversation's effort if the model ``name`` can have one. Without a name: the default model."""
    model = next((each for each in models if name is None or name in names_of([each])), None)
    return turn.settings.reasoning_effort if model and "reasoning" in model.features else None


def _after_summary(branch: tuple[Message, ...]) -> tuple[str, tuple[Message, ...]]:
    """Return the newest summary of a branch, and the messages that it does not cover.

    System messages at the beginning are kept, as they are where messages are left out for room.
    """
    at = next((place for place in range(len(branch) - 1, -1, -1) if branch[place].summary), None)
    if at is None:
        return "", branch
    systems = next((place for place, message in enumerate(branch) if message.role != "system"), len(branch))
    return f"{SUMMARY_HEAD}{branch[at].summary}", branch[: min(systems, at + 1)] + branch[at + 1 :]


def merged(settings: Params, own: Params) -> Params:
    """Return ``settings`` overridden by ``own``."""
    given = {name: value for name in Params.__struct_fields__ if (value := getattr(own, name)) is not None}
    return replace(settings, **given)


def written(turn: Turn) -> str:
    """Return the text that the answer already has."""
    return turn.continued.content if turn.continued else ""
