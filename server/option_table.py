"""The table of every option of the server: name, range, default and help."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from server.guard.origins import bare_name, origin
from server.logs import LEVELS
from server.option import Option, list_of, one_of, path_prefix, whole_number, without_brackets
from server.starter import MODEL_PATH
from server.writers.upstream.kinds import AUTO, KINDS
from server.writers.upstream.option import NamedAddress, read_upstream

ADDRESSES = (
    *("api", "c", "channel", "detokenize", "embed", "generate", "generations", "healthz", "login", "logout", "metrics"),
    *("readyz", "service-worker.js", "static", "tokenize", "v1", "ws"),
)
"""First parts of the server's own addresses."""


def _upstream(text: str) -> NamedAddress:
    """Parse ``--upstream``."""
    try:
        return read_upstream(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}") from None


def default_data_folder(environ: Mapping[str, str]) -> Path:
    """Return the default data folder of this user (XDG Base Directory Specification)."""
    base = environ.get("XDG_DATA_HOME") or Path(environ.get("HOME") or "~").expanduser() / ".local" / "share"
    return Path(base) / "streamui"


def options(environ: Mapping[str, str]) -> tuple[Option, ...]:
    """Return every option, in the order of the help."""
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
            help="port to listen on; 0 takes a free one and prints it (%(default)s)",
        ),
        Option(
            name="model",
            parse=Path,
            default=MODEL_PATH,
            metavar="PATH|NAME|auto",
            help="chat model: a GGUF file, or a name that `streamui models` prints; auto: smollm2-135m, which the "
            "first start downloads; repeat the option for several models: the first is the default (the built-in "
            "starter model)",
            more="more_models",
        ),
        Option(
            name="chat_template",
            parse=str,
            default=None,
            metavar="FILE|NAME",
            help="chat template: a file, or a name such as chatml or llama3 (the model's own)",
        ),
        Option(
            name="data",
            parse=Path,
            default=default_data_folder(environ),
            metavar="DIR",
            help="folder for conversations, journal and tokens (%(default)s)",
        ),
        Option(
            name="models_dir",
            parse=Path,
            default=None,
            metavar="DIR",
            help="folder for downloaded models (models, in the --data folder)",
        ),
        Option(
            name="models_file",
            parse=Path,
            default=None,
            metavar="FILE",
            help="TOML file with options of single models, such as context and KV types (models.toml, in the --data "
            "folder, if it exists)",
        ),
        Option(
            name="model_memory",
            parse=whole_number(0, 2**24),
            default=None,
            metavar="MIB",
            help="memory in MiB for loaded models with their KV caches; an unused one makes room for another; "
            "0: only the models of --model (60 percent of the memory that is free at the start)",
        ),
        Option(
            name="offline",
            parse=one_of("on", "off"),
            default="off",
            metavar="on|off",
            help="on: nothing is downloaded (%(default)s)",
        ),
        Option(
            name="who_may_get_models",
            parse=one_of("owner", "all", "nobody"),
            default="owner",
            metavar="owner|all|nobody",
            help="users who may download and delete models on the page; owner: that of the first token, or everyone "
            "with --auth off (%(default)s)",
        ),
        Option(
            name="context",
            parse=whole_number(16, 2**24),
            default=None,
            metavar="N",
            help="context of one chat in tokens, with the answer (the model's, up to 8192)",
        ),
        Option(
            name="parallel",
            parse=whole_number(1, 256),
            default=None,
            metavar="N",
            help="answers computed at the same time; more wait in the queue (4; with an upstream as many as it has "
            "slots, or 64)",
        ),
        Option(
            name="upstream",
            parse=_upstream,
            default=None,
            metavar="[NAME=]URL",
            help="server whose models answer: llama-server, vLLM, SGLang, Ollama, LM Studio, or any OpenAI API; its "
            "key is read from STREAMUI_UPSTREAM_KEY, with NAME from STREAMUI_UPSTREAM_KEY_NAME; may be repeated, and "
            "be beside --model, with a NAME each (none)",
            more="more_upstreams",
        ),
        Option(
            name="upstream_kind",
            parse=one_of(AUTO, *KINDS),
            default=AUTO,
            metavar="|".join((AUTO, *KINDS)),
            help="what the upstream is (%(default)s)",
        ),
        Option(
            name="upstream_model",
            parse=str,
            default=None,
            metavar="NAME",
            help="the only model of the upstream that is served (all)",
        ),
        Option(
            name="upstream_patience",
            parse=whole_number(0, 86_400),
            default=30,
            metavar="SECONDS",
            help="seconds for which an upstream that can't be reached is tried again (%(default)s)",
        ),
        Option(
            name="threads",
            parse=whole_number(1, 1024),
            default=None,
            metavar="N",
            help="CPU threads for computing (every core; one for a model as small as the starter)",
        ),
        Option(
            name="kv_tokens",
            parse=whole_number(16, 2**24),
            default=None,
            metavar="N",
            help="size in tokens of one KV cache that all chats share: fits a long chat beside short ones, but is "
            "slower (a cache of --context tokens for each chat)",
        ),
        Option(
            name="cache_ram",
            parse=whole_number(0, 2**24),
            default=1024,
            metavar="MIB",
            help="memory in MiB to keep idle chats, so that their next turn starts sooner (%(default)s)",
        ),
        Option(
            name="cache_disk",
            parse=whole_number(0, 2**24),
            default=2048,
            metavar="MIB",
            help="disk space in MiB to keep idle chats in the data folder, so that their next turn starts sooner also "
            "after a restart; 0: none (%(default)s)",
        ),
        Option(
            name="context_shift",
            parse=one_of("on", "off"),
            default="off",
            metavar="on|off",
            help="on: a full context drops its oldest half; off: the answer ends there (%(default)s)",
        ),
        Option(
            name="draft_ahead",
            parse=one_of("on", "off"),
            default="on",
            metavar="on|off",
            help="on: a message is read while it is being written, so that its answer starts sooner; off: only once it "
            "is sent. Always off behind --upstream (%(default)s)",
        ),
        Option(
            name="speculative",
            parse=one_of("auto", "all", "off"),
            default="auto",
            metavar="auto|all|off",
            help="several tokens in one step where an answer repeats earlier text, or --draft-model proposes them, "
            "while that is measured to be faster; auto: not for answers with a seed or of temperature 0, whose last "
            "bits it could change; all: for those too (%(default)s)",
        ),
        Option(
            name="draft_model",
            parse=Path,
            default=None,
            metavar="PATH|NAME",
            help="small model of the same vocabulary, which proposes tokens for the answers of --model where that is "
            "measured to be faster; for further models see models.toml (none)",
        ),
        Option(
            name="queue",
            parse=whole_number(0, 100_000),
            default=256,
            metavar="N",
            help="answers that may wait; more are refused (busy) (%(default)s)",
        ),
        Option(
            name="journal",
            parse=one_of("on", "off"),
            default="on",
            metavar="on|off",
            help="on: unfinished answers survive a restart; off: they are kept in memory only (%(default)s)",
        ),
        Option(
            name="on_restart",
            parse=one_of("continue", "interrupt"),
            default="continue",
            metavar="continue|interrupt",
            help="what to do with answers that the last server left unfinished (%(default)s)",
        ),
        Option(
            name="drain",
            parse=whole_number(0, 86_400),
            default=0,
            metavar="SECONDS",
            help="seconds that running answers get to finish when the server is stopped (%(default)s)",
        ),
        Option(
            name="auth",
            parse=one_of("off", "token"),
            default="off",
            metavar="off|token",
            help="token: users need a token, see `streamui token`; off: only this machine has access (%(default)s)",
        ),
        Option(
            name="allow_host",
            parse=list_of(bare_name, "a host name or address without port"),
            default="",
            metavar="NAMES",
            help="further host names of the server, comma-separated (this machine's)",
        ),
        Option(
            name="allow_origin",
            parse=list_of(origin, "an origin as browsers write it, such as https://chat.example"),
            default="",
            metavar="ORIGINS",
            help="origins of further web pages that may use the server, comma-separated (its own)",
        ),
        Option(
            name="root_path",
            parse=path_prefix(*ADDRESSES),
            default="",
            metavar="PATH",
            help="path below which a proxy serves this server, such as /chat (none)",
        ),
        Option(
            name="max_sockets",
            parse=whole_number(1, 1_000_000),
            default=2048,
            metavar="N",
            help="open connections of one user, or of one address without a token (%(default)s)",
        ),
        Option(
            name="max_messages",
            parse=whole_number(1, 1_000_000),
            default=1000,
            metavar="N",
            help="messages a second from one user, or from one address without a token; ten times as many in a burst "
            "(%(default)s)",
        ),
        Option(
            name="max_active",
            parse=whole_number(1, 1_000_000),
            default=None,
            metavar="N",
            help="answers of one user that may wait or run (a quarter of --queue plus --parallel; with --auth off all)",
        ),
        Option(
            name="log_format",
            parse=one_of("text", "json"),
            default="text",
            metavar="text|json",
            help="format of the log on standard error; json: an object on each line (%(default)s)",
        ),
        Option(
            name="log_level",
            parse=one_of(*LEVELS),
            default="warning",
            metavar="|".join(LEVELS),
            help="lowest level that is logged; info: a line per request and answer, never their text (%(default)s)",
        ),
    )


def add_options(parser: argparse.ArgumentParser, environ: Mapping[str, str] = os.environ) -> None:
    """Add every option to ``parser``. The environment's value is the default; argparse checks it like a typed one."""
    for option in options(environ):
        option.add_to(parser, environ)
