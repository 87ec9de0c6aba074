"""Rules for a client message that span several fields. Rules for one field are in messages.py."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Cancel,
    ChatMessage,
    ClientMessage,
    Draft,
    Generate,
    NamedTool,
    Params,
    Steer,
    ToolResult,
    Tune,
)
from protocol.parameter_table import PARAMETERS, JsonObject

SOURCES: Final = ("prompt", "messages", "conversation")
"""The fields that say what a `generate` answers; a valid message has exactly one of them."""

OBJECT_BYTES: Final = {each.name: each.values.most for each in PARAMETERS if isinstance(each.values, JsonObject)}
"""Largest size of each sampling parameter that is an object, in bytes as JSON. A larger one is invalid."""


ANSWERED: Final = ("user", "tool")
"""Roles of the last message of a dialogue."""

CHOICES: Final = ("auto", "none", "required")
"""Values of ``tool_choice`` that name no function."""

TEMPLATE_BYTES: Final = 65_536
"""Largest size of ``chat_template_kwargs``, in bytes as JSON. A larger object is invalid."""


_PLAIN: Final = Generate()

OF_THE_FORKED: Final = (
    "prompt",
    "messages",
    "content",
    "results",
    "parent",
    "message_id",
    "model",
    "raw",
    "truncation",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "chat_template_kwargs",
)
"""Fields of a `generate` that can't go with ``from``: a fork has those of the answer that it continues from."""


def check(message: ClientMessage) -> None:
    """Raise RemoteProtocolError when the fields of ``message`` contradict each other (PROTOCOL 4)."""
    if isinstance(message, Generate):
        _check_source(message)
        _check_text(message)
        _check_roles(message.messages or (), "generate", message.id)
        _check_tools(message)
        _check_objects(message)
    elif isinstance(message, Cancel) and message.id is not None and message.all:
        raise _invalid("cancel", message.id, "all", "cancel takes `id` or `all`, not both; leave one of them out")
    elif isinstance(message, Steer) and not message.content.strip():
        text = "content must hold at least one character that is not white space; write an instruction"
        raise _invalid("steer", message.id, "content", text)
    elif isinstance(message, Draft):
        _check_draft(message)
    elif isinstance(message, Tune):
        _check_tune(message)


def _check_tune(message: Tune) -> None:
    if message.params.json_schema is not None:
        text = (
            "params.json_schema can't be tuned: an answer has one form from its beginning on; cancel it, and ask again"
        )
        field = "params.json_schema"
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text, field=field, re="tune", id=message.id)
    if message.params == Params() and message.on_detach_ms is UNSET:
        text = "tune needs a value to change: at least one field in `params`, or `on_detach_ms`; none was given"
        raise _missing(message.id, "params", text, re="tune")


def _check_draft(message: Draft) -> None:
    if message.messages is not None and message.conversation is not None:
        text = "draft takes `messages` or `conversation`, not both; leave one of them out"
        raise _invalid("draft", None, "conversation", text)
    for name in ("content", "parent"):
        if message.conversation is None and getattr(message, name) not in (None, UNSET):
            text = f"{name} goes with `conversation`; name the conversation, or leave {name} out"
            raise _invalid("draft", None, name, text)
    if message.conversation is not None and message.content is None:
        text = "draft needs `content` (what the user is writing in the conversation); it may be empty"
        raise _missing(None, "content", text, re="draft")
    _check_turns(message.messages or (), "draft", None)
    _check_roles(message.messages or (), "draft", None, answered=("user",))


def _check_fork(message: Generate) -> None:
    """Check the fields of a `generate` that continues from a place of another answer (PROTOCOL 6.12)."""
    if message.temporary and message.conversation is not None:
        raise _stored(message)
    for name in OF_THE_FORKED:
        if getattr(message, name) != getattr(_PLAIN, name):
            text = f"{name} can't go with `from`: the new answer has that of the one which it forks; leave {name} out"
            raise _invalid("generate", message.id, name, text)
    if message.params.json_schema is not None:
        field = "params.json_schema"
        text = f"{field} can't go with `from`: an answer has one form from its beginning on; ask anew"
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text, field=field, re="generate", id=message.id)


def _check_source(message: Generate) -> None:
    if message.from_ is not None:
        return _check_fork(message)
    given = [name for name in SOURCES if getattr(message, name) is not None]
    if not given:
        raise _missing(
            message.id,
            "prompt",
            'generate needs `prompt` (a string), `messages` (a list of {"role", "content"}), `conversation` (an id) or '
            "`from` (a place in an answer); none was given",
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
    if message.temporary and message.conversation is not None:
        raise _stored(message)
    _check_turn(message)


def _check_turn(message: Generate) -> None:
    """Check the fields that describe a turn of a conversation (PROTOCOL 14.2)."""
    if message.conversation is None:
        for name in ("content", "results", "parent", "message_id"):
            if getattr(message, name) not in (None, UNSET):
                text = f"{name} goes with `conversation`; name the conversation, or leave {name} out"
                raise _invalid("generate", message.id, name, text)
        return
    if message.results is not None:
        _check_results(message, message.results)
    elif message.content is None and not isinstance(message.parent, str):
        text = (
            "generate needs `content` (the user's message in the conversation), `results` (of the calls in an answer) "
            "or `parent` (the message to answer again, or the answer to continue); none was given"
        )
        raise _missing(message.id, "content", text)
    if message.content is None and message.message_id is not None:
        text = "message_id names the user's message and so needs `content`; give both, or leave message_id out"
        raise _invalid("generate", message.id, "message_id", text)


def _check_results(message: Generate, results: Sequence[ToolResult]) -> None:
    """Check the results of an answer's calls. The conversation knows which calls there are."""
    if message.content is not None:
        text = "generate takes `content` or `results`, not both; send the results, and the message after the answer"
        raise _invalid("generate", message.id, "results", text)
    if message.parent is None:
        text = "parent can't be null with `results`: name the answer that has the calls, or leave parent out"
        raise _invalid("generate", message.id, "parent", text)
    ids = [result.tool_call_id for result in results]
    for index, id in enumerate(ids):
        if id in ids[:index]:
            path = f"results[{index}].tool_call_id"
            text = f"{path}: {id!r} is given twice; give one result for each call"
            raise _invalid("generate", message.id, path, text)


def _check_text(message: Generate) -> None:
    for name in ("prompt", "content"):
        text = getattr(message, name)
        if text is not None and not text.strip():
            raise _empty("generate", message.id, name)
    _check_turns(message.messages or (), "generate", message.id)


def _check_turns(messages: Sequence[ChatMessage], re: str, id: str | None) -> None:
    for index, turn in enumerate(messages):
        if turn.role == "user" and not turn.content.strip():
            raise _empty(re, id, f"messages[{index}].content")


def _check_roles(
    messages: Sequence[ChatMessage], re: str, id: str | None, answered: tuple[str, ...] = ANSWERED
) -> None:
    """Check the fields that only some roles have, and that the last role is one of ``answered``."""
    for index, turn in enumerate(messages):
        path = f"messages[{index}]"
        if turn.tool_calls and turn.role != "assistant":
            text = f'{path}.tool_calls: only a message of the role "assistant" has calls; it is "{turn.role}"'
            raise _invalid(re, id, f"{path}.tool_calls", text)
        if turn.tool_call_id is not None and turn.role != "tool":
            text = f'{path}.tool_call_id: only a message of the role "tool" answers a call; it is "{turn.role}"'
            raise _invalid(re, id, f"{path}.tool_call_id", text)
        if turn.tool_call_id is None and turn.role == "tool":
            text = f"{path}.tool_call_id is missing; it must be the id of the call that this result is of"
            raise _missing(id, f"{path}.tool_call_id", text, re=re)
    if messages and messages[-1].role not in answered:
        path = f"messages[{len(messages) - 1}].role"
        roles = " or ".join(f'"{role}"' for role in answered)
        text = f'{path} must be {roles}, since the model answers the last message; it is "{messages[-1].role}"'
        raise _invalid(re, id, path, text)


def _check_tools(message: Generate) -> None:
    """Check tools and the choice of one (PROTOCOL 15.1)."""
    names = [tool.function.name for tool in message.tools]
    for index, name in enumerate(names):
        if name in names[:index]:
            path = f"tools[{index}].function.name"
            raise _invalid("generate", message.id, path, f"{path}: {name!r} is given twice; give each its own name")
    if names and message.raw:
        text = "tools can't go with `raw`, which has no chat template to offer them; leave one of them out"
        raise _invalid("generate", message.id, "tools", text)
    choice = message.tool_choice
    if isinstance(choice, str) and choice not in CHOICES:
        text = f'tool_choice must be one of {", ".join(CHOICES)}, or {{"function": {{"name": …}}}}, not {choice[:80]!r}'
        raise _invalid("generate", message.id, "tool_choice", text)
    if isinstance(choice, NamedTool) and choice.function.name not in names:
        path = "tool_choice.function.name"
        text = f"{path}: there is no function {choice.function.name!r} in `tools`; name one of them"
        raise _invalid("generate", message.id, path, text)
    if choice == "required" and not names:
        text = 'tool_choice "required" needs `tools`; give at least one'
        raise _invalid("generate", message.id, "tool_choice", text)
    if (
        isinstance(choice, NamedTool | str)
        and choice not in ("auto", "none")
        and message.params.json_schema is not None
    ):
        text = "params.json_schema can't go with a forced call, whose form its function decides; leave one of them out"
        raise _invalid("generate", message.id, "params.json_schema", text)


def _check_objects(message: Generate) -> None:
    for name, most in OBJECT_BYTES.items():
        value = getattr(message.params, name)
        if value is not None and (size := len(msgspec.json.encode(value))) > most:
            path = f"params.{name}"
            text = f"{path} must be an object of up to {most} bytes as JSON, not {size}; shorten it"
            raise _invalid("generate", message.id, path, text)
    if (size := len(msgspec.json.encode(message.chat_template_kwargs))) > TEMPLATE_BYTES:
        path = "chat_template_kwargs"
        text = f"{path} must be an object of up to {TEMPLATE_BYTES} bytes as JSON, not {size}; shorten it"
        raise _invalid("generate", message.id, path, text)


def _stored(message: Generate) -> RemoteProtocolError:
    text = "temporary can't go with `conversation`, which the server stores; send the dialogue as `messages`"
    return _invalid("generate", message.id, "temporary", text)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names[:-1]) + f" and `{names[-1]}`"


def _missing(id: str | None, field: str, text: str, re: str = "generate") -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.MISSING_FIELD, text, field=field, re=re, id=id)


def _empty(re: str, id: str | None, path: str) -> RemoteProtocolError:
    text = f"empty prompt: {path} must hold at least one character that is not white space"
    return RemoteProtocolError(ErrorCode.EMPTY_PROMPT, text, field=path, re=re, id=id)


def _invalid(re: str, id: str | None, path: str, text: str) -> RemoteProtocolError:
    return RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field=path, re=re, id=id)
