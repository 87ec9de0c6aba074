"""Arguments of ``Chat.generate`` in Python, and the `generate` message that they make."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from msgspec import UnsetType
from msgspec.structs import replace

from protocol.messages import ChatMessage, Generate, Params, Role, Truncation
from protocol.parameter_table import PARAMETERS, Texts
from protocol.params import ParamsKeywords

Prompt = str | Sequence[ChatMessage | Mapping[str, str]]
"""One turn of the user, or a whole dialogue of ``{"role": ..., "content": ...}``."""


class Sampling(ParamsKeywords, total=False):
    """Sampling parameters as keywords. PROTOCOL 4.2 has meanings and ranges. None: the server's default.

    ``top_logprobs`` is a field beside ``params`` in the message; it adds logprobs to the `token` events.
    """

    top_logprobs: int | None


class Asking(Sampling, total=False):
    """All keywords of ``Chat.generate``: sampling, ``model`` and ``truncation`` (PROTOCOL 4.2), and the turn of a
    conversation (14.2).

    ``parent`` None: a new first message.
    """

    conversation: str
    content: str | None
    parent: str | None
    message_id: str | None
    model: str | None
    truncation: Truncation | None


BESIDE: Final = ("conversation", "content", "parent", "message_id", "model", "truncation")
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
    for name in LISTS:
        if isinstance(values.get(name), str):
            values[name] = (values[name],)
    top_logprobs = values.pop("top_logprobs", None)
    beside = {name: values.pop(name) for name in BESIDE if name in values}
    params = Params(**values)
    request = Generate(id=id, raw=raw, params=params, top_logprobs=top_logprobs, on_detach_ms=on_detach_ms, **beside)
    if prompt is None:
        return request
    if isinstance(prompt, str):
        return replace(request, prompt=prompt)
    messages = tuple(turn if isinstance(turn, ChatMessage) else _chat_message(turn) for turn in prompt)
    return replace(request, messages=messages)


def _chat_message(turn: Mapping[str, str]) -> ChatMessage:
    return ChatMessage(role=cast(Role, turn.get("role")), content=cast(str, turn.get("content")))
