"""Options of one model, which the operator writes into ``models.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from server.kv_types import DEFAULT, KvTypes


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Options of one model. None: as for every model.

    ``context``: tokens of one chat; ``parallel``: its answers that are computed at the same time; ``gpu_layers``:
    layers that are computed on a GPU; ``draft_model``: path or name of a small model that proposes tokens;
    ``sampling``: recommended values by the names of SamplingParams.
    """

    context: int | None = None
    parallel: int | None = None
    kv: KvTypes = DEFAULT
    gpu_layers: int | None = None
    draft_model: str | None = None
    sampling: Mapping[str, Any] = field(default_factory=dict)


NO_OPTIONS: Final = ModelOptions()
