"""The interactive chat: prompt, answer, repeat."""

from __future__ import annotations

import contextlib
import sys

from protocol.client import DisconnectedError, RequestError
from protocol.messages import ChatMessage
from protocol.sync_client import SyncChat, SyncGeneration, connect_sync
from server.terminal.answering import DETACH_MS, RETRY, remark, stream, summary
from server.terminal.commands import CommandError, Commands, Quit
from server.terminal.conversation import TerminalConversation, call_text
from server.terminal.typed_lines import TypedLines


def talk(url: str, conversation: TerminalConversation, token: str | None = None) -> int:
    """Chat until the person quits. Returns the exit status. Raises DisconnectedError only at the start."""
    with ChatConnection(url, token) as line:
        typed = TypedLines()
        commands = Commands(conversation, lambda: line.chat.models)
        model = line.chat.welcome.model
        _edit_lines(commands)
        context = f" · {model.context} tokens of context" if model.context else ""
        remark(f"{conversation.model or model.name}{context} · /help shows the commands")
        while True:
            try:
                text = typed.next("> ").strip()
                if text.startswith("/"):
                    remark(commands.run(text))
                elif text:
                    _answer(line, conversation, text, typed)
            except EOFError:
                print()
                return 0
            except Quit:
                return 0
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
        with contextlib.suppress(DisconnectedError):
            return self._start(conversation, asking)
        self._stack.close()
        self.chat = self._connect()
        return self._start(conversation, asking)

    def _start(self, conversation: TerminalConversation, asking: list[ChatMessage]) -> SyncGeneration:
        model, tools = conversation.model, conversation.tools
        return self.chat.generate(
            asking, on_detach_ms=DETACH_MS, truncation="auto", model=model, tools=tools, **conversation.sampling
        )

    def _connect(self) -> SyncChat:
        return self._stack.enter_context(connect_sync(self._url, token=self._token, retry=RETRY))


def _answer(line: ChatConnection, conversation: TerminalConversation, question: str, typed: TypedLines) -> None:
    """Print the answer to ``question``. If it has calls, ask for their results, and print the answer to these."""
    written: list[ChatMessage] = []
    while answer := _one_answer(line, conversation, conversation.asking(question, written), typed):
        written += answer
        calls = answer[-1].tool_calls
        if not calls:
            break
        for call in calls:
            remark(f"the model calls {call_text(call)}")
            result = typed.next(f"result of {call.function.name}: ")
            written.append(ChatMessage(role="tool", content=result, tool_call_id=call.id))
    conversation.answered(question, written)


def _one_answer(
    line: ChatConnection, conversation: TerminalConversation, asking: list[ChatMessage], typed: TypedLines
) -> tuple[ChatMessage, ...]:
    """Print one answer, and return its messages; none if it has no text."""
    try:
        generation = line.ask(conversation, asking)
    except (RequestError, DisconnectedError) as problem:
        remark(f"! {problem.message}")
        return ()
    try:
        with typed.steering(generation):
            done = stream(generation, sys.stdout)
        print(flush=True)
        remark(summary(done) if done.error is None else f"! {done.error.message}")
    except (RequestError, DisconnectedError) as problem:
        if generation.text:
            print(flush=True)
        remark(f"! {problem.message}")
    return generation.messages


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
