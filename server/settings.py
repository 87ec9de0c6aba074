"""Every option of the server, once: its name on the command line, in the environment, its default and its range."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from server.guard.origins import bare_name, origin
from server.logs import LEVELS, Format
from server.starter import MODEL_PATH


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``streamui serve`` was asked for. ``context`` and ``threads`` None: chosen to suit the model.

    ``chat_template`` None: the model's own.

    ``kv_tokens`` None: each chat has its own part of the KV cache. ``cache_ram`` is in MiB, ``drain`` in seconds.
    ``allow_host`` and ``allow_origin`` have commas between their parts. ``max_active`` None: what suits ``auth``.
    """

    host: str
    port: int
    model: Path
    chat_template: str | None
    data: Path
    context: int | None
    parallel: int
    threads: int | None
    kv_tokens: int | None
    cache_ram: int
    context_shift: Literal["on", "off"]
    queue: int
    journal: Literal["on", "off"]
    on_restart: Literal["continue", "interrupt"]
    drain: int
    auth: Literal["off", "token"]
    allow_host: str
    allow_origin: str
    max_sockets: int
    max_messages: int
    max_active: int | None
    log_format: Format
    log_level: str


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers from ``least`` to ``most``."""

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return number

    return parse


def list_of(understood: Callable[[str], str | None], kind: str) -> Callable[[str], str]:
    """A parser of parts with commas between them, each of which ``understood`` brings into its one form."""

    def parse(text: str) -> str:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        for part in parts:
            if understood(part) is None:
                raise argparse.ArgumentTypeError(f"{part!r} is not {kind}")
        return ",".join(str(understood(part)) for part in parts)

    return parse


def parts(listed: str) -> tuple[str, ...]:
    """What ``list_of`` has read."""
    return tuple(listed.split(",")) if listed else ()


def one_of(*words: str) -> Callable[[str], str]:
    """A parser of one of ``words``."""

    def parse(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"{text!r} is not {', '.join(words[:-1])} or {words[-1]}")
        return text

    return parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: ``--name`` on the command line, with a dash for each underscore, STREAMUI_NAME in the environment."""

    name: str
    parse: Callable[[str], Any]
    default: Any
    metavar: str
    help: str

    @property
    def variable(self) -> str:
        return f"STREAMUI_{self.name.upper()}"

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    def checked(self, environ: Mapping[str, str]) -> Callable[[str], Any]:
        """``parse``, with an error that says when the value comes from the environment."""

        def parse(text: str) -> Any:
            try:
                return self.parse(text)
            except argparse.ArgumentTypeError as error:
                source = f" (from {self.variable})" if environ.get(self.variable) == text else ""
                raise argparse.ArgumentTypeError(f"{error}{source}") from None

        return parse


def default_data_folder(environ: Mapping[str, str]) -> Path:
    """Where a user's programs keep their data (XDG Base Directory Specification)."""
    base = environ.get("XDG_DATA_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".local" / "share"
    return Path(base) / "streamui"


def without_brackets(host: str) -> str:
    """The IPv6 address in brackets, as it stands in URLs; any other host as it is."""
    return host[1:-1] if ":" in host and host.startswith("[") and host.endswith("]") else host


def options(environ: Mapping[str, str]) -> tuple[Option, ...]:
    return (
        Option(
            name="host",
            parse=without_brackets,
            default="127.0.0.1",
            metavar="ADDRESS",
            help="address to listen on (%(default)s)",
        ),
        Option(
            name="port",
            parse=whole_number(0, 65535),
            default=8000,
            metavar="PORT",
            help="port to listen on; 0 takes any free one (%(default)s)",
        ),
        Option(
            name="model",
            parse=Path,
            default=MODEL_PATH,
            metavar="PATH",
            help="a chat model as a GGUF file (the built-in starter model)",
        ),
        Option(
            name="chat_template",
            parse=str,
            default=None,
            metavar="FILE|NAME",
            help="the form of the dialogue: a file, or a name such as chatml or llama3 (the model's own template)",
        ),
        Option(
            name="data",
            parse=Path,
            default=default_data_folder(environ),
            metavar="DIR",
            help="folder for what the server keeps (%(default)s)",
        ),
        Option(
            name="context",
            parse=whole_number(16, 2**24),
            default=None,
            metavar="N",
            help="tokens that one chat can hold, question and answer (what the model was trained for, up to 8192)",
        ),
        Option(
            name="parallel",
            parse=whole_number(1, 256),
            default=4,
            metavar="N",
            help="answers that are computed at the same time; further ones queue (%(default)s)",
        ),
        Option(
            name="threads",
            parse=whole_number(1, 1024),
            default=None,
            metavar="N",
            help="CPU threads that compute (every core; one for a model as small as the starter)",
        ),
        Option(
            name="kv_tokens",
            parse=whole_number(16, 2**24),
            default=None,
            metavar="N",
            help="let all chats share a KV cache of so many tokens: room for a long chat beside short ones, but slower "
            "(each has its own, of --context tokens)",
        ),
        Option(
            name="cache_ram",
            parse=whole_number(0, 2**24),
            default=1024,
            metavar="MIB",
            help="memory for chats that wait for their next turn, so that they need not be read again (%(default)s)",
        ),
        Option(
            name="context_shift",
            parse=one_of("on", "off"),
            default="off",
            metavar="on|off",
            help="on: a full context pushes out its oldest half, where otherwise the answer ends (%(default)s)",
        ),
        Option(
            name="queue",
            parse=whole_number(0, 100_000),
            default=256,
            metavar="N",
            help="answers that may wait for their turn; one more is refused as busy (%(default)s)",
        ),
        Option(
            name="journal",
            parse=one_of("on", "off"),
            default="on",
            metavar="on|off",
            help="off: answers are kept in memory only, and end with the server (%(default)s)",
        ),
        Option(
            name="on_restart",
            parse=one_of("continue", "interrupt"),
            default="continue",
            metavar="continue|interrupt",
            help="what becomes of answers that the last server left unfinished (%(default)s)",
        ),
        Option(
            name="drain",
            parse=whole_number(0, 86_400),
            default=0,
            metavar="SECONDS",
            help="how long a server that is told to end lets running answers go on (%(default)s)",
        ),
        Option(
            name="auth",
            parse=one_of("off", "token"),
            default="off",
            metavar="off|token",
            help="token: who wants in needs one, see `streamui token`; off: only this machine gets in (%(default)s)",
        ),
        Option(
            name="allow_host",
            parse=list_of(bare_name, "a host name or address without port"),
            default="",
            metavar="NAMES",
            help="further names that the server may be called by, with commas between them (those of this machine)",
        ),
        Option(
            name="allow_origin",
            parse=list_of(origin, "an origin as browsers write it, such as https://chat.example"),
            default="",
            metavar="ORIGINS",
            help="further web pages that may use the server, with commas between them (its own)",
        ),
        Option(
            name="max_sockets",
            parse=whole_number(1, 1_000_000),
            default=2048,
            metavar="N",
            help="connections that one user, or one address without a token, may have open (%(default)s)",
        ),
        Option(
            name="max_messages",
            parse=whole_number(1, 1_000_000),
            default=1000,
            metavar="N",
            help="messages a second from one user, or one address without a token; ten times as many in a burst "
            "(%(default)s)",
        ),
        Option(
            name="max_active",
            parse=whole_number(1, 1_000_000),
            default=None,
            metavar="N",
            help="answers of one user that may wait or run (a quarter of --queue and --parallel; all with --auth off)",
        ),
        Option(
            name="log_format",
            parse=one_of("text", "json"),
            default="text",
            metavar="text|json",
            help="how the log on standard error is written; json: an object a line (%(default)s)",
        ),
        Option(
            name="log_level",
            parse=one_of(*LEVELS),
            default="warning",
            metavar="|".join(LEVELS),
            help="what is logged: from info on a line for every request and answer, and never a text (%(default)s)",
        ),
    )


def add_options(parser: argparse.ArgumentParser, environ: Mapping[str, str] = os.environ) -> None:
    """Put every option on ``parser``. The environment's value is the default; argparse checks it like a typed one."""
    for option in options(environ):
        parser.add_argument(
            option.flag,
            type=option.checked(environ),
            default=environ.get(option.variable) or option.default,
            metavar=option.metavar,
            help=f"{option.help} [{option.variable}]",
        )


def settings_from(arguments: argparse.Namespace) -> Settings:
    return Settings(**{name: getattr(arguments, name) for name in Settings.__dataclass_fields__})
