"""A conversation as Markdown, for people: the branch that is shown, which can be read back exactly.

    <!-- streamui:conversation {"title":"Frogs","created_at":1764000000000} -->
    # Frogs

    <!-- streamui:message {"role":"user","created_at":1764000000000} -->
    ## User

    What do frogs eat?

A line of a message that looks like such a comment gets a backslash before it, and one more if it has some.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from protocol.messages import CallId, Count, ToolCall
from server.conversations import tree
from server.conversations.formats.draft import BadItemError, Draft, DraftMessage, settings_of
from server.conversations.values import MAX_SUMMARY, About, Message, Whole

_NAMES: Final = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}
_LOOKS_LIKE: Final = re.compile(r"^(?=\\*<!-- streamui:)", re.MULTILINE)
_ESCAPED: Final = re.compile(r"^\\(?=\\*<!-- streamui:)", re.MULTILINE)
_MARK: Final = re.compile(r"^<!-- streamui:(conversation|message) (\{.*\}) -->\n", re.MULTILINE)


class _Head(Struct, frozen=True, kw_only=True):
    title: str = ""
    created_at: Count = 0
    system: str | None = None


class _Said(Struct, frozen=True, kw_only=True):
    role: str
    created_at: Count = 0
    summary: Annotated[str, Meta(max_length=MAX_SUMMARY)] | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: CallId | None = None


def exported(conversation: Whole) -> str:
    """Export the displayed branch."""
    by_id = {message.id: message for message in conversation.messages}
    branch = tree.path({id: message.parent for id, message in by_id.items()}, conversation.leaf)
    head = {"title": conversation.title, "created_at": conversation.created_at}
    if conversation.settings.system:
        head["system"] = conversation.settings.system
    return "".join(
        (
            _mark("conversation", head),
            f"# {conversation.title}\n\n",
            *(_section(by_id[id]) for id in branch),
        )
    )


def is_ours(body: bytes) -> bool:
    """Tell whether the file begins like an exported conversation."""
    return body.lstrip().startswith(b"<!-- streamui:")


def read(text: str) -> Draft:
    """Read one conversation. Raises BadItemError, msgspec.DecodeError."""
    if text.partition("\n")[0].endswith("-->\r"):  # an editor changed the line ends
        text = text.replace("\r\n", "\n")
    kinds_and_bodies = _MARK.split(text)[1:]
    parts = [kinds_and_bodies[at : at + 3] for at in range(0, len(kinds_and_bodies), 3)]
    if not parts or parts[0][0] != "conversation" or any(kind == "conversation" for kind, _, _ in parts[1:]):
        raise BadItemError("it is not Markdown exported by StreamUI: it has no line `<!-- streamui:conversation ...`")
    head = msgspec.json.decode(parts[0][1], type=_Head)
    messages: list[DraftMessage] = []
    for number, (_, json, body) in enumerate(parts[1:], 1):
        said = msgspec.json.decode(json, type=_Said)
        parent = messages[-1].id if messages else None
        content = _content(said.role, body)
        messages.append(
            DraftMessage(
                id=f"m{number}",
                parent=parent,
                role=said.role,
                content=content,
                created_at=said.created_at,
                about=About(summary=said.summary, tool_calls=said.tool_calls, tool_call_id=said.tool_call_id),
            )
        )
    return Draft(
        id=None,
        title=head.title,
        messages=tuple(messages),
        created_at=head.created_at,
        settings=settings_of(head.system),
    )


def _section(message: Message) -> str:
    names = ("summary", "tool_calls", "tool_call_id")
    given = {name: value for name in names if (value := getattr(message, name))}
    mark = _mark("message", {"role": message.role, "created_at": message.created_at, **given})
    content = _LOOKS_LIKE.sub(r"\\", message.content)
    return f"{mark}{_heading(message.role)}{content}\n\n"


def _content(role: str, body: str) -> str:
    content = body.removeprefix(_heading(role))
    content = content.removesuffix("\n").removesuffix("\n") if content.endswith("\n\n") else content.removesuffix("\n")
    return _ESCAPED.sub("", content)


def _heading(role: str) -> str:
    return f"## {_NAMES.get(role, role)}\n\n"


def _mark(kind: str, facts: dict[str, Any]) -> str:
    json = msgspec.json.encode(facts).decode().replace(">", "\\u003e").replace("<", "\\u003c")
    return f"<!-- streamui:{kind} {json} -->\n"
