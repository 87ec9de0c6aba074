"""A conversation read from a file, before it is stored, and its validation. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from msgspec import structs

from protocol.messages import Params
from server.conversations import tree
from server.conversations.titles import title_of
from server.conversations.values import MAX_SYSTEM, MAX_TITLE, About, ConversationSettings, MessageState

MOST_MESSAGES: Final = 100_000
"""Maximum number of messages per conversation."""

ROLES: Final = ("user", "assistant", "system", "tool")
LAST_TIME: Final = 2**53 - 1

_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class BadItemError(Exception):
    """This conversation can't be imported; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftMessage:
    """One message. ``id`` and ``parent`` are any text, as in the file; ``created_at`` 0: unknown."""

    id: str
    parent: str | None
    role: str
    content: str
    created_at: int = 0
    state: MessageState = MessageState.DONE
    about: About = field(default_factory=About)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One conversation. ``id`` None, times 0, ``leaf`` None, ``title`` "": not in the file."""

    id: str | None
    title: str
    messages: tuple[DraftMessage, ...]
    leaf: str | None = None
    created_at: int = 0
    updated_at: int = 0
    pinned: bool = False
    settings: ConversationSettings = field(default_factory=ConversationSettings)


def checked(draft: Draft, now: int) -> Draft:
    """Return ``draft`` with ids, times and a leaf that can be stored, and without results that have no call.

    Raises BadItemError.
    """
    if len(draft.messages) > MOST_MESSAGES:
        raise BadItemError(f"it has {len(draft.messages)} messages; the maximum is {MOST_MESSAGES}")
    kept = without(map(_with_own_calls, draft.messages), _without_call(draft.messages, _parents(draft.messages)))
    parents = _parents(kept)
    names = {id: id if _ID.fullmatch(id) else secrets.token_hex(8) for id in parents}
    created = _time(draft.created_at, now)
    messages = tuple(
        replace(
            message,
            id=names[message.id],
            parent=None if message.parent is None else names[message.parent],
            created_at=_time(message.created_at, created),
        )
        for message in kept
    )
    leaf = draft.leaf if draft.leaf in parents else tree.newest_leaf(parents, None)
    return replace(
        draft,
        id=draft.id if draft.id and _ID.fullmatch(draft.id) else None,
        title=title_of(draft.title[:MAX_TITLE], MAX_TITLE),
        messages=messages,
        leaf=None if leaf is None else names[leaf],
        created_at=created,
        updated_at=_time(draft.updated_at, created),
    )


def without(messages: Iterable[DraftMessage], dropped: set[str]) -> tuple[DraftMessage, ...]:
    """Return ``messages`` without those ``dropped``; their branches move to the nearest message above. Raises
    BadItemError."""
    messages = tuple(messages)
    parents = _parents(messages)
    above: dict[str | None, str | None] = {}
    for id in dropped & parents.keys():
        path = tree.path(parents, id)
        above[id] = next((one for one in reversed(path) if one not in dropped), None)
    kept = (message for message in messages if message.id not in dropped)
    return tuple(replace(message, parent=above.get(message.parent, message.parent)) for message in kept)


def _with_own_calls(message: DraftMessage) -> DraftMessage:
    """Return a message without the calls, or the call, that a message of its role can't have."""
    about = message.about
    if message.role != "assistant" and about.tool_calls is not None:
        about = structs.replace(about, tool_calls=None)
    if message.role != "tool" and about.tool_call_id is not None:
        about = structs.replace(about, tool_call_id=None)
    return replace(message, about=about)


def _without_call(messages: Iterable[DraftMessage], parents: Mapping[str, str | None]) -> set[str]:
    """Return the results without a call in the answer above them; other results may be between both."""
    by_id = {message.id: message for message in messages}
    calls: dict[str | None, frozenset[str]] = {None: frozenset()}
    """Calls that a result right below a message may answer."""
    for id in parents_first(parents):
        message = by_id[id]
        own = frozenset(call.id for call in message.about.tool_calls or () if message.role == "assistant")
        calls[id] = calls[message.parent] if message.role == "tool" else own
    return {id for id, m in by_id.items() if m.role == "tool" and m.about.tool_call_id not in calls[m.parent]}


def parents_first(above: Mapping[str, str | None]) -> list[str]:
    """Return the ids of a tree, each after its parent."""
    ordered: dict[str, None] = {}
    for id in above:
        path: list[str] = []
        at: str | None = id
        while at is not None and at not in ordered:
            path.append(at)
            at = above[at]
        ordered.update(dict.fromkeys(reversed(path)))
    return list(ordered)


def settings_of(system: str | None, params: Params | None = None) -> ConversationSettings:
    """Build the settings. Raises BadItemError."""
    if system is not None and len(system) > MAX_SYSTEM:
        raise BadItemError(f"its system prompt has {len(system)} characters; the maximum is {MAX_SYSTEM}")
    return ConversationSettings(system=system or None, params=params or Params())


def with_system(draft: Draft) -> Draft:
    """Turn the system message at the root of ``draft``, if there is one, into its system prompt."""
    roots = [message for message in draft.messages if message.parent is None]
    if len(roots) != 1 or roots[0].role != "system":
        return draft
    system = roots[0].content if roots[0].content.strip() else draft.settings.system
    messages = without(draft.messages, {roots[0].id})
    return replace(draft, messages=messages, settings=settings_of(system, draft.settings.params))


def _parents(messages: tuple[DraftMessage, ...]) -> dict[str, str | None]:
    """Map each id to its parent. Raises BadItemError when the messages don't form a tree."""
    parents: dict[str, str | None] = {}
    for message in messages:
        if message.id in parents:
            raise BadItemError(f"two of its messages have the id {_short(message.id)}")
        if message.role not in ROLES:
            raise BadItemError(f"message {_short(message.id)} has the role {_short(message.role)}")
        parents[message.id] = message.parent
    for id, parent in parents.items():
        if parent is not None and parent not in parents:
            raise BadItemError(f"message {_short(id)} has the parent {_short(parent)}, which is missing")
    _refuse_circles(parents)
    return parents


def _refuse_circles(parents: dict[str, str | None]) -> None:
    sound: set[str | None] = {None}
    for start in parents:
        walked: dict[str, None] = {}
        at: str | None = start
        while at not in sound:
            assert at is not None
            if at in walked:
                raise BadItemError(f"message {_short(at)} is below itself")
            walked[at] = None
            at = parents[at]
        sound.update(walked)


def _time(given: int, otherwise: int) -> int:
    return given if 0 < given <= LAST_TIME else otherwise


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "...")
