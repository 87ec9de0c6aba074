"""Conversations as values, for the tables and for the HTTP endpoints (PROTOCOL 14.1)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from protocol.messages import (
    MAX_TOOLS,
    CallId,
    Conversation,
    Count,
    DoneReason,
    Effort,
    ErrorInfo,
    EventSeq,
    Facts,
    Id,
    Milliseconds,
    ModelName,
    NamedTool,
    Params,
    Record,
    Role,
    Timings,
    Tool,
    ToolCall,
    Truncation,
    Usage,
)

MAX_TITLE = 200
"""Maximum length of a title chosen by a user, in characters."""

MAX_SUMMARY = 65_536
"""Most characters of a summary of earlier messages."""

MAX_SYSTEM = 262_144
"""Maximum length of a system prompt, in characters."""

MAX_THOUGHTS = 64
"""Thoughts of an answer that are timed. What comes after them is not."""

RESERVED = ("export", "import")
"""Words in the endpoints' paths, which no conversation may have as its id."""

Title = Annotated[str, Meta(max_length=MAX_TITLE)]


class MessageState(StrEnum):
    """State of a message."""

    DONE = "done"
    WRITING = "writing"  # `content` is the text from before its generation
    STOPPED = "stopped"  # cancelled
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # the server stopped before the answer ended


STATES = {
    DoneReason.STOP: MessageState.DONE,
    DoneReason.LENGTH: MessageState.DONE,
    DoneReason.CANCELLED: MessageState.STOPPED,
    DoneReason.FAILED: MessageState.FAILED,
    DoneReason.INTERRUPTED: MessageState.INTERRUPTED,
}
"""State of a message by the reason its generation ended."""


ToolChoice = Literal["auto", "none", "required"] | NamedTool
"""Choice of a call, as in a `generate`."""


class ConversationSettings(Record, frozen=True, kw_only=True):
    """Defaults for every answer in a conversation; a `generate` may override them.

    ``tools`` and ``tool_choice`` are no defaults: a client that can answer calls sends them with each `generate`.
    """

    system: Annotated[str, Meta(max_length=MAX_SYSTEM)] | None = None
    params: Params = Params()
    model: ModelName | None = None
    truncation: Truncation | None = None
    reasoning_effort: Effort | None = None
    tools: Annotated[tuple[Tool, ...], Meta(max_length=MAX_TOOLS)] = ()
    tool_choice: ToolChoice | None = None

    @property
    def told_tools(self) -> tuple[Tool, ...]:
        """Tools that the next prompt of such a client tells the model of."""
        return () if self.tool_choice == "none" else self.tools


class Earlier(Facts, frozen=True, kw_only=True):
    """The generations of a continued answer before its last one, together.

    ``generations``: how many of them wrote a token. ``decode``: milliseconds; left out where it is not known of each.
    """

    generations: Count
    completion_tokens: Count
    decode: Milliseconds | None = None


class About(Facts, frozen=True, kw_only=True):
    """Facts about an answer's generation. ``dropped``: number of earlier messages that the model was not given.

    ``thoughts``: duration of each of its thoughts, in milliseconds; 0 when unknown. ``summary``: text that the model is
    given in place of this message and all above it. ``edited_at``: time of the user's last change of its text, in
    milliseconds since the Unix epoch. ``tool_calls``: of an answer, whose text has them too. ``tool_call_id``: of a
    message with the role ``tool``, the call in the answer above that it is the result of.
    """

    reason: DoneReason | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    limit: Literal["max_tokens", "context"] | None = None
    earlier: Earlier | None = None
    thoughts: Annotated[tuple[Count, ...], Meta(max_length=MAX_THOUGHTS)] | None = None
    model: str | None = None
    error: ErrorInfo | None = None
    dropped: EventSeq | None = None
    summary: Annotated[str, Meta(max_length=MAX_SUMMARY)] | None = None
    edited_at: Count | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: CallId | None = None


class Message(About, frozen=True, kw_only=True):
    """One message. ``created_at``: milliseconds since the Unix epoch; ``generation``: the last one that wrote it."""

    id: Id
    parent: Id | None
    role: Role
    content: str
    created_at: Count
    state: MessageState
    generation: Id | None


class Summary(Facts, frozen=True, kw_only=True):
    """A conversation without its messages. ``writing``: the generations that write in it."""

    id: Id
    title: str
    created_at: Count
    updated_at: Count
    pinned: bool
    version: Count
    writing: tuple[Id, ...]


class Whole(Summary, frozen=True, kw_only=True):
    """A complete conversation. ``leaf``: the end of the displayed branch."""

    settings: ConversationSettings
    leaf: Id | None
    messages: tuple[Message, ...]


class SnippetPiece(Struct, frozen=True):
    """A part of a snippet. ``match``: it is a hit."""

    text: str
    match: bool


class Found(Summary, frozen=True, kw_only=True):
    """A search result. ``message``: the message with the hit; None: the title has it."""

    snippet: tuple[SnippetPiece, ...]
    message: Id | None


class Listed(Struct, frozen=True):
    """A page of the list. ``next``: cursor of the following page; None on the last one."""

    conversations: tuple[Summary, ...]
    next: str | None


class Deleted(Struct, frozen=True):
    """Confirmation of a delete. ``restore_until``: milliseconds since the Unix epoch."""

    id: Id
    restore_until: int


class BranchPoint(Record, frozen=True, kw_only=True):
    """A message of a conversation, as the end of a branch."""

    conversation: Id
    message: Id


class NewConversation(Record, frozen=True, kw_only=True):
    """Fields that a client may set when it creates a conversation.

    ``branch``: the new conversation begins as a copy of this branch, and has its title and settings unless others are
    given.
    """

    id: Id | None = None
    title: Title | None = None
    settings: ConversationSettings | None = None
    branch: BranchPoint | None = None


class Change(Record, frozen=True, kw_only=True):
    """Fields of a conversation that a client may change. An empty title resets it to the first message's."""

    title: Title | None = None
    pinned: bool | None = None
    leaf: Id | None = None
    settings: ConversationSettings | None = None


class MessageChange(Record, frozen=True, kw_only=True):
    """Change of a message by a client. A blank summary, or None, removes it.

    ``content``: new text of an answer. ``was``: the text that the client has changed; the change is refused if the
    message has another text by now. None: replace any text.
    """

    summary: Annotated[str, Meta(max_length=MAX_SUMMARY)] | UnsetType | None = UNSET
    content: str | None = None
    was: str | None = None


class ContextQuery(Record, frozen=True, kw_only=True):
    """Branch to measure, with a message that is not sent yet; fields as in a `generate`."""

    parent: Id | UnsetType | None = UNSET
    content: str | None = None


class Context(Facts, frozen=True, kw_only=True):
    """Part of the model's context that a branch takes (PROTOCOL 14.3), in tokens; ``dropped`` counts messages."""

    tokens: Count
    context: Count
    room: Count
    dropped: Count = 0


def event(summary: Summary, *, deleted: bool = False) -> Conversation:
    """Build the `conversation` message for a change."""
    names = Summary.__struct_fields__
    return Conversation(**{name: getattr(summary, name) for name in names}, deleted=deleted)


def encoded(value: object) -> str:
    return msgspec.json.encode(value).decode() + "\n"
