"""A chat template in jinja2's sandbox. The sandbox does not limit time and memory; renderer.py does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jinja2 import TemplateError, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.utils import Namespace

from server.chat.prompt import Message, Prompt
from server.chat.traced import MIXED, TracedText, joined, origins, quoted_ranges
from server.chat.tracing import TracingEnvironment, mixing

MAX_CHARACTERS: Final = 8 << 20
"""Maximum output of a template, in characters: several times the size of a frame."""

PLAIN_FIELDS: Final = ("role", "type")
"""Fields of a message and of the parts of its content that the server itself fills."""


class ChatTemplateError(Exception):
    """The template is invalid or rejects these messages; the text says which."""


class TemplateLimitError(ChatTemplateError):
    """The template exceeds the limits of time, memory or output."""


class SandboxedTemplate:
    """Renders messages like Hugging Face's ``apply_chat_template``: same settings, globals and filters.

    A template comes from a model file, which may be untrusted: it can access nothing in Python but its arguments.
    ``tokens``: the model's special tokens by their names in templates, such as ``bos_token`` and ``eos_token``.
    """

    def __init__(self, source: str, tokens: Mapping[str, str] | None = None) -> None:
        self._tokens = tokens or {}
        environment = TracingEnvironment([_GenerationBlock, "jinja2.ext.loopcontrols"])
        environment.filters["tojson"] = mixing(_tojson)
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        environment.globals["dict"] = _TemplateDict()
        environment.globals["namespace"] = _TemplateNamespace
        try:
            self._template = environment.from_string(source)
        except MemoryError:
            raise
        except Exception as error:  # constant parts are evaluated now and may raise any exception
            raise ChatTemplateError(f"the model's chat template can't be read: {error}") from error

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Any] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Prompt:
        """Render the prompt for an answer to ``messages``. ``variables``: further ones that the template may read.

        Raises ChatTemplateError, also when the template rejects the order of roles, and MemoryError.
        """
        pieces: list[str] = []
        room = MAX_CHARACTERS
        try:
            traced = [_traced_message(message, 1 + place % (MIXED - 1)) for place, message in enumerate(messages)]
            given = {"messages": traced, "tools": _traced(tools, MIXED), "documents": None}
            values = {**_traced(variables or {}, MIXED), **given, "add_generation_prompt": True, **self._tokens}
            for piece in self._template.generate(values):
                pieces.append(piece)
                room -= len(piece)
                if room < 0:
                    raise TemplateLimitError(f"the model's chat template writes more than {MAX_CHARACTERS} characters")
        except (MemoryError, TemplateLimitError):
            raise
        except Exception as error:  # a template is a program and may raise any exception
            raise ChatTemplateError(f"the model's chat template refuses these messages: {error}") from error
        return _prompt(joined(pieces), traced)


def _traced_message(message: Message, origin: int) -> dict[str, Any]:
    """Return a message, or a part of its content, with all texts of a client traced to ``origin``."""
    return {name: _traced_field(name, value, origin) for name, value in message.items()}


def _traced_field(name: str, value: Any, origin: int) -> Any:
    if name in PLAIN_FIELDS:
        return value
    if name == "content" and isinstance(value, list):
        return [_traced_message(part, origin) for part in value]
    return _traced(value, origin)


def _traced(value: Any, origin: int) -> Any:
    """Return ``value`` with all its strings, also those that are keys, traced to ``origin``."""
    if isinstance(value, str):
        return TracedText(value, bytes([origin]) * len(value))
    if isinstance(value, Mapping):
        return {_traced(key, origin): _traced(each, origin) for key, each in value.items()}
    return [_traced(each, origin) for each in value] if isinstance(value, list | tuple) else value


def _prompt(text: str, messages: Sequence[Any]) -> Prompt:
    seen = set(origins(text))
    lost = [
        place
        for place, message in enumerate(messages)
        if seen.isdisjoint((1 + place % (MIXED - 1), MIXED)) and _has_text(message.get("content"))
    ]
    return Prompt(str.__str__(text), quoted_ranges(text), tuple(lost))


def _has_text(content: Any) -> bool:
    if isinstance(content, str):
        return bool(content.strip())
    return any(_has_text(part.get("text")) for part in content or ())


class _GenerationBlock(Extension):
    """``{% generation %}``, which marks the model's text for training. Here it only renders its content."""

    tags: Final = {"generation"}  # type: ignore[misc]

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_show"), [], [], body).set_lineno(line)

    def _show(self, caller: Callable[[], str]) -> str:
        return caller()


class _TemplateDict:
    """``dict`` for templates: the type itself would allow an escape from the sandbox."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args)


class _TemplateNamespace(Namespace):
    """``namespace`` without names that begin with an underscore."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # no self: a template may use this name for a field
        self, values = args[0], dict(*args[1:], **kwargs)
        for name in values:
            _check_name(name)
        Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _check_name(name)
        super().__setitem__(name, value)


def _check_name(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a namespace can't have a field named {name!r}: it begins with an underscore")


def _tojson(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Format JSON. jinja2's own ``tojson`` escapes for HTML, which a prompt is not."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)
