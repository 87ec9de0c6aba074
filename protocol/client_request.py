"""Arguments of ``Chat.generate`` in Python, and the `generate` message that they make."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, cast

from msgspec import UnsetType
from msgspec.structs import replace

from protocol.messages import ChatMessage, Generate, Params, Role, Truncation

Prompt = str | Sequence[ChatMessage | Mapping[str, str]]
"""One turn of the user, or a whole dialogue of ``{"role": ..., "content": ...}``."""


class Sampling(TypedDict, total=False):
    """Sampling parameters as keywords. PROTOCOL 4.2 has meanings and ranges. None: the server's default.

    ``top_logprobs`` is a field beside ``params`` in the message; it adds logprobs to the `token` events.
    """

    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    typical_p: float | None
    top_n_sigma: float | None
    xtc_probability: float | None
    xtc_threshold: float | None
    max_tokens: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    repeat_penalty: float | None
    repeat_last_n: int | None
    dry_multiplier: float | None
    dry_base: float | None
    dry_allowed_length: int | None
    dry_penalty_last_n: int | None
    dry_sequence_breakers: Sequence[str] | None
    logit_bias: Mapping[str, float] | None
    json_schema: Mapping[str, Any] | None
    top_logprobs: int | None


class Asking(Sampling, total=False):
    """All keywords of ``Chat.generate``: sampling, ``truncation`` (PROTOCOL 4.2), and the turn of a conversation
    (14.2).

    ``parent`` None: a new first message.
    """

    conversation: str
    content: str | None
    parent: str | None
    message_id: str | None
    truncation: Truncation | None


BESIDE: Final = ("conversation", "content", "parent", "message_id", "truncation")
"""Keywords that are fields of the message itself, beside ``params``."""


def generate_request(
    prompt: Prompt | None, id: str, raw: bool, on_detach_ms: int | UnsetType | None, asking: Asking
) -> Generate:
    """Build the `generate` message for these arguments. Encoding it checks the values.

    Raises TypeError for a keyword that ``Asking`` does not have.
    """
    stop = asking.get("stop")
    values: dict[str, Any] = {**asking, "stop": (stop,) if isinstance(stop, str) else stop}
    top_logprobs = values.pop("top_logprobs", None)
    beside = {name: values.pop(name) for name in BESIDE if name in values}
    params = Params(**values)
    asked = Generate(id=id, raw=raw, params=params, top_logprobs=top_logprobs, on_detach_ms=on_detach_ms, **beside)
    if prompt is None:
        return asked
    if isinstance(prompt, str):
        return replace(asked, prompt=prompt)
    messages = tuple(said if isinstance(said, ChatMessage) else _chat_message(said) for said in prompt)
    return replace(asked, messages=messages)


def _chat_message(said: Mapping[str, str]) -> ChatMessage:
    return ChatMessage(role=cast(Role, said.get("role")), content=cast(str, said.get("content")))
