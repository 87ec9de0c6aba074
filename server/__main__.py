"""The command line: ``streamui serve``, ``chat``, ``bench``, ``token``, ``models`` and ``doctor``.

Errors that a person can fix are printed as one line, with exit status 2.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from server import __version__
from server.bench.bench_error import BenchError
from server.bench.options import add_options as bench_options
from server.doctor.doctor_command import add_options as doctor_options
from server.doctor.doctor_command import run as doctor
from server.engine.base import ModelError
from server.engine.probing import ModelProbe
from server.guard.origins import is_loopback
from server.guard.token_command import add_options as token_options
from server.guard.token_command import run as token
from server.guard.token_store import TokenFileError
from server.logs import set_up
from server.models.choosing import chosen_model, missing_model
from server.models.models_command import OPTIONS as MODELS_OPTIONS
from server.models.models_command import add_options as models_options
from server.models.models_command import run as models
from server.models.models_file import read_models_file
from server.models.ollama_layers import defaults_of
from server.option_table import add_options, options
from server.private_files import make_private_folder
from server.settings import Settings, settings_from
from server.starter import MODEL_PATH
from server.terminal.chat_command import add_options as chat_options
from server.terminal.chat_command import run as chat
from server.writers.upstream.option import name_fault

SEND_BUFFER = 65_536
"""Size of the system's send buffer per connection, in bytes; Linux doubles it for its own use."""

STALLED_MS = 30_000

INTERRUPTED = 130
"""Exit status after Ctrl-C."""

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the ``streamui`` command."""
    parser = _Parser(prog="streamui", description="Chat with a language model on your own machine.")
    parser.add_argument("--version", action="version", version=f"streamui {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve_parser = commands.add_parser("serve", help="serve the chat page and its WebSocket")
    add_options(serve_parser)
    chat_parser = commands.add_parser("chat", help="chat with a running server in the terminal or in a pipe")
    chat_options(chat_parser)
    bench_parser = commands.add_parser("bench", help="measure the server, alone or against another one")
    bench_options(bench_parser)
    token_parser = commands.add_parser("token", help="create, list and revoke access tokens")
    token_options(token_parser)
    models_parser = commands.add_parser("models", help="list the models on this machine; get, show or delete one")
    models_options(models_parser, [each for each in options(os.environ) if each.name in MODELS_OPTIONS], os.environ)
    doctor_parser = commands.add_parser("doctor", help="check what serve needs, and name the remedies")
    doctor_options(doctor_parser)
    chosen = parser.parse_args(arguments)
    if chosen.command == "chat":
        raise SystemExit(chat(chosen))
    if chosen.command == "bench":
        raise SystemExit(_measure(chosen))
    if chosen.command == "token":
        raise SystemExit(_token(chosen))
    if chosen.command == "models":
        raise SystemExit(_models(chosen))
    if chosen.command == "doctor":
        raise SystemExit(doctor(settings_from(chosen), as_json=chosen.json))
    serve(settings_from(chosen))


def _measure(chosen: argparse.Namespace) -> int:
    from server.bench.bench_command import run as bench  # here, so that the server starts without it

    try:
        return bench(chosen)
    except BenchError as error:
        _fail(str(error))


def _token(chosen: argparse.Namespace) -> int:
    try:
        return token(chosen)
    except TokenFileError as error:
        _fail(str(error))


def _models(chosen: argparse.Namespace) -> int:
    try:
        return models(chosen)
    except ModelError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def serve(settings: Settings) -> None:
    """Load the model, listen, print the address once the server answers, and serve until SIGINT or SIGTERM."""
    set_up(settings.log_format, settings.log_level)
    _refuse_open_door(settings)
    _make_folder(settings.data)
    listener = _listen(settings.host, settings.port)

    asked = settings.models
    try:
        models_file = read_models_file(settings.models_file, settings.data)
        missing = missing_model(settings.model, settings.models_folder) if settings.offline == "off" else None
        settings = with_models(settings)
        with contextlib.ExitStack() as probing:
            probes = [probing.enter_context(_probe(path)) for path in settings.models]
            from server.chat.template import ChatTemplateError  # here, so that the mistakes above are told at once
            from server.conversations.store import ConversationsError
            from server.generations.journal import JournalError
            from server.serving import run

            for probe in filter(None, probes):
                probe.verdict()
    except ModelError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    try:
        defaults = {path: defaults_of(path, str(name)) for path, name in zip(settings.models, asked, strict=True)}
        run(settings, listener, defaults, models_file, missing)
    except (JournalError, ConversationsError, TokenFileError, ModelError, ChatTemplateError) as error:
        _fail(str(error))


def with_models(settings: Settings) -> Settings:
    """Return the settings with the paths of the chosen models. Raises ModelError, also for unnamed upstreams."""
    if fault := name_fault(settings.upstreams, others=bool(settings.models)):
        raise ModelError(fault)
    if len(settings.upstreams) > 1 and settings.upstream_model:
        raise ModelError("--upstream-model: with several upstreams every model is served; leave it out")
    if not settings.models:
        if settings.draft_model:
            raise ModelError("--draft-model is for a model of this machine: add --model, or leave it out")
        return settings
    paths = [chosen_model(model, settings.models_folder, os.environ) for model in settings.models]
    return dataclasses.replace(settings, model=paths[0], more_models=tuple(paths[1:]))


def _refuse_open_door(settings: Settings) -> None:
    if settings.auth == "off" and not is_loopback(settings.host):
        _fail(
            f"--host {settings.host}: other machines could use the server without a log-in. Add --auth token and "
            "create a token with `streamui token add NAME`; or leave --host out: then only this machine can reach it"
        )


def _probe(model: Path) -> contextlib.AbstractContextManager[ModelProbe | None]:
    """Return the check for a model file that is not built in. Raises ModelError."""
    ours = model.exists() and model.samefile(MODEL_PATH)
    return contextlib.nullcontext() if ours else ModelProbe(model)


def _make_folder(path: Path) -> None:
    try:
        remarks = make_private_folder(path)
    except OSError as error:
        _fail(f"--data {path}: the folder can't be created: {error.strerror}")
    for remark in remarks:
        logger.warning("%s", remark)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror).split(" (while")[0]  # asyncio's own text repeats the address
        _fail(f"can't listen on {host} port {port}: {reason}; try another --port, or --port 0 for any free one")
    # Every connection inherits it. asyncio sets it only when the socket's protocol was given explicitly.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # Otherwise the system buffers megabytes for a client that doesn't read before the server notices.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    # A connection whose client receives nothing for this long is dropped, even after this side has closed it.
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux only; elsewhere the system's own limit of some minutes applies
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
    return listener


class _Parser(argparse.ArgumentParser):
    """An argparse parser that prints a mistake on one line; ``--help`` shows the usage."""

    def error(self, message: str) -> NoReturn:
        _fail(f"{message}; see {self.prog} --help")


def _fail(message: str) -> NoReturn:
    print(f"streamui: {message}", file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
