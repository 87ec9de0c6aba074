"""Chat templates rendered as Hugging Face's documentation describes, without tracing and limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from jinja2 import Template, TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

CLOCK: Final = "05 Jul 2025"
"""Date that every clock shows, so that no result depends on the day."""


def expected(source: str, messages: Sequence[Mapping[str, Any]], tokens: Mapping[str, str]) -> str:
    """Return the prompt; raises whatever the template raises."""
    template = _compiled(source)
    return template.render(messages=messages, tools=None, documents=None, add_generation_prompt=True, **tokens)


@lru_cache(maxsize=1)
def _compiled(source: str) -> Template:
    """Compile the template, which takes much longer than to render it."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _tojson
    environment.globals.update(raise_exception=_raise, strftime_now=lambda form: CLOCK)
    return environment.from_string(source)


class _Generation(Extension):
    tags: Final = {"generation"}  # type: ignore[misc]

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller: Callable[[], str]) -> str:
        return caller()


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise(message: str) -> None:
    raise TemplateError(message)
