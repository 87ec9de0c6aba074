"""Calls and their results in conversations: which results fit an answer, and both as the model gets them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import ChatMessage, ToolCall, ToolResult
from server.chat.tools.history import call_text
from server.chat.tools.without_calls import without_calls
from server.conversations.values import Message


def of_calls(branch: Sequence[Message], results: Sequence[ToolResult]) -> tuple[ToolResult, ...]:
    """Return the results of all calls in the last message of a branch, in the order of the calls.

    Raises RemoteProtocolError: invalid_field when there is no such call, missing_field when a call has no result.
    """
    calls = (branch[-1].tool_calls if branch else None) or ()
    if not calls:
        what = f"{branch[-1].id!r} has none" if branch else "the conversation has no message"
        text = f"results: parent must be an answer with calls, and {what}; send a message as `content`"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="parent")
    known = {call.id: None for call in calls}
    for index, result in enumerate(results):
        if result.tool_call_id not in known:
            path = f"results[{index}].tool_call_id"
            there = ", ".join(map(repr, known))
            text = f"{path}: answer {branch[-1].id!r} has no call {result.tool_call_id!r}; name one of {there}"
            raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=path)
    given = {result.tool_call_id: result for result in results}
    for call in calls:
        if call.id not in given:
            text = f"results: call {call.id!r} of {call.function.name!r} has no result; give one for each call"
            raise RemoteProtocolError(ErrorCode.MISSING_FIELD, text, field="results")
    return tuple(given[id] for id in known)


def message_id(generation: str, number: int) -> str:
    """Return the id of the message with a result, numbered from 1 (PROTOCOL 14.2)."""
    return f"{generation}-result-{number}"


def dialogue(branch: Sequence[Message], results: Sequence[ToolResult] = ()) -> list[ChatMessage]:
    """Return the messages of a branch, and ``results`` of the calls at its end, as the model gets them.

    A call without a result is given as the text that the model wrote, and a result without its call as a text of the
    user, since many templates refuse one without the other.
    """
    last = tuple(result.tool_call_id for result in results)
    answered = [_ids_below(branch, place, last) for place in range(len(branch))]
    found, called = list[ChatMessage](), set[str]()
    for message, ids in zip(branch, answered, strict=True):
        if message.role == "tool":
            found.append(_result(message, called))
            continue
        calls = tuple(call for call in message.tool_calls or () if call.id in ids)
        called = {call.id for call in calls}
        found.append(_with_calls(message, calls))
    return found + [ChatMessage(role="tool", content=each.content, tool_call_id=each.tool_call_id) for each in results]


def _ids_below(branch: Sequence[Message], place: int, last: Collection[str]) -> set[str]:
    """Return the calls that the results right below the message at ``place`` answer; ``last``: those below the end."""
    end = next((at for at in range(place + 1, len(branch)) if branch[at].role != "tool"), len(branch))
    ids = {message.tool_call_id or "" for message in branch[place + 1 : end]}
    return ids | set(last) if end == len(branch) else ids


def _result(message: Message, called: set[str]) -> ChatMessage:
    if message.tool_call_id in called:
        return ChatMessage(role="tool", content=message.content, tool_call_id=message.tool_call_id)
    return ChatMessage(role="user", content=message.content or "(nothing)")


def _with_calls(message: Message, calls: tuple[ToolCall, ...]) -> ChatMessage:
    if calls:
        text = without_calls(message.content, {call.function.name for call in calls})
        return ChatMessage(role="assistant", content=text, tool_calls=calls)
    return ChatMessage(role=message.role, content=message.content or "\n".join(_call_texts(message)))


def _call_texts(message: Message) -> Iterator[str]:
    for call in message.tool_calls or ():
        yield call_text({"name": call.function.name, "arguments": call.function.arguments})
