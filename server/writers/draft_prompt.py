"""Beginning of the prompt that a message will have, while its user is still writing it."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Final

from msgspec.structs import replace

from protocol.messages import Generate
from server.chat.template import ChatTemplate
from server.engine.base import Engine
from server.writers.local_prompt import make_prompt

LAST_WORD: Final = re.compile(r"\s*\S{0,32}\s*\Z")
"""The last word of a text, or a part of it if it is very long, and the white space around it."""


def draft_tokens(body: Generate, engine: Engine, template: ChatTemplate) -> tuple[int, ...]:
    """Return the tokens with which the prompt of ``body`` begins, whatever is written after its last message.

    Its last word may still grow, and then has other tokens. What the template puts after the message moves. So the
    result ends where the prompt differs from that of a message with another last word. Run it on a worker thread.
    Raises RemoteProtocolError as ``make_prompt`` does.
    """
    messages = body.messages or ()
    text = messages[-1].content
    start = LAST_WORD.search(text).start()  # type: ignore[union-attr]  # it matches every text
    other = "\n~" if text[start : start + 1] == " " else " ~"
    changed = replace(messages[-1], content=text[:start] + other)
    one = make_prompt(body, engine, template).tokens
    two = make_prompt(replace(body, messages=(*messages[:-1], changed)), engine, template).tokens
    return tuple(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
