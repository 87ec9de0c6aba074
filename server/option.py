"""One option of the command line: name, environment variable and parser."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option: ``--name`` on the command line, with a dash for each underscore, and STREAMUI_NAME in the environment.

    ``help`` ends with the default in parentheses. ``more``: name of the setting for the further values of an option
    that may be given more than once.
    """

    name: str
    parse: Callable[[str], Any]
    default: Any
    metavar: str
    help: str
    more: str | None = None

    @property
    def variable(self) -> str:
        return f"STREAMUI_{self.name.upper()}"

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    def checked(self, environ: Mapping[str, str]) -> Callable[[str], Any]:
        """Return ``parse`` with an error that names the variable if the value comes from the environment."""

        def parse(text: str) -> Any:
            try:
                return self.parse(text)
            except argparse.ArgumentTypeError as error:
                source = f" (from {self.variable})" if environ.get(self.variable) == text else ""
                raise argparse.ArgumentTypeError(f"{error}{source}") from None

        return parse

    def add_to(
        self, parser: argparse.ArgumentParser, environ: Mapping[str, str] = os.environ, *, inherited: bool = False
    ) -> None:
        """Add the option to ``parser``. The environment's value is the default; argparse checks it like a typed one.

        ``inherited``: without a value of its own, that of the command above stays.
        """
        help = self.help.replace("%(default)s", str(self.default).replace("%", "%%")) if inherited else self.help
        keywords: dict[str, Any] = {"action": _FirstAndMore, "more": self.more} if self.more else {}
        parser.add_argument(
            self.flag,
            type=self.checked(environ),
            default=argparse.SUPPRESS if inherited else environ.get(self.variable) or self.default,
            metavar=self.metavar,
            help=f"{help} [{self.variable}]",
            **keywords,
        )


class _FirstAndMore(argparse.Action):
    """Keeps the first value of a repeated option as its value, and the further ones as a tuple in ``more``."""

    def __init__(self, *arguments: Any, more: str, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._more = more

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: Any, flag: str | None = None
    ) -> None:
        further = getattr(namespace, self._more, None)
        if further is None:
            setattr(namespace, self.dest, value)
        setattr(namespace, self._more, () if further is None else (*further, value))


def path_prefix(*taken: str) -> Callable[[str], str]:
    """Return a parser for the path below which a proxy serves this server. Its result has no slash at the end.

    ``taken``: first parts of the server's own addresses, which the path must not begin with: behind a proxy that
    removes the path, an address would be ambiguous.
    """

    def parse(text: str) -> str:
        path = text.rstrip("/")
        names = path.split("/")[1:]
        if not all(re.fullmatch(r"[A-Za-z0-9._~-]+", name) and name.strip(".") for name in names) or path[:1] not in (
            "",
            "/",
        ):
            raise argparse.ArgumentTypeError(f"{text!r} is not a path such as /chat")
        if names and names[0] in taken:
            raise argparse.ArgumentTypeError(
                f"{text!r} begins like one of the server's own paths; choose another, such as /chat"
            )
        return path

    return parse


def without_brackets(host: str) -> str:
    """Remove the brackets of an IPv6 address as URLs write it; return any other host unchanged."""
    return host[1:-1] if ":" in host and host.startswith("[") and host.endswith("]") else host


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from ``least`` to ``most``."""

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
    """Return a parser of a comma-separated list of ``kind``.

    ``understood`` returns an item in its normal form, or None if it is not of that kind.
    """

    def parse(text: str) -> str:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        for part in parts:
            if understood(part) is None:
                raise argparse.ArgumentTypeError(f"{part!r} is not {kind}")
        return ",".join(str(understood(part)) for part in parts)

    return parse


def parts(listed: str) -> tuple[str, ...]:
    """Split the text that ``list_of`` returned."""
    return tuple(listed.split(",")) if listed else ()


def one_of(*words: str) -> Callable[[str], str]:
    """Return a parser that accepts one of ``words``."""

    def parse(text: str) -> str:
        if text not in words:
            raise argparse.ArgumentTypeError(f"{text!r} is not {', '.join(words[:-1])} or {words[-1]}")
        return text

    return parse
