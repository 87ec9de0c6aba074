"""The model's own chat template, rendered in jinja2's sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATML: Final = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For models that bring no template: the form that most models have seen."""

CHATML_STOP: Final = ("<|im_end|>",)
"""Where such a model doesn't know the mark as a token of its own, it writes it as text, and that ends the answer."""


class ChatTemplateError(Exception):
    """The template is broken, or refuses these messages; the text says which."""


class ChatTemplate:
    """Renders messages the way Hugging Face's ``apply_chat_template`` does: same settings, globals and filters.

    A template comes out of a model file, which anybody may have written: it sees no Python but its arguments.
    """

    def __init__(self, source: str | None, *, bos: str = "", eos: str = "") -> None:
        self.origin: Literal["gguf", "chatml"] = "chatml" if source is None else "gguf"
        self.stop: tuple[str, ...] = CHATML_STOP if source is None else ()
        """Stop strings that belong to the template's form."""
        self._special = {"bos_token": bos, "eos_token": eos}
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        try:
            self._template = environment.from_string(CHATML if source is None else source)
        except TemplateError as error:
            raise ChatTemplateError(f"the model's chat template can't be read: {error}") from error

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The prompt that makes the model answer ``messages`` (each with ``role`` and ``content``).

        Raises ChatTemplateError, also where the template allows no such order of roles. Any thread may call it.
        """
        try:
            return self._template.render(messages=messages, add_generation_prompt=True, **self._special)
        except Exception as error:  # a template is a program, and may fail in any way that Python has
            raise ChatTemplateError(f"the model's chat template refuses these messages: {error}") from error


def _tojson(value: Any, indent: int | None = None) -> str:
    """jinja2's own ``tojson`` escapes for HTML, which a prompt is not."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)
