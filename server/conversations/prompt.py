"""Conversion of a conversation's turn to the model's input."""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from protocol.messages import ChatMessage, Generate, Params
from server.conversations.turns import Turn


def asked(body: Generate, turn: Turn) -> Generate:
    """Return ``body`` with the whole dialogue as its messages, and with the conversation's parameters as defaults."""
    branch = turn.branch[:-1] if turn.goes_on else turn.branch
    said = [ChatMessage(role=message.role, content=message.content) for message in branch]
    if turn.content is not None:
        said.append(ChatMessage(role="user", content=turn.content))
    system = turn.settings.system
    if system and system.strip():
        said.insert(0, ChatMessage(role="system", content=system))
    return replace(
        body,
        messages=tuple(said),
        content=None,
        parent=UNSET,
        message_id=None,
        truncation=body.truncation or turn.settings.truncation,
        params=merged(turn.settings.params, body.params),
    )


def merged(settings: Params, own: Params) -> Params:
    """Return ``settings`` overridden by ``own``."""
    given = {name: value for name in Params.__struct_fields__ if (value := getattr(own, name)) is not None}
    return replace(settings, **given)


def written(turn: Turn) -> str:
    """Return the text that the answer already has."""
    return turn.goes_on.content if turn.goes_on else ""
