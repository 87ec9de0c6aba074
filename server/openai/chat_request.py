"""Requests of ``/v1/chat/completions``, decoded and checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from protocol.messages import MAX_TOP_LOGPROBS, Generate
from protocol.params import Params
from server.openai.errors import RefusedError, unsupported
from server.openai.facts import AnswerFacts
from server.openai.fields import Fields, an_object, flag, read_fields, refuse_unsupported, whole
from server.openai.formats import NO_GRAMMAR, read_response_format
from server.openai.messages import Dialogue, has_text, read_messages
from server.openai.sampling import read_params, seeded
from server.openai.template_fields import TemplateFields, read_template_fields
from server.openai.tool_fields import Tools, read_chat_tools

MAX_CHOICES: Final = 16

BEGIN: Final = "add_generation_prompt"
CONTINUE: Final = "continue_final_message"

REFUSED: Final = {
    "audio": "this model doesn't speak",
    "web_search_options": "this server doesn't search the web",
    "moderation": "this server doesn't moderate",
    "grammar": NO_GRAMMAR,
}
"""Fields that would change the answer in a way that this server can't, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The form of the response."""

    stream: bool
    include_usage: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One request. ``choices``: number of answers; ``top_logprobs`` None: without logprobs; ``tiered``: it names a
    service tier, which the answer then names too."""

    model: Any
    dialogue: Dialogue
    tools: Tools
    template: TemplateFields
    params: Params
    choices: int
    top_logprobs: int | None
    form: Stream
    metadata: dict[str, Any]
    tiered: bool

    def generate(self, facts: AnswerFacts, index: int) -> Generate:
        """Return the generation of the choice ``index``. It ends when its client leaves."""
        return Generate(
            id=facts.choice_id(index),
            model=facts.served,
            messages=self.dialogue.messages,
            tools=self.tools.tools,
            tool_choice=self.tools.choice,
            parallel_tool_calls=self.tools.parallel,
            reasoning_effort=self.template.effort,
            chat_template_kwargs=self.template.variables,
            params=seeded(self.params, index),
            top_logprobs=self.top_logprobs,
            on_detach_ms=0,
        )


def read_chat(body: str) -> ChatRequest:
    """Decode the body of a request. Raises RemoteProtocolError."""
    fields = read_fields(body)
    refuse_unsupported(fields, REFUSED)
    _check_modalities(fields)
    dialogue, tools = read_messages(fields), read_chat_tools(fields)
    _check_continuation(fields)
    if not has_text(dialogue.messages):
        raise RefusedError("messages must have at least one character that is not white space", param="messages")
    schema = read_response_format(fields)
    return ChatRequest(
        model=fields.get("model"),
        dialogue=dialogue,
        tools=tools,
        template=read_template_fields(fields),
        params=read_params(fields, None if tools.forced else schema),
        choices=whole(fields, "n", 1, MAX_CHOICES, 1) or 1,
        top_logprobs=_top_logprobs(fields),
        form=read_stream(fields),
        metadata=dict(an_object(fields, "metadata")),
        tiered="service_tier" in fields,
    )


def read_stream(fields: Fields) -> Stream:
    """Return the form of the response. Raises RefusedError."""
    stream = flag(fields, "stream")
    usage = flag(an_object(fields, "stream_options"), "include_usage", "stream_options.")
    return Stream(stream=stream, include_usage=stream and usage)


def _top_logprobs(fields: Fields) -> int | None:
    wanted = flag(fields, "logprobs")
    count = whole(fields, "top_logprobs", 0, MAX_TOP_LOGPROBS)
    if count is not None and not wanted:
        raise RefusedError("top_logprobs needs logprobs to be true", param="top_logprobs")
    return (count or 0) if wanted else None


def _check_modalities(fields: Fields) -> None:
    modalities = fields.get("modalities", ["text"])
    if not isinstance(modalities, list) or any(each != "text" for each in modalities):
        raise unsupported("modalities", "this model only writes text")


def _check_continuation(fields: Fields) -> None:
    """Check the fields of vLLM and llama-server that say whether the last message is continued."""
    ends_with_answer = fields["messages"][-1]["role"] == "assistant"
    begin = flag({BEGIN: not ends_with_answer, **fields}, BEGIN)
    proceed = flag({CONTINUE: ends_with_answer, **fields}, CONTINUE)
    if CONTINUE in fields and proceed and BEGIN in fields and begin:
        raise RefusedError(f"{CONTINUE} and {BEGIN} can't both be true; leave {BEGIN} out", param=CONTINUE)
    if proceed != ends_with_answer:
        rule = "a last message of the assistant is continued, and no other; leave it out, or change the last message"
        raise unsupported(CONTINUE, rule)
    if not begin and not ends_with_answer:
        raise unsupported(BEGIN, "the model answers the last message, unless that is the assistant's; leave it out")
