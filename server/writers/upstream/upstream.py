"""An upstream as this server knows it: its address, its kind and its models."""

from __future__ import annotations

from dataclasses import dataclass, field

from server.engine.sampling_params import SamplingParams
from server.writers.upstream.kinds import Kind

PATIENCE: float = 30.0
"""Default time for which an upstream that can't be reached is tried again, in seconds."""

SILENCE: float = 30.0
"""Time without a byte after which a stream that has begun to write counts as cut off, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Address of an upstream. ``key``: its bearer token; in no text of this class. Times are in seconds."""

    url: str
    key: str | None = field(default=None, repr=False)
    patience: float = PATIENCE
    silence: float = SILENCE


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamModel:
    """A model of an upstream, with what is known of it: ``id`` in its API, ``name`` for clients.

    ``context`` is in tokens, ``size`` in bytes; None where the upstream doesn't tell.
    """

    id: str
    name: str
    context: int | None = None
    size: int | None = None
    parameters: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """An upstream that has answered. ``models``: at least one, the default one first. ``slots``: requests that it
    computes at the same time; None when unknown. ``confirms_stop``: it tells when it has stopped computing."""

    address: Address
    kind: Kind
    models: tuple[UpstreamModel, ...]
    slots: int | None = None
    confirms_stop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFacts:
    """Facts about the default model, as the Writer port wants them. Most are unknown."""

    name: str
    architecture: str | None = None
    parameters: int | None = None
    context: int | None = None
    sampling: SamplingParams | None = None
