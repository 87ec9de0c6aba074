"""Rules for a client message that span several fields. Rules for one field are in messages.py."""

from typing import Final

import msgspec
from msgspec import UNSET

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Cancel, ClientMessage, Generate
from protocol.parameter_table import PARAMETERS, JsonObject

SOURCES: Final = ("prompt", "messages", "conversation")
"""The fields that say what a `generate` answers; a valid message has exactly one of them."""

OBJECT_BYTES: Final = {each.name: each.values.most for each in PARAMETERS if isinstance(each.values, JsonObject)}
"""Largest size of each sampling parameter that is an object, in bytes as JSON. A larger one is invalid."""


def check(message: ClientMessage) -> None:
    """Raise RemoteProtocolError when the fields of ``message`` contradict each other (PROTOCOL 4.2 and 4.3)."""
    if isinstance(message, Generate):
        _check_source(message)
        _check_text(message)
        _check_objects(message)
    elif isinstance(message, Cancel) and message.id is not None and message.all:
        raise _invalid("cancel", message.id, "all", "cancel takes `id` or `all`, not both; leave one of them out")


def _check_source(message: Generate) -> None:
    given = [name for name in SOURCES if getattr(message, name) is not None]
    if not given:
        raise _missing(
            message.id,
            "prompt",
            'generate needs `prompt` (a string), `messages` (a list of {"role", "content"}) or `conversation` (an id); '
            "none was given",
        )
    if len(given) > 1:
        text = f"generate takes one of {_listed(SOURCES)}, not `{given[0]}` and `{given[1]}`; leave one of them out"
        raise _invalid("generate", message.id, given[1], text)
    if message.raw and message.prompt is None:
        text = f"raw skips the chat template and so needs `prompt`, not `{given[0]}`"
        raise _invalid("generate", message.id, "raw", text)
    if message.truncation == "auto" and message.prompt is not None:
        text = 'truncation "auto" leaves out old turns, and `prompt` is a single one; use "disabled", or leave it out'
        raise _invalid("generate", message.id, "truncation", text)
    _check_turn(message)


def _check_turn(message: Generate) -> None:
    """Check the fields that describe a turn of a conversation (PROTOCOL 14.2)."""
    if message.conversation is None:
        for name in ("content", "parent", "message_id"):
            if getattr(message, name) not in (None, UNSET):
                text = f"{name} goes with `conversation`; name the conversation, or leave {name} out"
                raise _invalid("generate", message.id, name, text)
        return
    if message.content is None and not isinstance(message.parent, str):
        text = (
            "generate needs `content` (the user's message in the conversation) or `parent` (the message to answer "
            "again, or the answer to continue); neither was given"
        )
        raise _missing(message.id, "content", text)
    if message.content is None and message.message_id is not None:
        text = "message_id names the user's message and so needs `content`; give both, or leave message_id out"
        raise _invalid("generate", message.id, "message_id", text)


def _check_text(message: Generate) -> None:
    for name in ("prompt", "content"):
        text = getattr(message, name)
        if text is not None and not text.strip():
            raise _empty(message.id, name)
    for index, turn in enumerate(message.messages or ()):
        if turn.role == "user" and not turn.content.strip():
            raise _empty(message.id, f"messages[{index}].content")
    if message.messages and message.messages[-1].role != "user":
        path = f"messages[{len(message.messages) - 1}].role"
        text = f'{path} must be "user", since the model answers the last message; it is "{message.messages[-1].role}"'
        raise _invalid("generate", message.id, path, text)


def _check_objects(message: Generate) -> None:
    for name, most in OBJECT_BYTES.items():
        value = getattr(message.params, name)
        if value is not None and (size := len(msgspec.json.encode(value))) > most:
            path = f"params.{name}"
            text = f"{path} must be an object of up to {most} bytes as JSON, not {size}; shorten it"
            raise _invalid("generate", message.id, path, text)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names[:-1]) + f" and `{names[-1]}`"


def _missing(id: str | None, field: str, text: str) -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.MISSING_FIELD, text, field=field, re="generate", id=id)


def _empty(id: str | None, path: str) -> RemoteProtocolError:
    text = f"empty prompt: {path} must hold at least one character that is not white space"
    return RemoteProtocolError(ErrorCode.EMPTY_PROMPT, text, field=path, re="generate", id=id)


def _invalid(re: str, id: str | None, path: str, text: str) -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=path, re=re, id=id)
