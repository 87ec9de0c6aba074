"""The chat template that a model is spoken to through: its own, or ChatML where it has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from server.chat.rendering import RenderProcess
from server.chat.sandbox import ChatTemplateError, SandboxedTemplate
from server.chat.thinking import field_read
from server.starter import CHAT_TEMPLATE

__all__ = ["ChatTemplate", "ChatTemplateError"]

CHATML: Final = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""For models that bring no template: the form that most models have seen."""

CHATML_STOP: Final = ("<|im_end|>",)
"""Where such a model doesn't know the mark as a token of its own, it writes it as text, and that ends the answer."""


class ChatTemplate:
    """Renders messages. A template that came with a model is rendered in a process of its own, under limits.

    Raises ChatTemplateError when the template can't be read. Whoever makes it closes it.
    """

    def __init__(self, source: str | None, *, bos: str = "", eos: str = "") -> None:
        self.origin: Literal["gguf", "chatml"] = "chatml" if source is None else "gguf"
        self.stop: tuple[str, ...] = CHATML_STOP if source is None else ()
        """Stop strings that belong to the template's form."""
        text = CHATML if source is None else source
        self.thinking_field = field_read(text)
        """The field of an earlier answer in which the template reads what the model thought; None: it reads none."""
        ours = text in (CHATML, CHAT_TEMPLATE)
        self._renderer: SandboxedTemplate | RenderProcess
        self._renderer = (SandboxedTemplate if ours else RenderProcess)(text, bos=bos, eos=eos)

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The prompt that makes the model answer ``messages`` (each with ``role`` and ``content``).

        Raises ChatTemplateError, also where the template allows no such order of roles. Any thread may call it.
        """
        return self._renderer.render(messages)

    def close(self) -> None:
        """End the process, where there is one."""
        if isinstance(self._renderer, RenderProcess):
            self._renderer.close()
