"""Search of the hub, and the models of a repository with what each needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import urlencode

from server.models.dialer import Dialer
from server.models.downloads import DownloadError
from server.models.fetching import HttpFiles, bearer
from server.models.header_facts import HeaderFacts, printable
from server.models.hub import HubModel, HubRepository, choose, endpoint_of, hub_errors, is_repository, models_of
from server.models.memory import ChatSizes, MemoryNeed, fits, memory_need

FOUND: Final = 20
"""Most repositories in the answer of a search."""

LONGEST: Final = 200
"""Longest name of a licence that is passed on, in characters."""

_FIELDS: Final = ("downloads", "likes", "tags", "gated")
_LICENCE: Final = "license:"


def search_hub(words: str, environ: Mapping[str, str], dialer: Dialer) -> list[dict[str, Any]]:
    """Return the repositories with GGUF files that match, those with most downloads first. Raises DownloadError."""
    fields = [("expand[]", field) for field in _FIELDS]
    query = urlencode(
        [("search", words), ("filter", "gguf"), ("sort", "downloads"), ("direction", -1), ("limit", FOUND), *fields]
    )
    with hub_errors("search"):
        files = HttpFiles(bearer(environ.get("HF_TOKEN")), dialer=dialer)
        found = files.json(f"{endpoint_of(environ)}/api/models?{query}")
        return [each for facts in found[:FOUND] if (each := _repository(facts)) is not None]


def models_in(
    repository: str,
    environ: Mapping[str, str],
    dialer: Dialer,
    *,
    models_folder: Path,
    sizes: ChatSizes,
    free: int | None,
) -> list[dict[str, Any]]:
    """Return a repository's models, the smallest first. Raises DownloadError.

    ``free``: memory in bytes; None: not known. The header of one file says what the KV cache needs.
    """
    hub = HubRepository(repository, environ, dialer)
    commit, files = hub.files()
    models = sorted(models_of(files), key=lambda model: model.size)
    try:
        header = hub.header(models[0].files[0], commit) if models else None
    except DownloadError:
        header = None
    if header is not None and header.kind:
        raise DownloadError(f"{repository}: this is {header.kind}; choose a chat model")
    return [_facts(repository, model, models, header, models_folder, sizes, free) for model in models]


def _repository(facts: Any) -> dict[str, Any] | None:
    """Return a search result; None for one that can't be downloaded by its name."""
    name = facts["id"]
    if not isinstance(name, str) or not is_repository(name) or ":" in name:
        return None
    tags = [tag for tag in facts.get("tags") or () if isinstance(tag, str)]
    licence = next((tag.removeprefix(_LICENCE) for tag in tags if tag.startswith(_LICENCE)), None)
    return {
        "repository": name,
        "downloads": _count(facts.get("downloads")),
        "likes": _count(facts.get("likes")),
        "licence": printable(licence[:LONGEST]) if licence else None,
        "gated": bool(facts.get("gated")),
    }


def _facts(
    repository: str,
    model: HubModel,
    models: Sequence[HubModel],
    header: HeaderFacts | None,
    models_folder: Path,
    sizes: ChatSizes,
    free: int | None,
) -> dict[str, Any]:
    need = None
    if header is not None and header.network is not None:
        need = memory_need(model.size, header.network, header.context, sizes)
    least = need or MemoryNeed(model.size, 0, 0)
    return {
        "source": _source(repository, model, models),
        "name": printable(PurePosixPath(model.stem).name),
        "quantization": printable(model.quantization),
        "size": model.size,
        "context": header.context if header else None,
        "parameters": header.parameters if header else None,
        "licence": header.licence if header else None,
        "needs": need.total if need else None,
        "fits": False if fits(least, free) is False else fits(need, free),
        "here": all((models_folder / repository / file.name).exists() for file in model.files),
    }


def _source(repository: str, model: HubModel, models: Sequence[HubModel]) -> str | None:
    """Return the shortest source that means this model; None if its names mean several."""
    for choice in (model.quantization, PurePosixPath(model.stem).name):
        source = f"{repository}:{choice}"
        try:
            if is_repository(source) and choose(source, models, choice) is model:
                return source
        except DownloadError:
            continue
    return None


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
