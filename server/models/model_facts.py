"""Facts of a model as ``streamui models`` prints them, on a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from server.engine.recommended_sampling import FILE_KEYS
from server.kv_types import DEFAULT
from server.models.catalogue import ModelFile
from server.models.draft_models import DraftModelFile
from server.models.header_facts import printable, read_header
from server.models.memory import ChatSizes, MemoryNeed, fits, memory_need, size_text
from server.models.ollama_layers import system_prompt

UNKNOWN: Final = "-"

LONGEST_SYSTEM: Final = 500
"""Longest beginning of a system prompt that is shown, in characters."""


def facts_of(model: ModelFile, sizes: ChatSizes, free: int | None) -> dict[str, Any]:
    """Return the facts of a model for JSON. Sizes are in bytes; null: unknown."""
    header, need = model.header, need_of(model, sizes)
    return {
        "name": model.name,
        "full_name": model.full_name,
        "place": model.place,
        "path": str(model.path),
        "parts": len(model.parts),
        "size": model.size,
        "title": header.title,
        "architecture": header.architecture,
        "parameters": header.parameters,
        "quantization": header.quantization,
        "context": header.context,
        "licence": header.licence,
        "sampling": {name: getattr(header.recommended.sampling, name) for name in FILE_KEYS},
        "sampling_from": header.recommended.source,
        "needs": need.total if need else None,
        "fits": fits(need, free),
        "options": options_of(model),
    }


def options_of(model: ModelFile) -> dict[str, Any]:
    """Return the options of the model in models.toml, as they are written there; without the sampling."""
    options, types = model.options, model.options.kv
    numbers = {"context": options.context, "parallel": options.parallel, "gpu_layers": options.gpu_layers}
    given = {name: number for name, number in numbers.items() if number is not None}
    return given if types == DEFAULT else given | {"type_k": types.keys, "type_v": types.values}


def need_of(model: ModelFile, sizes: ChatSizes) -> MemoryNeed | None:
    """Return the memory need of a model; None when its header doesn't have the numbers."""
    header = model.header
    context = min(filter(None, (header.context, model.defaults.context)), default=None)
    if header.network is None:
        return None
    own = sizes.of(model.options)
    need = memory_need(model.size, header.network, context, own)
    return need if model.draft is None or own.shared else need.plus(model.draft.need(own.tokens(context)))


def all_facts_of(model: ModelFile, sizes: ChatSizes, free: int | None) -> dict[str, Any]:
    """Return the facts of a model for JSON, with those at the end of its header. Raises ModelError."""
    header, facts = read_header(model.path, whole=True), facts_of(model, sizes, free)
    facts |= {"quantization": facts["quantization"] or header.quantization, "template": header.template}
    return facts | {"stop": model.defaults.stop, "system": system_prompt(model.layers)}


def lines_of(model: ModelFile, facts: Mapping[str, Any], sizes: ChatSizes, free: int | None) -> Iterator[str]:
    """Yield the lines that show a model with all its ``facts``."""
    header, system, stop, options = model.header, facts["system"], facts["stop"], facts["options"]
    lines = {
        "name": model.full_name,
        "title": header.title,
        "file": str(model.path) + (f" and {len(model.parts) - 1} more parts" if len(model.parts) > 1 else ""),
        "size": size_text(model.size),
        "architecture": header.architecture,
        "parameters": header.parameters,
        "quantization": facts["quantization"],
        "context": _context(header.context, model.defaults.context),
        "licence": header.licence,
        "chat template": "its own" if facts["template"] else "none: ChatML is used, or choose a --chat-template",
        "sampling": ", ".join(f"{name} {value:g}" for name, value in facts["sampling"].items()),
        "sampling from": header.recommended.source,
        **({"stop strings": printable(", ".join(map(repr, stop)))} if stop else {}),
        **({"models.toml": ", ".join(f"{name} {value}" for name, value in options.items())} if options else {}),
        **({"draft model": _draft_model(model.draft)} if model.draft else {}),
        "memory": _memory(need_of(model, sizes), free),
        **({"Ollama's system prompt": _one_line(system)} if system else {}),
        **({"Ollama's template": f"{model.layers['template']} (not used)"} if "template" in model.layers else {}),
    }
    width = max(map(len, lines))
    for name, text in lines.items():
        yield f"{name.ljust(width)}  {text or UNKNOWN}"


def _draft_model(draft: DraftModelFile) -> str:
    return draft.problem or f"{draft.path}, {size_text(draft.size)}"


def _context(trained: int | None, most: int | None) -> str:
    text = f"{trained} tokens" if trained else UNKNOWN
    return f"{text}, at most {most} without --context" if most else text


def _one_line(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST_SYSTEM else f"{line[:LONGEST_SYSTEM]} … ({len(text)} characters)"


def _memory(need: MemoryNeed | None, free: int | None) -> str | None:
    if need is None:
        return None
    parts = f"{size_text(need.total)} needed ({need.parts})"
    if free is None:
        return f"{parts}; this system doesn't say how much is free"
    verdict = "it fits" if fits(need, free) else "it doesn't fit: use a smaller --context or --parallel"
    return f"{parts}, {size_text(free)} free: {verdict}"
