"""Chat commands: lines that begin with a slash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from protocol.messages import ForkPoint, ModelEntry
from server.models.memory import size_text
from server.models.names import UnknownNameError, ends_with, only_called
from server.terminal.conversation import TerminalConversation
from server.terminal.functions import FunctionsError, read_functions
from server.terminal.parameters import NAMES, ParameterError, parse
from server.terminal.places import PlaceError, Places

HELP = """\
/new                 start a new conversation
/system TEXT         instructions at the start of every chat; without TEXT: none
/model NAME          let another model answer; without NAME: list the models
/set NAME VALUE      set a sampling parameter, also of a running answer; without VALUE: the server's default
/tools FILE          functions that the model may call, as JSON; you type their results; without FILE: none
/params              list the parameters and their values
/save FILE           write the conversation as Markdown, or as JSON to a .json file
/steer TEXT          while an answer is written: an instruction for it, such as shorter
/alternatives PLACE  likeliest tokens at a place of the answer, also of a running one. PLACE: its number, -3 for three
                     tokens back, or a word of the answer; without PLACE: the end
/fork PLACE TEXT     write another answer from that place, with TEXT there; it replaces the newest one, which is stopped
/quit                quit; Ctrl-D does too
Ctrl-C               stop the answer; a second time, or here: quit"""


class CommandError(ValueError):
    """Error in a command, as one line for a person."""


class Quit(Exception):
    """The person wants to quit."""


class ForkWanted(Exception):
    """The person wants another answer, from ``point`` on."""

    def __init__(self, point: ForkPoint) -> None:
        super().__init__(point)
        self.point = point


class Commands:
    """Runs commands on one conversation and returns the text to show."""

    def __init__(
        self,
        conversation: TerminalConversation,
        places: Places,
        models: Callable[[], Sequence[ModelEntry]] = tuple,
    ) -> None:
        self._conversation = conversation
        self._places = places
        self._models = models
        self._commands: dict[str, Callable[[str], str]] = {
            "new": self._new,
            "system": self._system,
            "model": self._model,
            "set": self._set,
            "tools": self._tools,
            "params": self._params,
            "save": self._save,
            "steer": self._steer,
            "alternatives": self._alternatives,
            "fork": self._fork,
            "help": lambda rest: HELP,
            "quit": self._quit,
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"/{name}" for name in self._commands)

    def run(self, line: str) -> str:
        """Run ``line``. Raises CommandError, ForkWanted and Quit."""
        name, _, rest = line.removeprefix("/").partition(" ")
        command = self._commands.get(name)
        if command is None:
            raise CommandError(f"unknown command /{name}; /help lists the commands")
        return command(rest.strip())

    def check_model(self, name: str) -> None:
        """Raise CommandError for a name that no model of the server has."""
        models = self._models()
        # The server may know a model by a longer name, which ends with the one that it tells.
        if not models or any(ends_with(name, model.name) for model in models):
            return
        try:
            only_called(name, models)
        except UnknownNameError as problem:
            raise CommandError(str(problem)) from problem

    def _new(self, rest: str) -> str:
        self._conversation.clear()
        self._places.use(None)
        return "a new conversation"

    def _system(self, rest: str) -> str:
        self._conversation.system = rest or None
        return "the system prompt is set" if rest else "no system prompt"

    def _model(self, rest: str) -> str:
        if not rest:
            lines = [f"{model.name}: {_described(model)}" for model in self._models()]
            return "\n".join(lines) or "this server has only one model"
        self.check_model(rest)
        self._conversation.model = rest
        return f"{rest} answers from now on"

    def _set(self, rest: str) -> str:
        name, _, text = rest.partition(" ")
        name = name.replace("-", "_")
        if not name:
            raise CommandError("/set NAME VALUE, such as /set temperature 0.7; /params lists the names")
        if not text.strip():
            self._conversation.parameters.pop(name, None)
            return f"{name}: the server's default"
        try:
            value = self._conversation.parameters[name] = parse(name, text.strip())
        except ParameterError as problem:
            raise CommandError(str(problem)) from problem
        return f"{name}: {value}"

    def _tools(self, rest: str) -> str:
        try:
            self._conversation.tools = read_functions(Path(rest)) if rest else ()
        except OSError as problem:
            raise CommandError(f"{rest}: can't be read: {problem.strerror}") from problem
        except FunctionsError as problem:
            raise CommandError(f"{rest}: {problem}") from problem
        names = ", ".join(tool.function.name for tool in self._conversation.tools)
        return f"the model may call {names}" if names else "no functions"

    def _params(self, rest: str) -> str:
        values = self._conversation.parameters
        return "\n".join(f"{name}: {values.get(name, 'the default')}" for name in NAMES)

    def _save(self, rest: str) -> str:
        if not rest:
            raise CommandError("/save FILE, such as /save chat.md")
        try:
            count = self._conversation.save(Path(rest))
        except OSError as problem:
            raise CommandError(f"{rest}: can't be written: {problem.strerror}") from problem
        return f"{count} messages written to {rest}"

    def _steer(self, rest: str) -> str:
        raise CommandError("there is no running answer to steer; type a message")

    def _alternatives(self, rest: str) -> str:
        try:
            return self._places.alternatives(rest)
        except PlaceError as problem:
            raise CommandError(str(problem)) from problem

    def _fork(self, rest: str) -> str:
        try:
            point = self._places.fork_point(rest)
        except PlaceError as problem:
            raise CommandError(str(problem)) from problem
        raise ForkWanted(point)

    def _quit(self, rest: str) -> str:
        raise Quit


def _described(model: ModelEntry) -> str:
    """Return a model's state in words, with what it needs."""
    progress = (
        f", {size_text(model.done)} of {size_text(model.total)}" if model.done is not None and model.total else ""
    )
    context = "" if model.context is None else f", {model.context} tokens of context"
    needs = "" if model.needs is None else f", needs {size_text(model.needs)}"
    return f"{model.state.replace('_', ' ')}{progress}{context}{needs}"
