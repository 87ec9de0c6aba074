"""Facts of a server's `welcome` that decide which cases apply to it, and what a case expects."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from protocol.conformance.dial import dial
from protocol.conformance.matching import fits
from protocol.conformance.script import Case
from protocol.conformance.wire import Ended, Refused

STOP_TIME: Final = "stop_time"
"""Variable: pattern of `timings.stop` in the `done` of a cancelled generation (PROTOCOL 6.6)."""

BEHIND: Final = {"model": {"template": "upstream"}}
"""Pattern of a `welcome` whose default model is behind another server."""

_NO_TOKENS: Final = "the model is behind another server, which refuses a prompt that is too long only in its answer"


def asks_welcome(case: Case) -> bool:
    """Tell whether the case depends on facts of the server."""
    return bool(case.needs) or f"${STOP_TIME}".encode() in msgspec.json.encode(case)


async def read_welcome(url: str, seconds: float) -> dict[str, Any]:
    """Return the `welcome` of the server; empty if it sends none. Raises Unreachable."""
    try:
        wire = await dial(url, None, seconds)
        try:
            found = json.loads((await wire.receive()).splitlines()[0])
        finally:
            await wire.close()
    except (Ended, Refused, TimeoutError, ValueError, IndexError):
        return {}
    return found if fits({"type": "welcome"}, found) else {}


def lack(case: Case, welcome: dict[str, Any]) -> str | None:
    """Return the reason why the case does not apply to the server; None if it does."""
    for need in case.needs if welcome else ():
        if need not in _parts(welcome):
            return _NO_TOKENS if need == "tokens" else f"`welcome.features` has no `{need}`"
    return None


def _parts(welcome: dict[str, Any]) -> set[str]:
    """Return the optional parts that the server has, including those that a model of its own always has."""
    own = () if fits(BEHIND, welcome) else ("tokens", "context")
    return {*welcome.get("features", ()), *own}


def stop_time(welcome: dict[str, Any]) -> dict[str, Any]:
    """Return the value of the variable STOP_TIME."""
    return {"$absent": True} if fits({"model": {"stop": "asked"}}, welcome) else {"$min": 0}
