"""``streamui token``: create, list and revoke tokens, also while the server runs."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from server.generations.ownership import LOCAL
from server.guard.token_store import TokenFacts, TokenFileError, TokenStore, hash_of
from server.guard.tokens import new_token
from server.option_table import default_data_folder
from server.private_files import make_private_folder

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def add_options(parser: argparse.ArgumentParser, environ: Mapping[str, str] = os.environ) -> None:
    commands = parser.add_subparsers(dest="action", required=True, metavar="add|list|revoke")
    add = commands.add_parser("add", help="create a token for NAME and print it once")
    add.add_argument("name", metavar="NAME", type=_name, help="the owner's name: 1 to 64 of A-Z a-z 0-9 . _ -")
    revoke = commands.add_parser("revoke", help="revoke NAME's token; a running server closes its connections")
    revoke.add_argument("name", metavar="NAME", type=_name)
    for each in (add, revoke, commands.add_parser("list", help="list the names and when each token was last used")):
        each.add_argument(
            "--data",
            type=Path,
            default=Path(environ.get("STREAMUI_DATA") or default_data_folder(environ)),
            metavar="DIR",
            help="the server's folder (%(default)s) [STREAMUI_DATA]",
        )


def run(asked: argparse.Namespace) -> int:
    """Run the command and return its exit status. Raises TokenFileError."""
    _make_folder(asked.data)
    store = TokenStore(asked.data)
    try:
        if asked.action == "add":
            return _add(store, asked.name)
        if asked.action == "revoke":
            return _revoke(store, asked.name)
        print(
            "\n".join(_line(token) for token in store.all())
            or "there are no tokens; create one: streamui token add NAME"
        )
        return 0
    finally:
        store.close()


def _add(store: TokenStore, name: str) -> int:
    token = new_token()
    if not store.add(name, hash_of(token)):
        return _refuse(f"{name} has a token already; revoke it first: streamui token revoke {name}")
    print(token)
    print(f"This is {name}'s token. It will not be shown again: only its hash is stored.", file=sys.stderr)
    return 0


def _revoke(store: TokenStore, name: str) -> int:
    if not store.revoke(name):
        return _refuse(f"{name} has no valid token; see: streamui token list")
    print(f"{name}'s token is revoked.")
    return 0


def _line(token: TokenFacts) -> str:
    state = f"revoked {_day(token.revoked)}" if token.revoked else f"last used {_day(token.last_used)}"
    return f"{token.name:<24} created {_day(token.created)}  {state}"


def _day(unix: float | None) -> str:
    return "never" if unix is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(unix))


def _make_folder(path: Path) -> None:
    try:
        remarks = make_private_folder(path)
    except OSError as error:
        raise TokenFileError(f"--data {path}: the folder can't be created: {error.strerror}") from error
    for remark in remarks:
        print(f"streamui: {remark}", file=sys.stderr)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a name of 1 to 64 of A-Z a-z 0-9 . _ -")
    if text == LOCAL:
        raise argparse.ArgumentTypeError(f"{text!r} is reserved for servers without tokens; choose another name")
    return text


def _refuse(message: str) -> int:
    print(f"streamui: {message}", file=sys.stderr)
    return 2
