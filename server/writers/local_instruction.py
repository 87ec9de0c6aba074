"""Conversion of an instruction in mid-answer to tokens, which follow those of the answer so far."""

from __future__ import annotations

from typing import Final

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.chat.prompt import Prompt
from server.chat.template import ChatTemplate, ChatTemplateError
from server.chat.thinking import continued
from server.engine.base import Engine, Instruction
from server.writers.local_tools import template_variables

ANSWER: Final = "steered-answer-7d0c41"
"""Text of an answer, which the template's own text doesn't contain."""


def make_instruction(body: Generate, content: str, engine: Engine, template: ChatTemplate) -> Instruction:
    """Return the instruction ``content`` for the answer to ``body``.

    Its tokens are the text that the template writes after an answer: end of the answer, message of the user, beginning
    of the next answer. This doesn't depend on the messages before it. Run it on a worker thread. Raises
    EngineDeadError, and RemoteProtocolError where such an answer can't be steered.
    """
    _refuse_other_forms(body)
    prompt, opened = continued(_rendered(body, content, template), "")
    start = prompt.text.rfind(ANSWER) + len(ANSWER)
    quoted = [(begin - start, end - start) for begin, end in prompt.quoted if begin >= start]
    tokens = engine.tokenize(prompt.text[start:], quoted)
    beginning = engine.tokenize("")  # BOS, if the model wants one
    return Instruction(content, tuple(tokens[len(beginning) :]), opened)


def _refuse_other_forms(body: Generate) -> None:
    """Raise RemoteProtocolError if the answer to ``body`` is more than text in a dialogue."""
    if body.raw:
        field, reason = "raw", "a raw prompt has no turns that an instruction could follow"
    elif body.params.json_schema is not None:
        field, reason = "params.json_schema", "an answer under a schema has one form from its beginning on"
    elif body.tools and body.tool_choice != "none":
        field, reason = "tools", "an answer that may call functions can't be divided"
    else:
        return
    text = f"{field}: {reason}; cancel the answer, and send the instruction as the next message"
    raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text, field=field)


def _rendered(body: Generate, content: str, template: ChatTemplate) -> Prompt:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": ANSWER},
        {"role": "user", "content": content},
    ]
    try:
        prompt = template.render(messages, (), template_variables(body))
    except ChatTemplateError as error:
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, f"content: {error}", field="content") from error
    if ANSWER not in prompt.text:
        text = "this model's chat template shows no earlier answers, so its answers can't be steered; cancel it"
        raise RemoteProtocolError(ErrorCode.UNSUPPORTED, text)
    return prompt
