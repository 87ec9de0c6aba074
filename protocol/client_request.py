"""Arguments of ``Chat.generate`` in Python, and the `generate` message that they make."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from msgspec import UnsetType
from msgspec.structs import replace

from protocol.messages import (
    ChatMessage,
    ForkPoint,
    Generate,
    NamedTool,
    Params,
    Tool,
    ToolCall,
    ToolResult,
    Truncation,
)
from protocol.parameter_table import PARAMETERS, Texts
from protocol.params import ParamsKeywords

Prompt = str | Sequence[ChatMessage | Mapping[str, Any]]
"""One turn of the user, or a whole dialogue of ``{"role": ..., "content": ...}``, also with ``tool_calls`` and
``tool_call_id``."""


class Sampling(ParamsKeywords, total=False):
    """Sampling parameters as keywords. PROTOCOL 4.2 has meanings and ranges. None: the server's default.

    ``top_logprobs`` is a field beside ``params`` in the message; it adds logprobs to the `token` events.
    """

    top_logprobs: int | None


class Asking(Sampling, total=False):
    """All keywords of ``Chat.generate``: sampling, ``model`` and ``truncation`` (PROTOCOL 4.2), and the turn of a
    conversation (14.2). ``tools``, ``tool_choice`` and ``results`` may be objects as in the message (15).

    ``fork``: the place of another answer that this one continues from, in place of a prompt (PROTOCOL 6.12).
    ``temporary``: the server writes nothing of the generation to disk (PROTOCOL 6.11).
    ``results``: of all calls in the answer ``parent`` of the conversation, in place of ``content``. ``parent`` None: a
    new first message.
    """

    fork: ForkPoint
    conversation: str
    content: str | None
    results: Sequence[ToolResult | Mapping[str, Any]]
    parent: str | None
    message_id: str | None
    model: str | None
    truncation: Truncation | None
    tools: Sequence[Tool | Mapping[str, Any]]
    tool_choice: str | NamedTool | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    reasoning_effort: str | None
    chat_template_kwargs: dict[str, Any] | None
    temporary: bool


BESIDE: Final = (
    "conversation",
    "content",
    "results",
    "parent",
    "message_id",
    "model",
    "truncation",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "chat_template_kwargs",
    "temporary",
)
"""Keywords that are fields of the message itself, beside ``params``."""

LISTS: Final = tuple(each.name for each in PARAMETERS if isinstance(each.values, Texts))
"""Keywords that are lists of strings; a single string is a list of one."""


def generate_request(
    prompt: Prompt | None, id: str, raw: bool, on_detach_ms: int | UnsetType | None, asking: Asking
) -> Generate:
    """Build the `generate` message for these arguments. Encoding it checks the values.

    Raises TypeError for a keyword that ``Asking`` does not have.
    """
    values: dict[str, Any] = {**asking}
    top_logprobs = values.pop("top_logprobs", None)
    from_ = values.pop("fork", None)
    beside = {name: values.pop(name) for name in BESIDE if name in values}
    for name in ("tools", "results"):
        if name in beside:
            beside[name] = tuple(beside[name])
    params = params_of(values)
    request = Generate(
        id=id, from_=from_, raw=raw, params=params, top_logprobs=top_logprobs, on_detach_ms=on_detach_ms, **beside
    )
    if prompt is None:
        return request
    if isinstance(prompt, str):
        return replace(request, prompt=prompt)
    return replace(request, messages=dialogue(prompt))


def params_of(given: Mapping[str, Any]) -> Params:
    """Build `params` from keywords. Raises TypeError for an unknown one; encoding a message checks the values."""
    values = {**given}
    for name in LISTS:
        if isinstance(values.get(name), str):
            values[name] = (values[name],)
    return Params(**values)


def dialogue(prompt: Prompt) -> tuple[ChatMessage, ...]:
    """Return a prompt as a whole dialogue."""
    if isinstance(prompt, str):
        return (ChatMessage(role="user", content=prompt),)
    return tuple(turn if isinstance(turn, ChatMessage) else _chat_message(turn) for turn in prompt)


def _chat_message(turn: Mapping[str, Any]) -> ChatMessage:
    calls = turn.get("tool_calls")
    return ChatMessage(
        role=cast(Any, turn.get("role")),
        content=cast(str, turn.get("content")),
        tool_calls=None if calls is None else tuple(cast(Sequence[ToolCall], calls)),
        tool_call_id=turn.get("tool_call_id"),
    )
