"""The chat template of a model."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from server.chat.dialogue import Dialogue, variants, with_parts, without_empty_answers
from server.chat.prompt import Message, Prompt
from server.chat.rendering import RenderProcess
from server.chat.sandbox import ChatTemplateError, SandboxedTemplate, TemplateLimitError
from server.chat.thinking import field_read
from server.chat.wellknown import CHATML, WELL_KNOWN, Origin, TemplateChoice
from server.starter import CHAT_TEMPLATE

__all__ = ["ChatTemplate", "ChatTemplateError"]

logger = logging.getLogger(__name__)

PROBES: Final[Mapping[str, tuple[Dialogue, int]]] = {
    "user": ([{"role": "user", "content": "Hello"}], 0),
    "system": ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}], 0),
    "assistant": (
        [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi there"},
            {"role": "user", "content": "And now?"},
        ],
        1,
    ),
}
"""A dialogue for each role and the index of its message there: shows whether the template renders that role's text."""

NEVER_LOST: Final = ("system", "user")
"""Roles whose text must appear in the prompt. A template may drop the thinking of earlier answers."""


class ChatTemplate:
    """Renders messages. A model's own template runs in a separate process, under limits.

    ``choice`` None: the model's own template ``source``, or ChatML when it has none. ``tokens`` as in
    SandboxedTemplate. Raises ChatTemplateError when the template can't be read. The creator must close it.
    """

    def __init__(
        self, source: str | None, tokens: Mapping[str, str] | None = None, *, choice: TemplateChoice | None = None
    ) -> None:
        if choice is None:
            choice = TemplateChoice(CHATML.source, "chatml", CHATML.stop) if source is None else TemplateChoice(source)
        self.origin: Origin = choice.origin
        self.stop: tuple[str, ...] = choice.stop
        """Stop strings of the template's format."""
        self.source = choice.source
        self.thinking_field = field_read(self.source)
        """Field of earlier answers from which the template reads their thinking; None when it reads none."""
        self._bos = (tokens or {}).get("bos_token", "")
        self._logged: set[str] = set()
        """Notes already written to the log."""
        self._roles_with_parts: frozenset[str] = frozenset()
        """Roles whose content the template renders only as a list of parts, not as plain text."""
        self._tools: Sequence[Any] | None = None
        """The ``tools`` value for "no tools": some templates need a list."""
        try:
            self._renderer = _renderer(self.source, tokens)
        except ChatTemplateError as error:
            raise type(error)(f"{error}; --chat-template FILE or NAME sets another one") from error
        try:
            self._probe()
        except BaseException:
            self.close()
            raise

    def render(self, messages: Sequence[Message]) -> Prompt:
        """Render the prompt for an answer to ``messages``.

        When the template rejects their order or would drop some, they are rewritten (dialogue.py), which is logged
        once. Raises ChatTemplateError. Thread-safe.
        """
        refusal: ChatTemplateError | None = None
        lossy: Prompt | None = None
        for note, dialogue in variants(without_empty_answers(messages)):
            try:
                prompt = self._render(dialogue)
            except TemplateLimitError:
                raise
            except ChatTemplateError as error:
                refusal = refusal or error
                continue
            if not self._loses_a_message(dialogue, prompt):
                self._log_once(note)
                return prompt
            lossy = lossy or prompt
        if lossy is not None:
            self._log_once("some messages are left out")
            return lossy
        raise refusal or ChatTemplateError("there is no message")

    def close(self) -> None:
        """End the rendering process, if there is one."""
        if isinstance(self._renderer, RenderProcess):
            self._renderer.close()

    def _render(self, dialogue: Dialogue) -> Prompt:
        prompt = self._renderer.render(with_parts(dialogue, self._roles_with_parts), self._tools)
        return _with_one_bos(self._bos, prompt)

    def _loses_a_message(self, dialogue: Dialogue, prompt: Prompt) -> bool:
        """Tell whether the template drops a message regardless of its text.

        A text that is a command to the template, such as ``/no_think``, is followed and not shown.
        """
        lost = [place for place in prompt.lost if dialogue[place]["role"] in NEVER_LOST]
        if not lost:
            return False
        other = [{**each, "content": "Hello"} if place in lost else each for place, each in enumerate(dialogue)]
        try:
            return not set(lost).isdisjoint(self._render(other).lost)
        except TemplateLimitError:
            raise
        except ChatTemplateError:
            return True

    def _probe(self) -> None:
        self._find_roles_with_parts()
        if not self._shows(*PROBES["user"]):
            self._tools = []
            self._find_roles_with_parts()
            if not self._shows(*PROBES["user"]):
                self._tools = None

    def _find_roles_with_parts(self) -> None:
        for role, (dialogue, place) in PROBES.items():
            plain = self._roles_with_parts
            if not self._shows(dialogue, place):
                self._roles_with_parts = plain | {role}
                if not self._shows(dialogue, place):
                    self._roles_with_parts = plain

    def _shows(self, dialogue: Dialogue, place: int) -> bool:
        try:
            return place not in self._render(dialogue).lost
        except TemplateLimitError:
            raise
        except ChatTemplateError:
            return False

    def _log_once(self, note: str) -> None:
        """Log a change to a dialogue once. The template's error is not logged: it may quote a message."""
        if note and note not in self._logged:
            self._logged.add(note)
            logger.warning(
                "the model's chat template rejects some dialogues in their original form; for these, %s", note
            )


def _renderer(source: str, tokens: Mapping[str, str] | None) -> SandboxedTemplate | RenderProcess:
    ours = source in (CHAT_TEMPLATE, *(form.source for form in WELL_KNOWN.values()))
    return SandboxedTemplate(source, tokens) if ours else RenderProcess(source, tokens)


def _with_one_bos(bos: str, prompt: Prompt) -> Prompt:
    """Drop white space before the template's BOS, and all but the last of repeated ones."""
    own = prompt.text[: prompt.quoted[0][0]] if prompt.quoted else prompt.text
    found = re.match(rf"(?:[\s\ufeff]*{re.escape(bos)})+", own) if bos else None
    if found is None:
        return prompt
    dropped = found.end() - len(bos)
    quoted = tuple((start - dropped, end - dropped) for start, end in prompt.quoted)
    return replace(prompt, text=prompt.text[dropped:], quoted=quoted)
