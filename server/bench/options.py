"""The options of ``streamui bench``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from server.bench.rows import GROUPS
from server.option import whole_number
from server.option_table import default_data_folder

CONTEXT = 4608
"""Default context per chat, in tokens: room for the longest prompt."""

LEAST_CONTEXT = 512


def add_options(parser: argparse.ArgumentParser, environ: Mapping[str, str] = os.environ) -> None:
    _add_model(parser.add_argument_group("the model and our server"), environ)
    _add_other(parser.add_argument_group("another server, measured in turns with ours"))
    _add_run(parser.add_argument_group("the run"))


def _add_model(group: argparse._ArgumentGroup, environ: Mapping[str, str]) -> None:
    group.add_argument("--model", type=Path, metavar="PATH", help="a GGUF file (the built-in starter model)")
    group.add_argument(
        "--synthetic",
        metavar="SIZE",
        help="a model of random weights of this size, 0.5b or 0.2b; written once, to --model's path or the data folder",
    )
    group.add_argument(
        "--context",
        type=whole_number(LEAST_CONTEXT, 2**24),
        metavar="N",
        help=f"tokens for each chat ({CONTEXT}, or what the model was trained for if that is less)",
    )
    group.add_argument(
        "--parallel", type=whole_number(1, 256), default=32, metavar="N", help="answers at the same time (%(default)s)"
    )
    group.add_argument("--threads", type=whole_number(1, 1024), metavar="N", help="CPU threads that compute")
    group.add_argument(
        "--data",
        type=Path,
        default=environ.get("STREAMUI_DATA") or default_data_folder(environ),
        metavar="DIR",
        help="the data folder (%(default)s) [STREAMUI_DATA]",
    )


def _add_other(group: argparse._ArgumentGroup) -> None:
    server = group.add_mutually_exclusive_group()
    server.add_argument("--against", metavar="URL", help="address of an OpenAI-compatible server, http://HOST:PORT")
    server.add_argument(
        "--against-command",
        metavar="COMMAND",
        help="a command that starts such a server for each turn; {model} {port} {context} {total} {parallel} {threads} "
        "are filled in",
    )
    server.add_argument(
        "--against-options",
        metavar="OPTIONS",
        help="our own server with further options of `streamui serve`, such as '--journal off'",
    )
    group.add_argument(
        "--against-api", choices=("completions", "chat"), default="completions", help="its API (%(default)s)"
    )


def _add_run(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rounds", type=whole_number(1, 100), metavar="N", help="number of rounds (3, or 1 with --quick)"
    )
    group.add_argument(
        "--only", type=_groups, default=GROUPS, metavar="GROUP,...", help=f"measure only some of {', '.join(GROUPS)}"
    )
    group.add_argument(
        "--connections",
        type=whole_number(1, 100_000),
        metavar="N",
        help="measure only the cost of this many idle connections; set --parallel to at least --busy",
    )
    group.add_argument(
        "--busy",
        type=whole_number(1, 4096),
        default=64,
        metavar="N",
        help="with --connections: running answers (%(default)s)",
    )
    group.add_argument(
        "--busy-processes",
        type=whole_number(0, 1024),
        default=0,
        metavar="N",
        help="measure beside N processes that do nothing but compute, as beside other programs (%(default)s)",
    )
    group.add_argument("--quick", action="store_true", help="a small load for a first try; its figures mean little")
    group.add_argument("--json", type=Path, metavar="FILE", help="write every sample of every round to FILE")


def _groups(text: str) -> tuple[str, ...]:
    chosen = tuple(part.strip() for part in text.split(",") if part.strip())
    unknown = [part for part in chosen if part not in GROUPS]
    if unknown or not chosen:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown) or text!r}: choose from {', '.join(GROUPS)}")
    return chosen
