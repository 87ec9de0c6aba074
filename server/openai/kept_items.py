"""Input items as they are kept with a response, and the pages in which ``/input_items`` lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from server.openai.errors import RefusedError
from server.openai.items import Item

MAX_PAGE: Final = 100
DEFAULT_PAGE: Final = 20
ORDERS: Final = ("asc", "desc")

PREFIXES: Final = {"message": "msg_", "function_call": "fc_", "function_call_output": "fco_", "reasoning": "rs_"}
"""Beginning of the ids that items without one get."""


def kept_items(items: Sequence[Item], response: str, first: int) -> list[Item]:
    """Return new input items with all fields that an item has. ``first``: number of the items before them."""
    return [_kept(item, response, first + place) for place, item in enumerate(items)]


def _kept(item: Item, response: str, place: int) -> Item:
    kind, id = item.get("type") or "message", item.get("id")
    derived = f"{PREFIXES[kind]}{response.partition('_')[2]}i{place}"
    kept = {**item, "type": kind, "id": id if isinstance(id, str) and id else derived, "status": "completed"}
    if kind == "message":
        kept["content"] = _parts(item)
    elif kind == "reasoning":
        kept.setdefault("summary", [])
    return kept


def _parts(message: Item) -> Any:
    """Return the content of a message as parts."""
    content = message["content"]
    if not isinstance(content, str):
        return content
    if message["role"] == "assistant":
        return [{"type": "output_text", "text": content, "annotations": [], "logprobs": []}]
    return [{"type": "input_text", "text": content}]


def page_of(items: Sequence[Item], query: Mapping[str, str]) -> dict[str, Any]:
    """Return the page that a query with ``limit``, ``order`` and ``after`` asks for. Raises RefusedError."""
    order = query.get("order", "desc")
    if order not in ORDERS:
        raise RefusedError('order must be "asc" or "desc"', param="order")
    ordered = list(items) if order == "asc" else list(reversed(items))
    start, limit = _start(ordered, query.get("after")), _limit(query.get("limit"))
    found = ordered[start : start + limit]
    return {
        "object": "list",
        "data": found,
        "first_id": found[0]["id"] if found else None,
        "last_id": found[-1]["id"] if found else None,
        "has_more": start + limit < len(ordered),
    }


def _start(items: Sequence[Item], after: str | None) -> int:
    if after is None:
        return 0
    place = next((place for place, item in enumerate(items) if item["id"] == after), None)
    if place is None:
        raise RefusedError(f"after: there is no item {after[:80]!r}; use an id of this list", param="after")
    return place + 1


def _limit(given: str | None) -> int:
    if given is None:
        return DEFAULT_PAGE
    number = int(given) if given.isascii() and given.isdigit() and len(given) <= len(str(MAX_PAGE)) else 0
    if not 1 <= number <= MAX_PAGE:
        raise RefusedError(f"limit must be a whole number from 1 to {MAX_PAGE}", param="limit")
    return number
