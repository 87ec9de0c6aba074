"""Regular expressions of JSON Schema (ECMA-262), converted to Rust's syntax for llguidance. Pure.

The two differ inside brackets, where Rust has nested sets, and in the meaning of a dot.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from server.engine.base import GrammarError

_DOT: Final = r"[^\n\r\x{2028}\x{2029}]"

_LEAP: Final = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
_DATE: Final = (
    "([0-9]{3}[1-9]|[0-9]{2}[1-9][0-9]|[0-9][1-9][0-9]{2}|[1-9][0-9]{3})"
    "-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
    f"|{_LEAP}-02-29"
)
_HOUR: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"
_TIME: Final = rf"{_HOUR}:[0-5][0-9](\.[0-9]{{1,6}})?(Z|[+-]{_HOUR})"
_HEX: Final = "[0-9a-fA-F]"

FORMATS: Final[Mapping[str, str | None]] = {
    "date": f"^({_DATE})$",
    "time": f"^({_TIME})$",
    "date-time": f"^({_DATE})T({_TIME})$",
    **{
        f"uuid{version}": f"^{_HEX}{{8}}-{_HEX}{{4}}-{version}{_HEX}{{3}}-[89abAB]{_HEX}{{3}}-{_HEX}{{12}}$"
        for version in range(1, 9)
    },
    **dict.fromkeys(("uuid", "duration", "email", "hostname", "ipv4", "ipv6", "uri")),
}
"""Supported formats: the pattern of each, or None where llguidance's own is right."""


def translated(pattern: str, path: str) -> str:
    """Convert ``pattern`` to llguidance's syntax, with the same meaning. Raises GrammarError."""
    written: list[str] = []
    inside = False
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            written.append(pattern[position : position + 2])
            position += 2
            continue
        if inside:
            if pattern.startswith("--", position):
                raise GrammarError(f"{path} has -- between brackets, which is not supported")
            written.append(f"\\{character}" if character in "[&~" else character)
            inside = character != "]"
        else:
            written.append(_DOT if character == "." else character)
            inside = character == "["
            if pattern.startswith(("[]", "[^]"), position):
                raise GrammarError(f"{path} has empty brackets, which are not supported")
        position += 1
    return "".join(written)
