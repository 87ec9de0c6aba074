"""Tools of a request: the functions that the prompt offers, and the form of an answer that must call one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from protocol.errors import ErrorCode
from protocol.messages import ChatMessage, Generate, NamedTool, ToolFunction
from server.chat.effort import effort_variables
from server.chat.template import ChatTemplate
from server.chat.tools.formats import (
    ANY_ARGUMENTS,
    NO_ARGUMENTS,
    Forced,
    Function,
    begun,
    call_or,
    forced,
)
from server.engine.base import Engine, GrammarError, JsonInText
from server.writers.request_errors import refusal


def offered(body: Generate) -> tuple[Function, ...]:
    """Return the functions that the model may call."""
    if body.tool_choice == "none":
        return ()
    return tuple(_function(tool.function) for tool in body.tools)


def forced_call(body: Generate, template: ChatTemplate) -> Forced | None:
    """Return the form of an answer that must call a function; None if it need not."""
    return _forced(body, template, _callable(body))


def call_grammar(body: Generate, engine: Engine, template: ChatTemplate) -> str | None:
    """Return the grammar of an answer that must call a function, or may do so in place of JSON by a schema; None for
    another one.

    Where the grammar can't enforce a function's schema, any object is allowed as its arguments. Raises
    RemoteProtocolError if that function is strict.
    """
    functions = _callable(body)
    if (form := _forced(body, template, functions)) is None:
        return _call_or_format(body, engine, functions)
    try:
        return engine.grammar(form.schema, compact=True)
    except GrammarError:
        enforced = [_enforced(body, engine, function) for function in functions]
        form = _forced(body, template, enforced)
        assert form is not None
        return engine.grammar(form.schema, compact=True)


def _call_or_format(body: Generate, engine: Engine, functions: Sequence[Function]) -> str | None:
    """Return the grammar of an answer that is a call, or JSON by the schema of the request; None without such a schema
    or without functions."""
    schema = body.params.json_schema
    if schema is None or not functions or body.raw:
        return None
    try:
        return engine.grammar(call_or(schema, functions))
    except GrammarError:
        try:
            engine.grammar(schema)
        except GrammarError:
            return None  # its own grammar reports the error
        enforced = [_enforced(body, engine, function._replace(strict=False)) for function in functions]
        return engine.grammar(call_or(schema, enforced))


def begun_call_grammar(body: Generate, engine: Engine, template: ChatTemplate) -> str | None:
    """Return the grammar of an answer that may call functions, which makes each call obey once its mark is written.

    None without functions, with formats that have no mark, and where llguidance can't enforce all functions together.
    """
    functions = offered(body)
    if not functions or (form := _begun(body, template, functions)) is None:
        return None
    try:
        return engine.grammar(form, compact=True)
    except GrammarError:
        enforced = [_enforced(body, engine, function._replace(strict=False)) for function in functions]
    form = _begun(body, template, enforced)
    assert form is not None
    try:
        return engine.grammar(form, compact=True)
    except GrammarError:
        return None


def _begun(body: Generate, template: ChatTemplate, functions: Sequence[Function]) -> JsonInText | None:
    found = begun(template.tool_format, functions, several=body.parallel_tool_calls is not False)
    return None if found is None else JsonInText(*found)


def template_variables(body: Generate) -> dict[str, Any]:
    """Return the variables of the chat template that a request sets."""
    return effort_variables(body.reasoning_effort) | (body.chat_template_kwargs or {})


def call_fields(message: ChatMessage, names: dict[str, str]) -> dict[str, Any]:
    """Return the fields of a message for a template that belong to calls. ``names``: functions by the ids of their
    calls, which this adds to."""
    if message.role == "tool":
        id = message.tool_call_id or ""
        return {"tool_call_id": id, "name": names.get(id, "")}
    if not message.tool_calls:
        return {}
    names.update({call.id: call.function.name for call in message.tool_calls})
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.function.name, "arguments": call.function.arguments},
        }
        for call in message.tool_calls
    ]
    return {"tool_calls": calls}


def _function(function: ToolFunction) -> Function:
    given = function.parameters or NO_ARGUMENTS
    closed = {"additionalProperties": False} if given.get("properties") == {} else {}
    parameters = {"type": "object", **closed, **given}
    return Function(function.name, function.description or "", parameters, bool(function.strict))


def _callable(body: Generate) -> Sequence[Function]:
    """Return the functions that a forced call may name."""
    choice = body.tool_choice
    names = {choice.function.name} if isinstance(choice, NamedTool) else None
    return [function for function in offered(body) if names is None or function.name in names]


def _forced(body: Generate, template: ChatTemplate, functions: Sequence[Function]) -> Forced | None:
    if not functions or body.tool_choice in (None, "auto"):
        return None
    return forced(template.tool_format, functions, several=body.parallel_tool_calls is not False)


def _enforced(body: Generate, engine: Engine, function: Function) -> Function:
    """Return a function with a schema that a grammar can enforce. Raises RemoteProtocolError if it is strict."""
    try:
        engine.grammar(function.parameters, compact=True)
        return function
    except GrammarError as error:
        if not function.strict:
            return function._replace(parameters=ANY_ARGUMENTS)
        place = next(n for n, tool in enumerate(body.tools) if tool.function.name == function.name)
        field = f"tools[{place}].function.parameters"
        raise refusal(body, ErrorCode.UNSUPPORTED, f"{field}: {error}", field=field) from error
