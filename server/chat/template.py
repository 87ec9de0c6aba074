"""The chat template of a model."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from server.chat.dialogue import Dialogue, variants, with_parts, with_single_calls, without_empty_answers
from server.chat.effort import EFFORT, efforts_of
from server.chat.prompt import Message, Prompt
from server.chat.rendering import RenderProcess
from server.chat.sandbox import ChatTemplateError, SandboxedTemplate, TemplateLimitError
from server.chat.thinking import field_read
from server.chat.tools import history
from server.chat.tools.formats import Function, ToolFormat, format_of
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

PROBED_FUNCTION: Final = Function("probed_function", "A test.", {"type": "object", "properties": {}})
"""Function whose name a template that knows tools shows."""

PROBED_ARGUMENTS: Final = ("first_key", "second_key")


def _probed_calls(keys: Sequence[str]) -> Dialogue:
    """Return a dialogue with a call for each key of arguments, and its result."""
    name, ids = PROBED_FUNCTION.name, [f"call0000{place}" for place in range(len(keys))]
    calls = [
        {"id": id, "type": "function", "function": {"name": name, "arguments": f'{{"{key}": 1}}'}}
        for id, key in zip(ids, keys, strict=True)
    ]
    results = [{"role": "tool", "content": "probed result", "tool_call_id": id, "name": name} for id in ids]
    return [PROBES["user"][0][0], {"role": "assistant", "content": "", "tool_calls": calls}, *results]


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
        self.knows_tools = False
        """True if the template offers functions to the model, and shows calls and their results."""
        self.efforts: tuple[str, ...] = ()
        """Values of reasoning_effort that change the prompt; "none" where thinking can be switched off."""
        self._objects = True
        """True if the template reads the arguments of a call as an object, not as text."""
        self._single_calls = False
        """True if the template reads only one call of a message."""
        try:
            self._renderer = _renderer(self.source, tokens)
        except ChatTemplateError as error:
            raise type(error)(f"{error}; --chat-template FILE or NAME sets another one") from error
        try:
            self._probe()
        except BaseException:
            self.close()
            raise

    @property
    def tool_format(self) -> ToolFormat:
        """Format of the model's calls."""
        return format_of(self.source) if self.knows_tools else ToolFormat.GENERIC

    def render(
        self,
        messages: Sequence[Message],
        functions: Sequence[Function] = (),
        variables: Mapping[str, Any] | None = None,
    ) -> Prompt:
        """Render the prompt for an answer to ``messages``, which may call ``functions``.

        When the template rejects their order or would drop some, they are rewritten (dialogue.py), which is logged
        once. A template without tools gets calls and functions as text. ``variables``: further variables of the
        template; a value of reasoning_effort that it rejects is left out. Raises ChatTemplateError. Thread-safe.
        """
        refusal: ChatTemplateError | None = None
        for as_text, values in self._attempts(messages, functions, dict(variables or {})):
            tools = None if as_text or not functions else [function.described for function in functions]
            try:
                return self._rendered(self._with_calls(messages, functions, as_text), tools, values)
            except TemplateLimitError:
                raise
            except ChatTemplateError as error:
                refusal = refusal or error
        assert refusal is not None
        raise refusal

    def _attempts(
        self, messages: Sequence[Message], functions: Sequence[Function], variables: dict[str, Any]
    ) -> Iterator[tuple[bool, Mapping[str, Any]]]:
        """Yield the ways to render: calls and functions as text or not, and the variables."""
        with_calls = bool(functions) or any(map(history.has_call, messages))
        ways = (False, True) if self.knows_tools and with_calls else (not self.knows_tools,)
        for as_text in ways:
            yield as_text, variables
            if EFFORT in variables:
                yield as_text, {name: value for name, value in variables.items() if name != EFFORT}

    def _rendered(self, messages: Dialogue, tools: Sequence[Any] | None, variables: Mapping[str, Any]) -> Prompt:
        refusal: ChatTemplateError | None = None
        lossy: Prompt | None = None
        for note, dialogue in variants(without_empty_answers(messages)):
            try:
                prompt = self._render(dialogue, tools, variables)
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

    def _with_calls(self, messages: Sequence[Message], functions: Sequence[Function], as_text: bool) -> Dialogue:
        """Return the messages with calls, results and functions in the form that the template reads."""
        if not as_text:
            dialogue = with_single_calls(messages) if self._single_calls else messages
            return history.for_template(dialogue, objects=self._objects, short_ids="length != 9" in self.source)
        dialogue = history.as_text(messages)
        return history.with_instructions(dialogue, functions) if functions else dialogue

    def _render(
        self,
        dialogue: Dialogue,
        tools: Sequence[Any] | None = None,
        variables: Mapping[str, Any] | None = None,
    ) -> Prompt:
        given = self._tools if tools is None else tools
        prompt = self._renderer.render(with_parts(dialogue, self._roles_with_parts), given, variables)
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
        self._find_tools()
        self.efforts = efforts_of(self.source, self._probed)

    def _probed(self, variables: Mapping[str, Any]) -> str | None:
        """Return a prompt with these variables of the template, or None if it rejects them."""
        try:
            return self._render(PROBES["user"][0], variables=variables).text
        except TemplateLimitError:
            raise
        except ChatTemplateError:
            return None

    def _find_tools(self) -> None:
        """Find out if the template knows tools, and in which form it reads arguments."""
        if not re.search(r"\btools\b", self.source):
            return
        for self._objects in (True, False):
            if self._shows_calls(PROBED_ARGUMENTS[:1]):
                self.knows_tools = True
                self._single_calls = not self._shows_calls(PROBED_ARGUMENTS)
                return

    def _shows_calls(self, keys: Sequence[str]) -> bool:
        """Tell whether the template shows the offered function and one call of it for each key, with its result."""
        dialogue = history.for_template(_probed_calls(keys), objects=self._objects, short_ids=False)
        try:
            text = self._render(dialogue, [PROBED_FUNCTION.described]).text
        except TemplateLimitError:
            raise
        except ChatTemplateError:
            return False
        # A dictionary that was converted to text is Python's spelling, and no JSON.
        shown = all(re.search(rf"\b{key}\b", text) and f"{{'{key}'" not in text for key in keys)
        return shown and "probed result" in text and text.count(PROBED_FUNCTION.name) > 1

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
