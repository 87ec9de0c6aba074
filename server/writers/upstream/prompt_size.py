"""Number of tokens in a prompt for an upstream that has llama-server's own template and tokenizer routes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from protocol.messages import ChatMessage
from server.chat.prompt import Prompt
from server.chat.thinking import continued
from server.writers import truncation
from server.writers.upstream.asked import Asked
from server.writers.upstream.line import Line, RefusedError
from server.writers.upstream.request_body import TEMPLATE_PATH, template_body

TOKENIZE_PATH: Final = "/tokenize"

AROUND: Final = 32
"""Characters counted for what a template writes around a message."""


class Fitted(NamedTuple):
    """A dialogue that leaves room for its answer, or whose last turn alone doesn't. ``dropped``: messages left out."""

    messages: Sequence[ChatMessage]
    tokens: int
    dropped: int


async def rendered(line: Line, asked: Asked) -> str:
    """Return the prompt of a dialogue in the upstream's template. Raises UpstreamError."""
    found = await line.read("POST", TEMPLATE_PATH, template_body(asked))
    prompt = found.get("prompt") if isinstance(found, dict) else None
    if not isinstance(prompt, str):
        raise RefusedError(f"{TEMPLATE_PATH} has no prompt")
    return prompt


async def prompt_tokens(line: Line, asked: Asked) -> int:
    """Return the number of tokens in the prompt, with the text that is written already. Raises UpstreamError."""
    prompt = asked.raw if asked.raw is not None else await rendered(line, asked)
    if asked.written:
        prompt = continued(Prompt(prompt), asked.written)[0].text
    body = {"content": prompt, "add_special": True, "parse_special": True}
    found = await line.read("POST", TOKENIZE_PATH, body)
    tokens = found.get("tokens") if isinstance(found, dict) else None
    if not isinstance(tokens, list):
        raise RefusedError(f"{TOKENIZE_PATH} has no tokens")
    return len(tokens)


async def fitted(
    messages: Sequence[ChatMessage], room: int, count: Callable[[Sequence[ChatMessage]], Awaitable[int]]
) -> Fitted:
    """Leave out as many of the oldest turns as needed, so that the prompt has at most ``room`` tokens.

    ``count`` returns the tokens of the prompt of some messages. The places of the other cuts are estimated from the
    whole prompt's tokens per character, as one question for each message would take too long.
    """
    systems = truncation.system_messages(messages)
    always, rest = messages[:systems], messages[systems:]
    tokens, start = await count(messages), 0
    each = tokens / sum(map(length, messages))
    free = room - each * sum(map(length, always))
    while tokens > room and start < truncation.last_turn(rest):
        estimated = truncation.first_kept(rest, lambda place: each * length(rest[place]), free)
        start = max(truncation.next_turn(rest, start + 1), estimated)
        tokens = await count([*always, *rest[start:]])
    return Fitted([*always, *rest[start:]], tokens, start)


def length(message: ChatMessage) -> int:
    """Return the characters of a message in a prompt, with about those that a template adds."""
    calls = (call.function for call in message.tool_calls or ())
    return AROUND + len(message.content) + sum(len(each.name) + len(each.arguments) for each in calls)
