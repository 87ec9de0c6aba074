"""Places of Python packages on this machine: pip's settings, or uv's variables if pip names no index."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PYPI: Final = "https://pypi.org/simple"
"""Package index without any setting."""

SECONDS: Final = 60.0
"""Longest time that pip may take to print its settings, in seconds."""

_LINE: Final = re.compile(r"(?P<section>[^.=]+)\.(?P<key>[^=]+)=(?P<value>.*)")
_SECTIONS: Final = ("global", "download", ":env:")
"""Sections that count, the strongest one last, as in pip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipSettings:
    """Places of packages. ``links``: folders, or pages with links to files; ``indexes``: addresses of package indexes.

    ``trusted``: hosts, with or without a port, whose certificates are not checked. ``certificates``: file of those
    that are trusted, and ``proxy``: the address of one; None: those of the system.
    """

    links: tuple[str, ...] = ()
    indexes: tuple[str, ...] = (PYPI,)
    trusted: frozenset[str] = frozenset()
    certificates: str | None = None
    proxy: str | None = None


def pip_settings(environ: Mapping[str, str]) -> PipSettings:
    """Return the settings for a download. Without pip only the variables count."""
    printed = _printed(environ)
    values = _variables(environ) if printed is None else _strongest(printed)
    main = values.get("index-url") or environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL") or PYPI
    more = values.get("extra-index-url") or environ.get("UV_EXTRA_INDEX_URL", "")
    named = environ.get("UV_INDEX", "")
    indexes = (main, *more.split(), *(each.partition("=")[2] or each for each in named.split()))
    is_without = values.get("no-index", "").casefold() in ("1", "true", "yes", "on", "t", "y")
    return PipSettings(
        links=tuple(values.get("find-links", "").split()),
        indexes=() if is_without else tuple(dict.fromkeys(indexes)),
        trusted=frozenset(values.get("trusted-host", "").split()),
        certificates=values.get("cert") or None,
        proxy=values.get("proxy") or None,
    )


def _printed(environ: Mapping[str, str]) -> str | None:
    """Return the settings that pip prints: those of its files and variables. None: pip is missing, or it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**environ, "PYTHONIOENCODING": "utf-8"},
            timeout=SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")


def _strongest(printed: str) -> dict[str, str]:
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in printed.splitlines():
        if (match := _LINE.fullmatch(line)) and match["section"] in found:
            found[match["section"]][match["key"]] = _value(match["value"])
    return {key: value for section in _SECTIONS for key, value in found[section].items()}


def _value(text: str) -> str:
    """Return a value, which pip prints as Python writes a string."""
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    names = {name: name.removeprefix("PIP_").lower().replace("_", "-") for name in environ if name.startswith("PIP_")}
    return {key: environ[name] for name, key in names.items()}
