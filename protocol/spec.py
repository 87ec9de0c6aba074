"""Machine-readable specification, generated from messages.py, states.py, errors.py and parameter_table.py (PROTOCOL 3
to 9).

`make spec` runs this file: it writes the JSON Schema and the AsyncAPI document into spec/, and the state diagrams and
the table of sampling parameters into PROTOCOL.md. Only ``write`` does I/O.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from protocol.checks import CHOICES, OF_THE_FORKED
from protocol.errors import CLOSES, ERRORS
from protocol.meanings import FIELDS, MESSAGES
from protocol.messages import CLIENT_TYPES, PROTOCOL, SERVER_TYPES
from protocol.parameter_table import PARAMETERS, describe_range
from protocol.states import CONNECTION, GENERATION

Json = dict[str, Any]
Table = Mapping[tuple[Any, Any], Any]  # of one kind of state and one of event

TABLES: Final[dict[str, Table]] = {"connection": CONNECTION, "generation": GENERATION}

SCHEMA_FILE: Final = "spec/streamui.v1.schema.json"
ASYNCAPI_FILE: Final = "spec/streamui.v1.asyncapi.json"
DOCUMENT: Final = "PROTOCOL.md"

UNSAID: Final = (
    "each key stands once in an object; no string holds half of a surrogate pair; a whole number is written without a"
    " fraction or exponent; the last of `messages` is the user's, or in a generate a tool's; which roles have"
    " `tool_calls` and `tool_call_id`; the names of `tools` are unique, and a forced one is among them; the size of a"
    " frame; the order of messages"
)
"""Rules for a message that the schema cannot express."""

_BLANK: Final = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # PROTOCOL 4.2
_NOT_BLANK: Final = f"[^{_BLANK}]"
_PROMPT: Final = {"required": ["prompt"], "properties": {"prompt": {"type": "string"}}}
_DIALOGUE: Final = {"required": ["messages"], "properties": {"messages": {"type": "array"}}}
_CONTENT: Final = {"required": ["content"], "properties": {"content": {"type": "string"}}}
_PARENT: Final = {"required": ["parent"], "properties": {"parent": {"type": "string"}}}
_NO_NAME: Final = {"properties": {"message_id": {"type": "null"}}}
_NO_TURN: Final = {
    "properties": {name: {"type": "null"} for name in ("conversation", "content", "parent", "message_id")}
}
_AUTO_PROMPT: Final = {
    "required": ["prompt", "truncation"],
    "properties": {"prompt": {"type": "string"}, "truncation": {"const": "auto"}},
}
_FORK: Final = {
    "required": ["from"],
    "properties": {
        "from": {"type": "object"},
        "params": {"properties": {"json_schema": {"type": "null"}}},
        "raw": {"const": False},
        "tools": {"maxItems": 0},
        **{name: {"type": "null"} for name in OF_THE_FORKED if name not in ("raw", "tools", "parent")},
    },
    "not": {"required": ["parent"]},
}
_NO_FORK: Final = {"properties": {"from": {"type": "null"}}}
_CONVERSATION: Final = {"required": ["conversation"], "properties": {"conversation": {"type": "string"}}}
_STORED: Final = {
    "required": ["conversation", "temporary"],
    "properties": {"conversation": {"type": "string"}, "temporary": {"const": True}},
}
_TURN: Final = {"allOf": [_CONVERSATION], "anyOf": [_CONTENT, {"allOf": [_PARENT, _NO_NAME]}]}

NULLED: Final = ("Tuned.on_detach_ms", "TunedValues.on_detach_ms")
"""Fields of server messages whose null has a meaning. Others are left out where a client may write null."""

RULES: Final[dict[str, Json]] = {
    "Generate": {
        "oneOf": [{"allOf": [_NO_FORK], "oneOf": [_PROMPT, _DIALOGUE, _CONVERSATION]}, _FORK],
        "if": {"required": ["raw"], "properties": {"raw": {"const": True}}},
        "then": _PROMPT,
        "properties": {
            "prompt": {"pattern": _NOT_BLANK},
            "content": {"pattern": _NOT_BLANK},
            "tool_choice": {"anyOf": [{"enum": [*CHOICES, None]}, {"type": "object"}]},
        },
        "anyOf": [_TURN, _NO_TURN, _FORK],
        "not": {"anyOf": [_AUTO_PROMPT, _STORED]},
    },
    "ChatMessage": {
        "if": {"properties": {"role": {"const": "user"}}},
        "then": {"properties": {"content": {"pattern": _NOT_BLANK}}},
    },
    "Draft": {
        "not": {"allOf": [_DIALOGUE, _CONVERSATION]},
        "if": _CONVERSATION,
        "then": _CONTENT,
        "else": {"properties": {name: {"type": "null"} for name in ("content", "parent")}},
    },
    "Tune": {
        "anyOf": [
            {"required": ["params"], "properties": {"params": {"not": {"additionalProperties": {"type": "null"}}}}},
            {"required": ["on_detach_ms"]},
        ],
        "properties": {"params": {"properties": {"json_schema": {"type": "null"}}}},
    },
    "Cancel": {
        "not": {"required": ["id", "all"], "properties": {"id": {"type": "string"}, "all": {"const": True}}},
    },
    "Token": {"properties": {"text": {"minLength": 1}}},
    "Done": {"properties": {"phase": {"not": {"const": "done"}}}},
}
"""Rules of checks.py that span several fields, by type name; each becomes one `allOf`."""


def schema() -> Json:
    """Build the JSON Schema of all messages: `#/$defs/ClientMessage` and `#/$defs/ServerMessage`, or either."""
    sides = {
        "ClientMessage": {"oneOf": [{"$ref": f"#/$defs/{cls.__name__}"} for cls in CLIENT_TYPES.values()]},
        "ServerMessage": {"oneOf": [{"$ref": f"#/$defs/{cls.__name__}"} for cls in SERVER_TYPES.values()]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{PROTOCOL.replace('.', ':')}",
        "title": PROTOCOL,
        "description": "One message of either side, told apart by `type`.",
        "$comment": f"What this schema cannot say: {UNSAID}.",
        "anyOf": [{"$ref": f"#/$defs/{side}"} for side in sides],
        "$defs": sides | _types("#/$defs/{name}"),
    }


def asyncapi() -> Json:
    """Build the AsyncAPI 3 document, from the server's view: it receives the clients' messages."""
    client = {f"client.{name}": cls for name, cls in CLIENT_TYPES.items()}
    server = {f"server.{name}": cls for name, cls in SERVER_TYPES.items()}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": PROTOCOL,
            "version": "1.0.0",
            "description": "Streamed answers of a language model over one WebSocket. PROTOCOL.md is the authority.",
        },
        "defaultContentType": "application/json",
        "channels": {"ws": _channel([*client, *server])},
        "operations": {"receive": _operation("receive", [*client]), "send": _operation("send", [*server])},
        "components": {
            "messages": {key: _message(cls) for key, cls in (client | server).items()},
            "schemas": _types("#/components/schemas/{name}"),
        },
        "x-error-codes": {code.value: facts._asdict() for code, facts in ERRORS.items()},
        "x-close-codes": {str(int(code)): facts._asdict() for code, facts in CLOSES.items()},
        "x-states": {name: _steps(table) for name, table in TABLES.items()},
    }


def diagram(table: Table) -> str:
    """Format a Mermaid state diagram. It starts in the first state of ``table``; a state without transitions is the
    end."""
    first, _ = next(iter(table))
    steps: dict[tuple[str, str], list[str]] = {}
    for (state, event), following in table.items():
        if state != following:
            steps.setdefault((state, following), []).append(event)
    left = {state for state, _ in steps}
    lines = [f"[*] --> {first}"]
    lines += [f"{state} --> {following}: {', '.join(events)}" for (state, following), events in steps.items()]
    lines += [f"{end} --> [*]" for end in dict.fromkeys(following for _, following in steps) if end not in left]
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"    {line}" for line in lines), "```"])


def parameters() -> str:
    """Format the table of sampling parameters."""
    rows = [f"| `{each.name}` | {describe_range(each.values)} | {each.meaning} |" for each in PARAMETERS]
    return "\n".join(["", "| field | range | meaning |", "|---|---|---|", *rows, ""])


def with_generated_parts(document: str) -> str:
    """Replace the text between the markers of ``document``. Raises ValueError if a marker is missing."""
    parts = {f"diagram: {name}": diagram(table) for name, table in TABLES.items()} | {"parameters": parameters()}
    for name, text in parts.items():
        before, start, rest = document.partition(f"<!-- {name}; `make spec` -->\n")
        _, end, after = rest.partition(f"<!-- end of {name.partition(':')[0]} -->\n")
        if not (start and end):
            raise ValueError(f"{DOCUMENT} needs markers for {name}")
        document = f"{before}{start}{text}\n{end}{after}"
    return document


def text_of(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Update the generated files below ``folder``, which contains PROTOCOL.md."""
    document = folder / DOCUMENT
    texts = {
        folder / SCHEMA_FILE: text_of(schema()),
        folder / ASYNCAPI_FILE: text_of(asyncapi()),
        document: with_generated_parts(document.read_text(encoding="utf-8")),
    }
    for path, text in texts.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _types(ref_template: str) -> dict[str, Json]:
    """Build the schema of every message and of the objects inside them, by type name."""
    server = set(_components([*SERVER_TYPES.values()], ref_template))
    types = _components([*CLIENT_TYPES.values(), *SERVER_TYPES.values()], ref_template)
    return {name: _finish(name, made, name in server) for name, made in types.items()}


def _components(types: list[type[msgspec.Struct]], ref_template: str) -> dict[str, Json]:
    return dict(msgspec.json.schema_components(types, ref_template=ref_template)[1])


def _finish(name: str, made: Json, server: bool) -> Json:
    """Add to msgspec's schema the meanings, the rules that span fields, and whether unknown fields are allowed."""
    if "properties" not in made:  # an enumeration
        return {key: value for key, value in made.items() if key != "description"}
    fields = {field: _field(f"{name}.{field}", value, server) for field, value in made["properties"].items()}
    finished = {
        "title": name,
        "description": MESSAGES[name],
        "type": "object",
        "properties": fields,
        "required": made["required"],
        "additionalProperties": server,  # PROTOCOL 2.6
    }
    return finished | ({"allOf": [RULES[name]]} if name in RULES else {})


def _field(path: str, made: Json, server: bool) -> Json:
    if path.endswith(".type"):
        return {"const": made["enum"][0]}
    if server and "anyOf" in made and path not in NULLED:  # PROTOCOL 2.9
        (made,) = (choice for choice in made["anyOf"] if choice != {"type": "null"})
    if server:
        made = {key: value for key, value in made.items() if key != "default"}
    return {"description": FIELDS[path], **{key: value for key, value in made.items() if key != "description"}}


def _channel(messages: list[str]) -> Json:
    query = {
        "close_when_idle": {"const": "1", "description": "the server closes with 1000 once nothing is active"},
        "plain": {"const": "1", "description": "plain mode: no JSON in either direction"},
    }
    return {
        "address": "/ws",
        "description": f"The WebSocket. Its subprotocol is {PROTOCOL}; a client that offers none speaks it too.",
        "messages": {key: {"$ref": f"#/components/messages/{key}"} for key in messages},
        "bindings": {"ws": {"method": "GET", "query": {"type": "object", "properties": query}}},
    }


def _operation(action: str, messages: list[str]) -> Json:
    refs = [{"$ref": f"#/channels/ws/messages/{key}"} for key in messages]
    return {"action": action, "channel": {"$ref": "#/channels/ws"}, "messages": refs}


def _message(cls: type[msgspec.Struct]) -> Json:
    tag = str(cls.__struct_config__.tag)
    payload = {"$ref": f"#/components/schemas/{cls.__name__}"}
    return {"name": tag, "title": cls.__name__, "summary": MESSAGES[cls.__name__], "payload": payload}


def _steps(table: Table) -> list[Json]:
    return [{"state": s.value, "event": e.value, "next": following.value} for (s, e), following in table.items()]


if __name__ == "__main__":
    write(Path(__file__).parent)
