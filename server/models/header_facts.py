"""Facts of a model that its file's header states. Nothing is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from server.engine.base import ModelError, SamplingParams
from server.engine.gguf_kinds import kind_of
from server.engine.model_defaults import ModelDefaults
from server.engine.recommended_sampling import BY_NOBODY, Recommendation, UnusableSamplingError, recommended_sampling
from server.gguf_header import BROKEN, MAGIC, TOKENS, entries, leading_entries
from server.models.memory import Network
from server.models.quantization import quantization

LEADING_LIMIT: Final = 4 << 20
"""Longest part of the header before the vocabulary, in bytes. Real ones have a few kilobytes."""

LONGEST_TEXT: Final = 200
"""Longest name that is shown, in characters."""

HUGE: Final = 1 << 40
"""Exclusive upper bound of a believable number in a header."""

MOST_LAYERS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFacts:
    """Facts of a GGUF file; None: the header doesn't say it.

    ``kind``: the type of the file if it is not a chat model. ``network``: what its
    memory depends on. ``recommended``: sampling by the file or by its makers, otherwise llama.cpp's defaults.
    ``template``: the file has a chat template; None in a list, where the header is not read so far.
    """

    title: str | None
    architecture: str
    parameters: str | None
    quantization: str | None
    context: int | None
    network: Network | None
    kind: str | None
    licence: str | None
    recommended: Recommendation
    template: bool | None = None


def read_header(
    path: Path, *, name: str = "", whole: bool = False, defaults: ModelDefaults | None = None
) -> HeaderFacts:
    """Read the facts, up to the vocabulary or the ``whole`` header. Raises ModelError with the reason.

    ``name``: the model's, where it says more than the file's. ``defaults``: those kept beside the file.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ModelError(f"{path}: this is not a GGUF file (it doesn't begin with the letters GGUF)")
            keys = dict(entries(file)) if whole else leading_entries(file, LEADING_LIMIT)
    except OSError as error:
        raise ModelError(f"{path}: the model file can't be read: {error.strerror}") from None
    except BROKEN:
        raise ModelError(f"{path}: the header of the model file is broken") from None
    return facts_of(keys, name or path.name, whole=whole, defaults=defaults)


def facts_of(
    keys: Mapping[str, Any], name: str, *, whole: bool = False, defaults: ModelDefaults | None = None
) -> HeaderFacts:
    """Return the facts in the keys of a header, whose values may have any type."""
    architecture = _text(keys, "general.architecture") or "unknown"
    template = isinstance(keys.get("tokenizer.chat_template"), str)
    return HeaderFacts(
        title=_text(keys, "general.name"),
        architecture=architecture,
        parameters=_text(keys, "general.size_label") or _parameters(keys.get("general.parameter_count")),
        quantization=quantization(keys.get("general.file_type"), name),
        context=_number(keys, f"{architecture}.context_length"),
        network=network(keys, architecture),
        kind=kind_of(keys),
        licence=_text(keys, "general.license"),
        recommended=_recommended(keys, defaults),
        template=template if whole else None,
    )


def network(keys: Mapping[str, Any], architecture: str) -> Network | None:
    """Return the numbers that the memory depends on. None when the header doesn't have them.

    Those of the KV cache are upper bounds: layers with a sliding window or a recurrent state need less in long chats.
    """
    layers = _number(keys, f"{architecture}.block_count")
    width = _number(keys, f"{architecture}.embedding_length")
    heads = _by_layer(keys, f"{architecture}.attention.head_count", layers)
    if not layers or not width or heads is None:
        return None
    kv_heads = _by_layer(keys, f"{architecture}.attention.head_count_kv", layers) or heads
    usual = width // max(1, *heads)
    key = _number(keys, f"{architecture}.attention.key_length") or usual
    value = _number(keys, f"{architecture}.attention.value_length") or usual
    return Network(
        keys=key * sum(kv_heads),
        values=value * sum(kv_heads),
        heads=max(1, *heads),
        width=width,
        vocabulary=_vocabulary(keys, architecture),
    )


def printable(text: str) -> str:
    """Replace what a terminal would carry out; names in files may be hostile."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _text(keys: Mapping[str, Any], key: str) -> str | None:
    value = keys.get(key)
    return printable(value[:LONGEST_TEXT]).strip() or None if isinstance(value, str) else None


def _number(keys: Mapping[str, Any], key: str) -> int | None:
    value = keys.get(key)
    return value if type(value) is int and 0 < value < HUGE else None


def _vocabulary(keys: Mapping[str, Any], architecture: str) -> int:
    tokens = keys.get(TOKENS)
    count = len(tokens) if isinstance(tokens, list) else _number(keys, TOKENS)
    return count or _number(keys, f"{architecture}.vocab_size") or 0


def _by_layer(keys: Mapping[str, Any], key: str, layers: int | None) -> list[int] | None:
    """Return a number for each layer. Some models have one for all, others a list."""
    value = keys.get(key)
    if layers is None or layers > MOST_LAYERS:
        return None
    each = [value] * layers if type(value) is int else list(value) if isinstance(value, tuple) else []
    return each[:layers] if each and all(type(one) is int and 0 <= one < HUGE for one in each) else None


def _recommended(keys: Mapping[str, Any], defaults: ModelDefaults | None) -> Recommendation:
    try:
        return recommended_sampling(keys, defaults)
    except UnusableSamplingError:  # the server refuses such a file
        return Recommendation(SamplingParams(), BY_NOBODY)


def _parameters(count: object) -> str | None:
    if type(count) is not int or not 0 < count < HUGE * 1000:
        return None
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M"
