"""The rules of a client message that span several fields; what one field alone must be stands in messages.py."""

import msgspec

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import MAX_SCHEMA_BYTES, Cancel, ClientMessage, Generate


def check(message: ClientMessage) -> None:
    """Raise RemoteProtocolError when the fields of ``message`` do not fit together (PROTOCOL 4.2 and 4.3)."""
    if isinstance(message, Generate):
        _check_source(message)
        _check_text(message)
        _check_schema(message)
    elif isinstance(message, Cancel) and message.id is not None and message.all:
        raise _invalid("cancel", message.id, "all", "cancel takes `id` or `all`, not both; leave one of them out")


def _check_source(message: Generate) -> None:
    if message.prompt is None and message.messages is None:
        raise RemoteProtocolError(
            ErrorCode.MISSING_FIELD,
            'generate needs `prompt` (a string) or `messages` (a list of {"role", "content"}); neither was given',
            field="prompt",
            re="generate",
            id=message.id,
        )
    if message.prompt is not None and message.messages is not None:
        raise _invalid("generate", message.id, "messages", "generate takes `prompt` or `messages`, not both")
    if message.raw and message.prompt is None:
        raise _invalid(
            "generate", message.id, "raw", "raw skips the chat template and so needs `prompt`, not `messages`"
        )


def _check_text(message: Generate) -> None:
    if message.prompt is not None and not message.prompt.strip():
        raise _empty(message.id, "prompt")
    for index, said in enumerate(message.messages or ()):
        if said.role == "user" and not said.content.strip():
            raise _empty(message.id, f"messages[{index}].content")
    if message.messages and message.messages[-1].role != "user":
        path = f"messages[{len(message.messages) - 1}].role"
        text = f'{path} must be "user", since the model answers the last message; it is "{message.messages[-1].role}"'
        raise _invalid("generate", message.id, path, text)


def _check_schema(message: Generate) -> None:
    schema = message.params.json_schema
    if schema is not None and len(size := msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
        path = "params.json_schema"
        text = f"{path} must be an object of up to {MAX_SCHEMA_BYTES} bytes as JSON, not {len(size)}; leave things out"
        raise _invalid("generate", message.id, path, text)


def _empty(id: str | None, path: str) -> RemoteProtocolError:
    text = f"empty prompt: {path} must hold at least one character that is not white space"
    return RemoteProtocolError(ErrorCode.EMPTY_PROMPT, text, field=path, re="generate", id=id)


def _invalid(re: str, id: str | None, path: str, text: str) -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=path, re=re, id=id)
