"""Settings of the server: the values of its options."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from server.guard.limits import ModelGetters
from server.logs import Format
from server.models.memory import PARALLEL, ChatSizes
from server.models.places import models_folder
from server.starter import MODEL_PATH
from server.writers.upstream.option import NamedAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Values of the options of ``streamui serve``. ``context`` and ``threads`` None: chosen to suit the model.

    ``chat_template`` None: the model's own. ``kv_tokens`` None: each chat has its own part of the KV cache.
    ``cache_ram`` and ``cache_disk`` are in MiB, ``drain`` in seconds. ``allow_host`` and ``allow_origin`` are
    comma-separated. ``max_active`` None: chosen to suit ``auth``. ``model_memory`` is in MiB, None: chosen to suit the
    free memory. ``models_dir`` None: a folder in ``data``. ``models_file`` None: a file in ``data``, if it exists.
    ``more_models``: models beside the default one. ``parallel`` None: PARALLEL, or what suits the upstream.
    ``draft_model``: for the default model, unless models.toml names another. ``upstream_patience`` is in seconds.
    ``upstream_model`` None: every model of the upstreams.
    """

    host: str
    port: int
    model: Path
    chat_template: str | None
    data: Path
    models_dir: Path | None
    models_file: Path | None
    model_memory: int | None
    offline: Literal["on", "off"]
    who_may_get_models: ModelGetters
    context: int | None
    parallel: int | None
    upstream: NamedAddress | None
    upstream_kind: str
    upstream_model: str | None
    upstream_patience: int
    threads: int | None
    kv_tokens: int | None
    cache_ram: int
    cache_disk: int
    context_shift: Literal["on", "off"]
    draft_ahead: Literal["on", "off"]
    speculative: Literal["auto", "all", "off"]
    draft_model: Path | None
    queue: int
    journal: Literal["on", "off"]
    on_restart: Literal["continue", "interrupt"]
    drain: int
    auth: Literal["off", "token"]
    allow_host: str
    allow_origin: str
    root_path: str
    max_sockets: int
    max_messages: int
    max_active: int | None
    log_format: Format
    log_level: str
    more_models: tuple[Path, ...] = ()
    more_upstreams: tuple[NamedAddress, ...] = ()

    @property
    def upstreams(self) -> tuple[NamedAddress, ...]:
        """Every upstream, in the order of the command line."""
        return () if self.upstream is None else (self.upstream, *self.more_upstreams)

    @property
    def local_parallel(self) -> int:
        """Answers of each local model that are computed at the same time."""
        return PARALLEL if self.parallel is None else self.parallel

    @property
    def chat_sizes(self) -> ChatSizes:
        """Chats that each local model without options of its own has room for."""
        return ChatSizes(self.context, self.local_parallel, self.kv_tokens)

    @property
    def models(self) -> tuple[Path, ...]:
        """Every model of this machine, the default one first. Beside an upstream there is none unless one was given,
        which may be the starter by its path."""
        was_given = self.model is not MODEL_PATH
        return (self.model, *self.more_models) if was_given or self.more_models or not self.upstreams else ()

    @property
    def models_folder(self) -> Path:
        """Folder of the models that StreamUI has downloaded."""
        return models_folder(self.data, self.models_dir)

    @property
    def kv_folder(self) -> Path:
        """Folder of the KV of idle chats."""
        return self.data / "kv"


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Return the settings. Only a repeated option sets ``more_models`` and ``more_upstreams``."""
    repeated = ("more_models", "more_upstreams")
    values: dict[str, Any] = {
        name: getattr(arguments, name, ()) if name in repeated else getattr(arguments, name)
        for name in Settings.__dataclass_fields__
    }
    return Settings(**values)
