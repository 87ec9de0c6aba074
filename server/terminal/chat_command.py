"""The command ``streamui chat``: its options, and its two modes, interactive and in a pipe."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from protocol.client import DisconnectedError, RequestError
from protocol.meanings import FIELDS
from protocol.messages import DoneReason
from protocol.sync_client import SyncChat, connect_sync
from server.terminal.answering import DETACH_MS, RETRY, stream
from server.terminal.by_hand import talk
from server.terminal.conversation import TerminalConversation
from server.terminal.parameters import NAMES, ParameterError, parse, parse_pair

DEFAULT_URL = "ws://127.0.0.1:8000/ws"
TOKEN_NEEDED = "the server requires a token; set STREAMUI_TOKEN to yours"
FAILED, NO_SERVER, INTERRUPTED = 1, 2, 130


def add_options(parser: argparse.ArgumentParser, environ: Mapping[str, str] = os.environ) -> None:
    parser.add_argument(
        "prompt", nargs="*", metavar="PROMPT", help="answer this and exit; text from a pipe is appended to it"
    )
    parser.add_argument(
        "--url",
        default=environ.get("STREAMUI_URL") or DEFAULT_URL,
        help="address of the server, ws:// or http:// (%(default)s) [STREAMUI_URL]",
    )
    parser.add_argument("--model", metavar="NAME", help="model that answers (the server's default)")
    parser.add_argument("--system", metavar="TEXT", help="instructions at the start of every chat")
    parser.add_argument(
        "-p",
        dest="parameters",
        type=_pair,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the same as --NAME VALUE",
    )
    group = parser.add_argument_group("sampling", "for options that you leave out, the server chooses")
    for name in NAMES:
        meaning = FIELDS[f"Params.{name}"].replace("%", "%%")
        group.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="VALUE", type=_typed(name), help=meaning)


def run(arguments: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> int:
    """Run the chat and return the exit status: 0, 1 when an answer failed, 2 when no server answers."""
    parameters = dict(arguments.parameters)
    parameters |= {name: getattr(arguments, name) for name in NAMES if getattr(arguments, name) is not None}
    conversation = TerminalConversation(arguments.system, parameters, arguments.model)
    token = environ.get("STREAMUI_TOKEN") or None  # not an option: other users can see a command's arguments
    by_hand = sys.stdin.isatty() and not arguments.prompt
    try:
        prompt = "" if by_hand else _prompt(arguments.prompt)
        if by_hand:
            return talk(_address(arguments.url), conversation, token)
        with connect_sync(_address(arguments.url), token=token, retry=RETRY) as chat:
            return _once(chat, conversation, prompt)
    except DisconnectedError as problem:
        if "HTTP 401" in str(problem):
            return _fail(f"{problem}; {TOKEN_NEEDED}", NO_SERVER)
        return _fail(f"{problem}; start a server with `streamui serve`, or name one with --url", NO_SERVER)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED


def _once(chat: SyncChat, conversation: TerminalConversation, prompt: str) -> int:
    """Print only the answer to ``prompt`` on standard output."""
    if chat.welcome.auth:
        return _fail(TOKEN_NEEDED, NO_SERVER)
    if not prompt.strip():
        return _fail("no prompt: give one as an argument or through a pipe", FAILED)
    try:
        asking, model = conversation.asking(prompt), conversation.model
        generation = chat.generate(asking, on_detach_ms=DETACH_MS, model=model, **conversation.sampling)
        done = stream(generation, sys.stdout)
        if not generation.text.endswith("\n"):
            print(flush=True)
    except (RequestError, DisconnectedError) as problem:
        return _fail(str(problem), FAILED)
    except BrokenPipeError:  # the reader closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if done.reason is DoneReason.CANCELLED:
        return INTERRUPTED
    if done.reason in (DoneReason.FAILED, DoneReason.INTERRUPTED):
        return _fail(done.error.message if done.error else "the server stopped before the answer ended", FAILED)
    return 0


def _prompt(words: list[str]) -> str:
    piped = "" if sys.stdin.isatty() else sys.stdin.buffer.read().decode("utf-8", "replace")
    return "\n\n".join(part for part in (" ".join(words), piped.rstrip("\n")) if part)


def _address(url: str) -> str:
    """Return the WebSocket address for a typed URL, such as the one that ``streamui serve`` prints."""
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    is_page = scheme != parts.scheme and not path.endswith("/ws")
    return urlunsplit((scheme, parts.netloc, f"{path}/ws" if is_page else path or "/ws", parts.query, ""))


def _typed(name: str) -> Any:
    def typed(text: str) -> Any:
        try:
            return parse(name, text)
        except ParameterError as problem:
            raise argparse.ArgumentTypeError(str(problem)) from problem

    return typed


def _pair(text: str) -> tuple[str, Any]:
    try:
        return parse_pair(text)
    except ParameterError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from problem


def _fail(message: str, status: int) -> int:
    print(f"streamui: {' '.join(message.split())}", file=sys.stderr)
    return status
