"""A chat template in jinja2's sandbox. What the sandbox does not bound, time and memory, renderer.py does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_CHARACTERS: Final = 8 << 20
"""The most that a template may write: several times what a frame holds."""


class ChatTemplateError(Exception):
    """The template is broken, or refuses these messages; the text says which."""


class TemplateLimitError(ChatTemplateError):
    """The template takes more time or memory than one may, or writes too much."""


class SandboxedTemplate:
    """Renders messages the way Hugging Face's ``apply_chat_template`` does: same settings, globals and filters.

    A template comes out of a model file, which anybody may have written: it sees no Python but its arguments.
    """

    def __init__(self, source: str, *, bos: str = "", eos: str = "") -> None:
        self._special = {"bos_token": bos, "eos_token": eos}
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _tojson
        environment.globals["raise_exception"] = _raise_exception
        environment.globals["strftime_now"] = _strftime_now
        try:
            self._template = environment.from_string(source)
        except MemoryError:
            raise
        except Exception as error:  # what can be computed beforehand is, and may fail in any way that Python has
            raise ChatTemplateError(f"the model's chat template can't be read: {error}") from error

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The prompt that makes the model answer ``messages`` (each with ``role`` and ``content``).

        Raises ChatTemplateError, also where the template allows no such order of roles, and MemoryError.
        """
        pieces: list[str] = []
        room = MAX_CHARACTERS
        try:
            for piece in self._template.generate(messages=messages, add_generation_prompt=True, **self._special):
                pieces.append(piece)
                room -= len(piece)
                if room < 0:
                    raise TemplateLimitError(f"the model's chat template writes more than {MAX_CHARACTERS} characters")
        except (MemoryError, TemplateLimitError):
            raise
        except Exception as error:  # a template is a program, and may fail in any way that Python has
            raise ChatTemplateError(f"the model's chat template refuses these messages: {error}") from error
        return "".join(pieces)


def _tojson(value: Any, indent: int | None = None) -> str:
    """jinja2's own ``tojson`` escapes for HTML, which a prompt is not."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)
