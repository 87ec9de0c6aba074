"""``streamui models``: the models on this machine, their facts, getting and removing one."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from server.engine.base import ModelError
from server.models.catalogue import BUILT_IN, Catalogue, LeftOut, ModelFile, catalogue
from server.models.downloads import cancel
from server.models.getting import get_model, is_source
from server.models.memory import PARALLEL, ChatSizes, fits, size_text
from server.models.model_facts import UNKNOWN, all_facts_of, facts_of, lines_of, need_of
from server.models.models_file import read_models_file
from server.models.packaged import PACKAGED
from server.models.places import OWN, models_folder
from server.models.progress_bar import ProgressBar
from server.models.unfinished import Unfinished, unfinished
from server.option import Option
from server.resources import available_memory

HEADINGS: Final = ("NAME", "SIZE", "QUANT", "PARAMETERS", "CONTEXT", "NEEDS", "FITS", "WHERE")

OPTIONS: Final = ("data", "models_dir", "models_file", "offline", "context", "parallel")
"""Options of the server that this command has too, by their names."""


def add_options(parser: argparse.ArgumentParser, options: Sequence[Option], environ: Mapping[str, str]) -> None:
    """Add the subcommands, and the server's ``options`` both before and after them."""
    for option in options:
        option.add_to(parser, environ)
    parser.add_argument("--json", action="store_true", help="print a JSON object for each model, one per line")
    parser.add_argument(
        "--all",
        action="store_true",
        help="list also unfinished downloads, and the files that are left out, with the reason",
    )
    commands = parser.add_subparsers(dest="action", metavar="get|show|rm")
    get = commands.add_parser("get", help="download a model into the models folder")
    show = commands.add_parser("show", help="print the facts of a model")
    remove = commands.add_parser("rm", help="delete a model from the models folder")
    get.add_argument(
        "name",
        metavar="NAME",
        help=f"a repository of Hugging Face's hub, OWNER/REPOSITORY[:QUANT]; the address of a GGUF file; "
        f"{', '.join(PACKAGED)}; or the name of an unfinished download",
    )
    for each in (show, remove):
        each.add_argument("name", metavar="NAME", help="name of the model, as `streamui models` prints it")
    for each in (get, show, remove):
        for option in options:
            option.add_to(each, environ, inherited=True)
    show.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print a JSON object")
    remove.add_argument("--yes", action="store_true", help="delete it without asking")


def run(asked: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> int:
    """Run the command and return its exit status. Raises ModelError."""
    folder = models_folder(asked.data, asked.models_dir)
    if asked.action == "get":
        return _get(asked.name, folder, environ, offline=asked.offline == "on")
    models_file = read_models_file(asked.models_file, asked.data)
    here = catalogue(folder, environ, models_file)
    sizes = ChatSizes(asked.context, asked.parallel or PARALLEL)
    if asked.action == "show":
        return _show(here.find(asked.name), sizes, as_json=asked.json)
    if asked.action == "rm":
        ask = input if sys.stdin.isatty() else None
        if download := _unfinished_only(here, asked.name):
            return _cancel(folder, download, ask, sure=asked.yes)
        return _remove(here.find(asked.name), ask, sure=asked.yes)
    return _list(here, sizes, as_json=asked.json, left_out=asked.all)


def _list(here: Catalogue, sizes: ChatSizes, *, as_json: bool, left_out: bool) -> int:
    free = available_memory()
    if as_json:
        lines = [json.dumps(facts_of(model, sizes, free)) for model in here.models]
        lines += [
            json.dumps(each) for each in (*map(_begun, here.unfinished), *map(_left_out, here.left_out)) if left_out
        ]
    else:
        lines = list(_table([HEADINGS, *(_row(model, sizes, free) for model in here.models)]))
        if left_out:
            lines += [f"unfinished: {each.full_name}: {each.problem}" for each in here.unfinished]
            lines += [f"left out: {each.full_name}: {each.reason}" for each in here.left_out]
        else:
            lines += _more(len(here.unfinished), len(here.left_out))
    print("\n".join(lines))
    return 0


def _more(downloads: int, files: int) -> Iterator[str]:
    if downloads:
        yield f"{downloads} unfinished download{'' if downloads == 1 else 's'}: streamui models --all"
    if files:
        text = (
            "1 more file is not a usable chat model" if files == 1 else f"{files} more files are not usable chat models"
        )
        yield f"{text}: streamui models --all"


def _left_out(each: LeftOut) -> dict[str, str]:
    return {"full_name": each.full_name, "path": str(each.path), "left_out": each.reason}


def _begun(each: Unfinished) -> dict[str, Any]:
    return {
        "full_name": each.full_name,
        "path": str(each.folder),
        "left_out": "the download is unfinished",
        "arrived": each.arrived,
        "size": each.size,
    }


def _row(model: ModelFile, sizes: ChatSizes, free: int | None) -> tuple[str, ...]:
    header, need = model.header, need_of(model, sizes)
    return (
        model.name,
        size_text(model.size),
        header.quantization or UNKNOWN,
        header.parameters or UNKNOWN,
        str(header.context or UNKNOWN),
        size_text(need.total) if need else UNKNOWN,
        _YES[fits(need, free)],
        model.place,
    )


_YES: Final = {True: "yes", False: "no", None: UNKNOWN}


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _show(model: ModelFile, sizes: ChatSizes, *, as_json: bool) -> int:
    free = available_memory()
    facts = all_facts_of(model, sizes, free)
    print(json.dumps(facts) if as_json else "\n".join(lines_of(model, facts, sizes, free)))
    return 0


def _get(name: str, folder: Path, environ: Mapping[str, str], *, offline: bool) -> int:
    if offline:
        raise ModelError(f"{name} is not downloaded: --offline is on")
    progress = ProgressBar(sys.stderr)
    if not is_source(name) and (download := Catalogue((), (), unfinished(folder)).find_unfinished(name)):
        name = download.source
    path = get_model(name, folder, _remark, environ, progress)
    model = next((model for model in catalogue(folder, environ).models if path in model.parts), None)
    if model is None:
        raise ModelError(
            f"{path} is not a usable chat model: see `streamui models --all`; delete the file if you don't need it"
        )
    print(f"{model.name} is in {path}\nUse it: streamui serve --model {model.name}")
    return 0


def _remark(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _remove(model: ModelFile, ask: Callable[[str], str] | None, *, sure: bool) -> int:
    if model.place != OWN:
        owner = "StreamUI itself" if model.place == BUILT_IN else model.place
        raise ModelError(f"{model.name} belongs to {owner}; only models in the models folder are deleted here")
    if not sure and not _agreed(model.name, _files(model), ask):
        return 1
    for part in model.parts:
        try:
            part.unlink(missing_ok=True)
        except OSError as error:
            raise ModelError(f"{part}: it can't be deleted: {error.strerror}") from None
    print(f"{model.name} is deleted: {size_text(model.size)}.")
    return 0


def _unfinished_only(here: Catalogue, name: str) -> Unfinished | None:
    """Return the unfinished download of this name, unless a model that may be deleted has the name."""
    return None if any(model.place == OWN for model in here.matching(name)) else here.find_unfinished(name)


def _cancel(folder: Path, download: Unfinished, ask: Callable[[str], str] | None, *, sure: bool) -> int:
    name = download.full_name
    if not sure and not _agreed(name, f"the unfinished download of {name} ({download.progress})", ask):
        return 1
    cancel(folder, download)
    print(f"The unfinished download of {name} is deleted.")
    return 0


def _agreed(name: str, what: str, ask: Callable[[str], str] | None) -> bool:
    """Ask for consent to delete ``what``. Raises ModelError without a terminal."""
    if ask is None:
        raise ModelError(f"{name} is not deleted without a question; to delete it, add --yes")
    if ask(f"Delete {what}? [y/N] ").strip().lower() in ("y", "yes"):
        return True
    print("Nothing was deleted.")
    return False


def _files(model: ModelFile) -> str:
    return f"{model.path} ({size_text(model.size)}" + (f" in {len(model.parts)} files)" if model.parts[1:] else ")")
