"""The chat template that a model is spoken to through."""

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
"""A dialogue for each role, and the place of its message there: to see if the template shows that role's text."""

NEVER_LOST: Final = ("system", "user")
"""Roles whose text has to be in the prompt. What the model itself thought before an earlier answer may be left out."""


class ChatTemplate:
    """Renders messages. A template that came with a model is rendered in a process of its own, under limits.

    ``choice`` None takes the model's own template ``source``, or ChatML where it has none. ``tokens`` as in
    SandboxedTemplate. Raises ChatTemplateError when the template can't be read. Whoever makes it closes it.
    """

    def __init__(
        self, source: str | None, tokens: Mapping[str, str] | None = None, *, choice: TemplateChoice | None = None
    ) -> None:
        if choice is None:
            choice = TemplateChoice(CHATML.source, "chatml", CHATML.stop) if source is None else TemplateChoice(source)
        self.origin: Origin = choice.origin
        self.stop: tuple[str, ...] = choice.stop
        """Stop strings that belong to the template's form."""
        self.source = choice.source
        self.thinking_field = field_read(self.source)
        """The field of an earlier answer in which the template reads what the model thought; None: it reads none."""
        self._bos = (tokens or {}).get("bos_token", "")
        self._told: set[str] = set()
        """What the log has been told of."""
        self._roles_with_parts: frozenset[str] = frozenset()
        """Roles whose content the template reads as a list of parts, and shows nothing of a plain text."""
        self._tools: Sequence[Any] | None = None
        """No tools, as the template takes it: some can't do without a list."""
        try:
            self._renderer = _renderer(self.source, tokens)
        except ChatTemplateError as error:
            raise type(error)(f"{error}; --chat-template FILE or NAME sets another one") from error
        try:
            self._find_what_it_takes()
        except BaseException:
            self.close()
            raise

    def render(self, messages: Sequence[Message]) -> Prompt:
        """The prompt that makes the model answer ``messages``.

        Where the template refuses their order, or would not show some of them, they are written in another way
        (dialogue.py), and the log says so once. Raises ChatTemplateError. Any thread may call it.
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
                self._tell(note)
                return prompt
            lossy = lossy or prompt
        if lossy is not None:
            self._tell("some of what was written is left out")
            return lossy
        raise refusal or ChatTemplateError("there is no message")

    def close(self) -> None:
        """End the process, where there is one."""
        if isinstance(self._renderer, RenderProcess):
            self._renderer.close()

    def _render(self, dialogue: Dialogue) -> Prompt:
        prompt = self._renderer.render(with_parts(dialogue, self._roles_with_parts), self._tools)
        return _with_one_bos(self._bos, prompt)

    def _loses_a_message(self, dialogue: Dialogue, prompt: Prompt) -> bool:
        """Check if the template leaves out a message wherever it stands, whatever it says.

        A text that is a command to the template, such as ``/no_think``, is obeyed and not shown.
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

    def _find_what_it_takes(self) -> None:
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

    def _tell(self, note: str) -> None:
        """Log a change to a dialogue once. What the template said is not logged: it may quote a message."""
        if note and note not in self._told:
            self._told.add(note)
            logger.warning(
                "the model's chat template does not take every dialogue as it is; where it must be: %s", note
            )


def _renderer(source: str, tokens: Mapping[str, str] | None) -> SandboxedTemplate | RenderProcess:
    ours = source in (CHAT_TEMPLATE, *(form.source for form in WELL_KNOWN.values()))
    return SandboxedTemplate(source, tokens) if ours else RenderProcess(source, tokens)


def _with_one_bos(bos: str, prompt: Prompt) -> Prompt:
    """Drop white space that the template leaves in front of its BOS, and all but the last of several in a row."""
    own = prompt.text[: prompt.quoted[0][0]] if prompt.quoted else prompt.text
    found = re.match(rf"(?:[\s\ufeff]*{re.escape(bos)})+", own) if bos else None
    if found is None:
        return prompt
    dropped = found.end() - len(bos)
    quoted = tuple((start - dropped, end - dropped) for start, end in prompt.quoted)
    return replace(prompt, text=prompt.text[dropped:], quoted=quoted)
