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
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from server.chat.template import ChatTemplate, ChatTemplateError
from server.chat.wellknown import chosen
from server.doctor.finding import Finding, fault, ok, warning
from server.engine.base import ModelError
from server.engine.probing import ModelNeeds, ModelProbe
from server.guard.origins import is_loopback
from server.models.choosing import chosen_model
from server.models.memory import ChatSizes, memory_need, size_text
from server.private_files import open_to_others
from server.resources import available_memory
from server.settings import Settings

LITTLE_SPACE, NO_SPACE = 1 << 30, 64 << 20
FEW_FILES: Final = 1024
JOURNAL: Final = "journal.sqlite3"


def model(settings: Settings, name: Path) -> tuple[Finding, ModelNeeds | None]:
    """Check in a separate process that the file of a chosen model loads. Returns the finding and the model's needs."""
    try:
        path = chosen_model(name, settings.models_folder, os.environ, lambda text: None, offline=True)
        with ModelProbe(path) as probe:
            needs = probe.verdict()
    except ModelError as error:
        return fault("model", str(error), "choose another file with --model"), None
    return ok("model", f"{path}: {size_text(needs.file_bytes)}, trained for {needs.context} tokens"), needs


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


def memory(settings: Settings, needs: Sequence[ModelNeeds], available: int | None = None) -> Finding:
    """Check that the models and their KV caches fit into the free memory."""
    free = available_memory() if available is None else available
    sizes = (
        ChatSizes(settings.kv_tokens, 1) if settings.kv_tokens else ChatSizes(settings.context, settings.local_parallel)
    )
    parts = [memory_need(each.file_bytes, each.kv_bytes, each.context, sizes) for each in needs]
    need, weights, kv = (sum(getattr(part, name) for part in parts) for name in ("total", "weights", "kv"))
    needed = f"{size_text(need)} needed (model {size_text(weights)}, KV cache {size_text(kv)})"
    if free is None:
        return ok("memory", f"{needed}; this system doesn't say how much is free")
    text = f"{needed}, {size_text(free)} free"
    smaller = "use a smaller --context or --parallel, or a smaller model"
    if need > free:
        return fault("memory", text, smaller)
    if need + (settings.cache_ram << 20) > free:
        return warning("memory", f"{text}; --cache-ram {settings.cache_ram} may not fit", "use a smaller --cache-ram")
    return ok("memory", text)


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
