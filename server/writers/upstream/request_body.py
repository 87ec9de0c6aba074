"""The HTTP requests that ask an upstream for an answer, or for the rest of one."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from msgspec import to_builtins

from protocol.messages import ChatMessage, Tool, ToolCall
from server.chat.prompt import Prompt
from server.chat.thinking import continued
from server.writers.upstream.asked import Asked
from server.writers.upstream.kinds import SCHEMA, Kind

TEMPLATE_PATH: Final = "/apply-template"

Form = Literal["chat", "text", "native"]
"""Form of the stream: OpenAI's chat completions or completions, or llama-server's `/completion`."""

_PATHS: Final[dict[Form, str]] = {"chat": "/v1/chat/completions", "text": "/v1/completions", "native": "/completion"}


class Ask(NamedTuple):
    """One HTTP request with the form of its response."""

    path: str
    body: dict[str, Any]
    form: Form


def needs_template(kind: Kind, asked: Asked, text: str) -> bool:
    """Tell whether ``ask`` needs the rendered prompt. llama-server refuses to begin an answer with a given text when
    the template has thinking, so the prompt is rendered there and continued as plain text."""
    return kind.native and asked.raw is None and bool(text)


def template_body(asked: Asked) -> dict[str, Any]:
    """Return the body of a request to TEMPLATE_PATH."""
    return {"messages": [_message(each) for each in asked.messages], **_tools(asked)}


def _message(message: ChatMessage) -> dict[str, Any]:
    fields: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        fields["tool_calls"] = [_with_type(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        fields["tool_call_id"] = message.tool_call_id
    return fields


def _with_type(each: ToolCall | Tool) -> dict[str, Any]:
    """Return a call or a function with its type, which our own messages leave out and other APIs want."""
    return {"type": each.type, **to_builtins(each)}


def _tools(asked: Asked) -> dict[str, Any]:
    """Return the fields of functions and of thinking. Several servers know no name in `tool_choice`, so a function that
    must be called is the only one."""
    fields: dict[str, Any] = {"chat_template_kwargs": asked.variables} if asked.variables else {}
    if asked.reasoning_effort is not None:
        fields["reasoning_effort"] = asked.reasoning_effort
    if asked.tools:
        fields["tools"] = [_with_type(tool) for tool in asked.tools]
    if asked.forced:
        fields["tool_choice"] = "required"
    if asked.parallel_tool_calls is not None:
        fields["parallel_tool_calls"] = asked.parallel_tool_calls
    return fields


def ask(kind: Kind, asked: Asked, text: str, left: int | None, rendered: str | None = None) -> Ask:
    """Return the request for what follows ``text``, which is the answer so far, with ``left`` tokens at most.

    ``rendered``: the prompt, where ``needs_template`` says so.
    """
    prompt = rendered if rendered is not None else asked.raw
    if prompt is None:
        return _request("chat", _chat(kind, asked, text, left))
    whole = prompt + text if rendered is None else continued(Prompt(prompt), text)[0].text
    return _request("native" if kind.native else "text", _completion(kind, asked, whole, left))


def _request(form: Form, body: dict[str, Any]) -> Ask:
    return Ask(_PATHS[form], {**body, "stream": True}, form)


def _chat(kind: Kind, asked: Asked, text: str, left: int | None) -> dict[str, Any]:
    template = template_body(asked)
    if text:
        template["messages"].append({"role": "assistant", "content": text})
    body = {**_base(asked), **template, **_params(kind, asked, left), **kind.fields}
    if (schema := asked.params.json_schema) is not None:
        body["response_format"] = {"type": SCHEMA, SCHEMA: {"name": "answer", "schema": schema}}
    if asked.top_logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": max(1, asked.top_logprobs)}  # some take 0 for none at all
    return {**body, **kind.continue_fields} if text else body


def _completion(kind: Kind, asked: Asked, prompt: str, left: int | None) -> dict[str, Any]:
    body = {**_base(asked), "prompt": prompt, **_params(kind, asked, left), **kind.fields}
    if (schema := asked.params.json_schema) is not None:
        native = {SCHEMA: schema}
        body |= native if kind.native else {"response_format": {"type": SCHEMA, SCHEMA: {"name": "answer", **native}}}
    if asked.top_logprobs is not None:
        body["n_probs"] = max(1, asked.top_logprobs)
    return body


def _base(asked: Asked) -> dict[str, Any]:
    return {"model": asked.model, "stream_options": {"include_usage": True}}


def _params(kind: Kind, asked: Asked, left: int | None) -> dict[str, Any]:
    """Return the parameters that the request sets, under the kind's names. A random seed is the default everywhere."""
    given = {name: value for name in kind.parameters if (value := getattr(asked.params, name)) is not None}
    given.pop(SCHEMA, None)
    if given.get("seed") == -1:
        del given["seed"]
    if left is not None:
        given["max_tokens"] = left
    return {kind.parameters[name]: value for name, value in given.items()}
