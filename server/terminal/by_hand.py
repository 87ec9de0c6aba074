"""The interactive chat: prompt, answer, repeat."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

from protocol.client import DisconnectedError, RequestError
from protocol.messages import ChatMessage, ForkPoint
from protocol.sync_client import SyncChat, SyncGeneration, connect_sync
from server.terminal.answering import DETACH_MS, RETRY, remark, stream, summary
from server.terminal.commands import CommandError, Commands, ForkWanted, Quit
from server.terminal.conversation import TerminalConversation, call_text
from server.terminal.pieces import read_pieces
from server.terminal.places import Places
from server.terminal.typed_lines import TypedLines


def talk(url: str, conversation: TerminalConversation, token: str | None = None) -> int:
    """Chat until the person quits. Returns the exit status, 1 if the server has no model of the conversation's name.

    Raises DisconnectedError only at the start.
    """
    with ChatConnection(url, token) as line:
        places = Places(lambda *asked: line.chat.alternatives(*asked), lambda id: read_pieces(url, token, id))
        typed = TypedLines(places)
        answers = Answers(line, conversation, typed, places)
        commands = Commands(conversation, places, lambda: line.chat.models)
        model = line.chat.welcome.model
        if problem := _model_problem(commands, conversation.model):
            remark(f"! {problem}")
            return 1
        _edit_lines(commands)
        context = f" · {model.context} tokens of context" if model.context else ""
        remark(f"{conversation.model or model.name}{context} · /help shows the commands")
        while True:
            try:
                text = typed.next("> ").strip()
                if text.startswith("/"):
                    remark(commands.run(text))
                elif text:
                    answers.answer(text)
            except EOFError:
                print()
                return 0
            except Quit:
                return 0
            except ForkWanted as wanted:
                answers.fork(wanted.point)
            except CommandError as problem:
                remark(f"! {problem}")


class ChatConnection:
    """A connection that is replaced for the next question when it was lost for good; the conversation is kept."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._token = token
        self._stack = contextlib.ExitStack()
        self.chat = self._connect()

    def __enter__(self) -> ChatConnection:
        self._stack.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        self._stack.__exit__(*problem)  # type: ignore[arg-type]

    def ask(self, conversation: TerminalConversation, asking: list[ChatMessage]) -> SyncGeneration:
        """Start the answer. Raises RequestError, and DisconnectedError when no server answers."""
        model, tools, sampling = conversation.model, conversation.tools, conversation.sampling
        return self._start(
            lambda chat: chat.generate(
                asking, on_detach_ms=DETACH_MS, truncation="auto", model=model, tools=tools, **sampling
            )
        )

    def fork(self, conversation: TerminalConversation, point: ForkPoint) -> SyncGeneration:
        """Start another answer from ``point`` on. Raises what ``ask`` raises."""
        return self._start(lambda chat: chat.generate(fork=point, on_detach_ms=DETACH_MS, **conversation.sampling))

    def _start(self, start: Callable[[SyncChat], SyncGeneration]) -> SyncGeneration:
        with contextlib.suppress(DisconnectedError):
            return start(self.chat)
        self._stack.close()
        self.chat = self._connect()
        return start(self.chat)

    def _connect(self) -> SyncChat:
        return self._stack.enter_context(connect_sync(self._url, token=self._token, retry=RETRY))


class Answers:
    """Prints answers and stores them in the conversation."""

    def __init__(
        self, line: ChatConnection, conversation: TerminalConversation, typed: TypedLines, places: Places
    ) -> None:
        self._line = line
        self._conversation = conversation
        self._typed = typed
        self._places = places

    def answer(self, question: str) -> None:
        """Print the answer to ``question``. If it has calls, ask for their results, and print the answer to these."""
        written: list[ChatMessage] = []
        while answer := self._ask(self._conversation.asking(question, written)):
            written += answer
            calls = answer[-1].tool_calls
            if not calls:
                break
            for call in calls:
                remark(f"the model calls {call_text(call)}")
                result = self._typed.next(f"result of {call.function.name}: ")
                written.append(ChatMessage(role="tool", content=result, tool_call_id=call.id))
        self._conversation.answered(question, written)

    def fork(self, point: ForkPoint) -> None:
        """Print another answer from ``point`` on. In the conversation it replaces the newest answer."""
        answer = self._print(lambda: self._line.fork(self._conversation, point))
        self._conversation.answered_anew(answer)

    def _ask(self, asking: list[ChatMessage]) -> tuple[ChatMessage, ...]:
        return self._print(lambda: self._line.ask(self._conversation, asking))

    def _print(self, start: Callable[[], SyncGeneration]) -> tuple[ChatMessage, ...]:
        """Start one answer, print it, and return its messages; none if it has no text."""
        try:
            generation = start()
        except (RequestError, DisconnectedError) as problem:
            remark(f"! {problem.message}")
            return ()
        earlier = self._places.generation
        self._places.use(generation.id)
        try:
            with self._typed.steering(generation):
                done = stream(generation, sys.stdout)
            print(flush=True)
            remark(summary(done) if done.error is None else f"! {done.error.message}")
        except (RequestError, DisconnectedError) as problem:
            if generation.text:
                print(flush=True)
            else:
                self._places.use(earlier)
            remark(f"! {problem.message}")
        return generation.messages


def _model_problem(commands: Commands, name: str | None) -> str:
    """Return an error message if the server has no model of this name; None: the default model."""
    try:
        if name is not None:
            commands.check_model(name)
    except CommandError as problem:
        return str(problem)
    return ""


def _edit_lines(commands: Commands) -> None:
    """Enable line editing, history for this chat, and Tab for commands."""
    try:
        import readline
    except ImportError:  # a Python without readline still works
        return

    def complete(text: str, state: int) -> str | None:
        fitting = [name for name in commands.names if text and name.startswith(text)]
        return fitting[state] if state < len(fitting) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" ")
    readline.parse_and_bind("tab: complete")
