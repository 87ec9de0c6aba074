"""GGUF headers for tests: keys without tensors, and folders laid out as other programs lay them."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LLAMA: Mapping[str, Any] = {
    "general.architecture": "llama",
    "general.type": "model",
    "general.name": "Tiny",
    "general.size_label": "15M",
    "general.file_type": 15,
    "llama.context_length": 4096,
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
}
"""Keys of a small chat model. Its KV cache takes 2 * (16 + 16) * 2 * 2 = 256 bytes for each token."""

EMBEDDING: Mapping[str, Any] = {"general.architecture": "bert", "bert.pooling_type": 1}
PROJECTOR: Mapping[str, Any] = {"general.architecture": "clip", "general.type": "mmproj"}


def header(keys: Mapping[str, Any] = LLAMA, *, vocabulary: int = 3) -> bytes:
    """Return a header with these keys, and after them a vocabulary and a chat template."""
    more = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.tokens": [f"token {n}" for n in range(vocabulary)],
        "tokenizer.chat_template": "{{ messages }}",
    }
    every = {**keys, **more}
    packed = b"".join(string(key) + value(each) for key, each in every.items())
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(every)) + packed


def string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def value(each: Any) -> bytes:
    """A value with its type: text, truth, number, list of texts or of numbers."""
    if isinstance(each, str):
        return struct.pack("<I", 8) + string(each)
    if isinstance(each, bool):
        return struct.pack("<I?", 7, each)
    if isinstance(each, int):
        return struct.pack("<IQ", 10, each) if each >= 0 else struct.pack("<Iq", 11, each)
    if all(isinstance(one, str) for one in each):
        return struct.pack("<IIQ", 9, 8, len(each)) + b"".join(map(string, each))
    return struct.pack("<IIQ", 9, 4, len(each)) + b"".join(struct.pack("<I", one) for one in each)


def write(path: Path, keys: Mapping[str, Any] = LLAMA, size: int = 10_000) -> Path:
    """Write a sparse file of ``size`` bytes with a header of these keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header(keys))
        file.truncate(max(size, file.tell()))
    return path


def in_hugging_face(
    hub: Path, repository: str, file: str, keys: Mapping[str, Any] = LLAMA, commit: str = "c0ffee"
) -> None:
    """Lay a file into Hugging Face's cache: a blob, and a link to it in a snapshot."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    blob = write(folder / "blobs" / hashlib.sha256(f"{file}{commit}".encode()).hexdigest(), keys)
    link = folder / "snapshots" / commit / file
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(Path(*[".."] * (2 + file.count("/")), "blobs", blob.name))
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text(commit)


def in_ollama(
    models: Path, name: str, keys: Mapping[str, Any] = LLAMA, weights: bytes | None = None, **layers: str
) -> None:
    """Lay a model into Ollama's folder. ``name`` such as registry.ollama.ai/library/tiny/latest."""
    blobs = models / "blobs"
    listed = []
    texts = {kind: text.encode() for kind, text in layers.items()}
    for kind, content in {"model": weights or header(keys), **texts}.items():
        digest = hashlib.sha256(content).hexdigest()
        blobs.mkdir(parents=True, exist_ok=True)
        (blobs / f"sha256-{digest}").write_bytes(content)
        listed.append({"mediaType": f"application/vnd.ollama.image.{kind}", "digest": f"sha256:{digest}"})
    manifest = models / "manifests" / name
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "layers": listed}))
