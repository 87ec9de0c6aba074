"""Checks of the server's environment: model, memory, data folder, address, limits."""

from __future__ import annotations

import errno
import os
import resource
import shlex
import shutil
import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from server.chat.template import ChatTemplate, ChatTemplateError
from server.chat.wellknown import chosen
from server.doctor.finding import Finding, fault, ok, warning
from server.engine.base import ModelError
from server.engine.probing import ModelProbe
from server.guard.origins import is_loopback
from server.models.catalogue import catalogue
from server.models.choosing import chosen_model
from server.models.draft_models import DraftModelFile
from server.models.memory import SERVER_MEMORY, MemoryNeed, size_text
from server.models.models_file import ModelsFile, read_models_file
from server.models.ollama_layers import defaults_of
from server.models.sources import ModelSource, chosen_source
from server.private_files import open_to_others
from server.resources import available_memory, busy_core_seconds, usable_cores
from server.settings import Settings

LITTLE_SPACE, NO_SPACE = 1 << 30, 64 << 20
FEW_FILES: Final = 1024
MEASURED_SECONDS: Final = 0.5
MANY_BUSY: Final = 0.75
"""Number of cores in use from which on the machine counts as shared. What runs in the background takes less."""

JOURNAL: Final = "journal.sqlite3"


def models_file(settings: Settings) -> Finding | ModelsFile:
    """Read models.toml. Returns a fault if it is wrong."""
    try:
        return read_models_file(settings.models_file, settings.data)
    except ModelError as error:
        return fault("models", str(error), "correct the file, or remove it")


def model(
    settings: Settings, name: Path, models_file: ModelsFile, draft_model: Path | None = None
) -> tuple[Finding, MemoryNeed | None]:
    """Check in a separate process that the file of a chosen model loads, and that of its draft model.

    Returns the finding and the needs of both. ``draft_model``: see ``chosen_source``.
    """
    try:
        path = chosen_model(name, settings.models_folder, os.environ)
        with ModelProbe(path) as probe:
            needs = probe.verdict()
        source = _source(settings, path, str(name), models_file, draft_model)
        with_draft = _with_draft_model(source.draft) if source.draft else ""
    except ModelError as error:
        remedy = "choose another --model or --draft-model" if draft_model else "choose another file with --model"
        return fault("model", str(error), remedy), None
    text = f"{path}: {size_text(needs.file_bytes)}, trained for {needs.context} tokens{with_draft}"
    return ok("model", text), source.need


def _source(
    settings: Settings, path: Path, name: str, models_file: ModelsFile, draft_model: Path | None
) -> ModelSource:
    """Return the model by the rules of ``streamui models``. Raises ModelError."""
    here = catalogue(settings.models_folder, os.environ, models_file)
    return chosen_source(path, here, defaults_of(path, name), settings.chat_sizes, models_file, draft_model)


def _with_draft_model(draft: DraftModelFile) -> str:
    """Check that a draft model loads, and return the words for it. Its vocabulary is compared only by serve. Raises
    ModelError."""
    if draft.problem:
        raise ModelError(draft.problem)
    with ModelProbe(draft.path) as probe:
        return f"; draft model {draft.path}: {size_text(probe.verdict().file_bytes)}"


def chat_template(name: str | None) -> Iterator[Finding]:
    """Check the chosen chat template, if there is one."""
    if name is None:
        return
    try:
        ChatTemplate(None, choice=chosen(name)).close()
    except ChatTemplateError as error:
        yield fault("template", str(error), "choose another --chat-template")
    else:
        yield ok("template", f"{name} can be read")


def memory(settings: Settings, needs: Sequence[MemoryNeed], available: int | None = None) -> Finding:
    """Check that the models and their KV caches fit into the free memory."""
    free = available_memory() if available is None else available
    each = MemoryNeed(*(sum(getattr(need, part) for need in needs) for part in ("weights", "kv", "compute")))
    need, needed = each.total + SERVER_MEMORY, f"{size_text(each.total)} needed ({each.parts})"
    if free is None:
        return ok("memory", f"{needed}; this system doesn't say how much is free")
    text = f"{needed}, {size_text(free)} free"
    smaller = "use a smaller --context or --parallel, or a smaller model"
    if need > free:
        return fault("memory", text, smaller)
    if need + (settings.cache_ram << 20) > free:
        return warning("memory", f"{text}; --cache-ram {settings.cache_ram} may not fit", "use a smaller --cache-ram")
    return ok("memory", text)


def cores(busy: float | None = None) -> Finding:
    """Report how many of the cores other programs use now. ``busy``: that number; None: measure it."""
    count = usable_cores()
    used = _busy_cores() if busy is None else busy
    if used is None:
        return ok("cores", f"{count}; this system doesn't say how busy they are")
    if used < MANY_BUSY:
        return ok("cores", f"{count}; other programs use less than one")
    text = f"{used:.0f} of {count} cores {'is' if used < 1.5 else 'are'} busy with other programs"
    return warning("cores", text, "stop those programs, or expect slower answers while they run")


def _busy_cores() -> float | None:
    before, began = busy_core_seconds(), time.monotonic()
    time.sleep(MEASURED_SECONDS)
    after, seconds = busy_core_seconds(), time.monotonic() - began
    return None if before is None or after is None else (after - before) / seconds


def data_folder(folder: Path, free: int | None = None) -> Iterator[Finding]:
    """Check that the folder is writable and has room, and that its files are intact."""
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        yield fault(
            "data", f"{folder}: it can't be written: {error.strerror}", "choose another --data, or grant access to it"
        )
        return
    left = shutil.disk_usage(place).free if free is None else free
    text = f"{folder}: {size_text(left)} free"
    if left < LITTLE_SPACE:
        (level, less) = (fault, "no") if left < NO_SPACE else (warning, "little")
        yield level("data", f"{text}: {less} room for the journal", "free some space, or choose another --data")
    else:
        yield ok("data", text)
    if (folder / JOURNAL).exists():
        yield _journal(folder / JOURNAL)
    if folder.exists() and (exposed := open_to_others(folder)):
        yield _exposed(folder, exposed)


def address(settings: Settings) -> Iterator[Finding]:
    """Check that the port is free, and report who can reach it."""
    host, port = settings.host, settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
        yield ok("port", f"{host} port {port or 'of any number'} is free")
    except OSError as error:
        known = {errno.EADDRINUSE: "it is in use", errno.EACCES: "it needs rights that this user lacks"}
        why = known.get(error.errno or 0, str(error.strerror))
        yield fault(
            "port", f"{host} port {port}: {why}", "stop the program that uses it, or choose another --port or --host"
        )
    yield access(settings)


def access(settings: Settings) -> Finding:
    """Report who can reach the server's address, and whether they must log in, by the rule of `serve`."""
    host = settings.host
    if is_loopback(host):
        return ok("access", f"{host} is reachable only from this machine")
    if settings.auth == "off":
        return fault(
            "access",
            f"anyone who can reach {host or 'any address of this machine'} can use the server: there is no log-in",
            "add --auth token, or use --host 127.0.0.1",
        )
    return ok("access", f"{host} asks for a token")


def open_files(limit: int | None = None) -> Finding:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if limit is None else limit
    if soft < FEW_FILES:
        text = f"only {soft} files may be open, and each connection takes one"
        return warning("limits", text, f"ulimit -n {4 * FEW_FILES}, or LimitNOFILE= in the systemd unit")
    return ok("limits", f"{soft} open files")


def _exposed(folder: Path, exposed: list[Path]) -> Finding:
    names = ", ".join("the folder" if path == folder else path.name for path in exposed)
    remedy = f"start the server, which closes them; or chmod -R go= {shlex.quote(str(folder))}"
    return warning("privacy", f"{folder}: other users of this machine have rights to {names}", remedy)


def _journal(path: Path) -> Finding:
    remedy = "start the server: it moves a broken file aside; or restore a copy of it"
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        return fault("journal", f"{path}: {error}", remedy)
    return ok("journal", f"{path} is intact") if found == "ok" else fault("journal", f"{path}: {found}", remedy)
