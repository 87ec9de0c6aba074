"""Facts about an upstream and its models, asked once at the start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from server.engine.base import ModelError
from server.models.names import nearest_first
from server.writers.upstream.kinds import AUTO, KINDS, Kind
from server.writers.upstream.line import CutError, Line, RefusedError, UpstreamError
from server.writers.upstream.upstream import Address, Upstream, UpstreamModel

NAMES_SHOWN: Final = 8
"""Most names in an error message."""

LONGEST_NAME: Final = 512

OWNERS: Final = {"llamacpp": "llama-server", "vllm": "vllm", "sglang": "sglang", "library": "ollama"}
"""Kind by the ``owned_by`` of its models."""

PAUSE: Final = 0.2
"""Pause before an upstream that is loading is asked again, in seconds."""


class UpstreamAwayError(ModelError):
    """An upstream that can't be reached now. ``reason``: without its address."""

    def __init__(self, text: str, reason: str) -> None:
        super().__init__(text)
        self.reason = reason


def ask_upstream(address: Address, kind: str = AUTO, model: str | None = None) -> Upstream:
    """Return what is behind ``address``. ``model``: the only one to serve; None: all that it has.

    One that loads its model is waited for. Raises ModelError with one line that names the remedy; UpstreamAwayError if
    it can't be reached.
    """
    try:
        return asyncio.run(find_upstream(address, kind, model))
    except CutError as error:
        text = f"--upstream {address.url}: {error}; start it, or check the address"
        raise UpstreamAwayError(text, str(error)) from None
    except UpstreamError as error:
        raise ModelError(f"--upstream {address.url}: {error}") from None


async def find_upstream(address: Address, kind: str = AUTO, model: str | None = None) -> Upstream:
    """Return what is behind ``address``, as ``ask_upstream``. Raises UpstreamError."""
    line = Line(address.url, address.key, silence=address.silence)
    try:
        props = await _patiently(line, address, "/props") if kind in (AUTO, "llama-server") else None
        listed = _entries(await _patiently(line, address, "/v1/models", needed=True))
        found = KINDS[kind] if kind != AUTO else await _kind(line, props, listed)
        if found.native and isinstance(props, RefusedError) and props.is_denied:
            raise props  # llama-server lists its models without a key
        found = limit_named(found, address)
        models = _chosen(tuple(_models(listed, props if found.native else None)), model)
        slots = await _patiently(line, address, "/slots") if found.native else None
        total = props.get("total_slots") if found.native and isinstance(props, dict) else None
        return Upstream(
            address=address,
            kind=found,
            models=models,
            slots=total if isinstance(total, int) and total > 0 else None,
            confirms_stop=isinstance(slots, list),
        )
    finally:
        await line.close()


async def _patiently(line: Line, address: Address, path: str, *, needed: bool = False) -> Any:
    """Return the JSON at ``path``, or the refusal unless it is ``needed``. One that is loading is asked again."""
    until = time.monotonic() + address.patience
    while True:
        try:
            return await line.read("GET", path)
        except RefusedError as error:
            if needed:
                raise
            return error
        except CutError as error:
            if not error.is_busy or time.monotonic() + PAUSE > until:
                raise
        await asyncio.sleep(PAUSE)


async def _kind(line: Line, props: Any, listed: Iterable[Mapping[str, Any]]) -> Kind:
    if isinstance(props, dict) and "default_generation_settings" in props:
        return KINDS["llama-server"]
    if owner := next((OWNERS[each["owned_by"]] for each in listed if each.get("owned_by") in OWNERS), None):
        return KINDS[owner]
    for path, key, name in (("/api/version", "version", "ollama"), ("/api/v0/models", "data", "lmstudio")):
        try:
            found = await line.read("GET", path)
        except UpstreamError:
            continue
        if isinstance(found, dict) and key in found:
            return KINDS[name]
    return KINDS["openai"]


def limit_named(kind: Kind, address: Address) -> Kind:
    """Return the kind with the name that OpenAI's own servers want for ``max_tokens``, which others don't know."""
    if not (urlsplit(address.url).hostname or "").endswith(".openai.com"):
        return kind
    return replace(kind, parameters=MappingProxyType({**kind.parameters, "max_tokens": "max_completion_tokens"}))


def _entries(found: Any) -> list[Mapping[str, Any]]:
    """Return the entries of ``/v1/models``. Raises RefusedError."""
    data = found.get("data") if isinstance(found, dict) else None
    if not isinstance(data, list):
        raise RefusedError("/v1/models has a page that is no API; give the address of an OpenAI API")
    entries: list[Mapping[str, Any]] = [
        each for each in data if isinstance(each, dict) and isinstance(each.get("id"), str) and each["id"]
    ]
    if not entries:
        raise RefusedError("it has no models; load one there")
    return entries


def _models(entries: Iterable[Mapping[str, Any]], props: Any) -> Iterable[UpstreamModel]:
    names: set[str] = set()
    settings = props.get("default_generation_settings") if isinstance(props, dict) else None
    own_context = settings.get("n_ctx") if isinstance(settings, dict) else None
    for entry in entries:
        name = _name(entry["id"])
        if name in names:
            continue
        names.add(name)
        meta = found if isinstance(found := entry.get("meta"), dict) else {}
        context = own_context or entry.get("max_model_len") or meta.get("n_ctx")
        yield UpstreamModel(
            id=entry["id"],
            name=name,
            context=_count(context),
            size=_count(meta.get("size")),
            parameters=_count(meta.get("n_params")),
        )


def _name(id: str) -> str:
    """Return a model's name for people. llama-server's id may be the path of its file."""
    return (PurePath(id.replace("\\", "/")).stem if id.endswith(".gguf") else id)[:LONGEST_NAME]


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53 else None


def _chosen(models: tuple[UpstreamModel, ...], wanted: str | None) -> tuple[UpstreamModel, ...]:
    if wanted is None:
        return models
    if found := tuple(each for each in models if wanted in (each.id, each.name))[:1]:
        return found
    near = nearest_first(wanted, [each.name for each in models])
    shown = ", ".join(near[:NAMES_SHOWN])
    more = f" and {len(near) - NAMES_SHOWN} more" if len(near) > NAMES_SHOWN else ""
    raise RefusedError(f"it has no model {wanted!r}; it has {shown}{more}")
