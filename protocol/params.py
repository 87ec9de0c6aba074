"""Sampling parameters on the wire and as keywords.

`make spec` writes this file from protocol/parameter_table.py.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict

from msgspec import Meta, Struct

TokenId = Annotated[str, Meta(pattern=r"^[0-9]{1,10}(?!\n)$", description="a token id in decimal digits")]


class Params(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Sampling parameters, named, defined and bounded as in OpenAI's and llama.cpp's APIs. None: the server's
    default."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=2147483647)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    typical_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_n_sigma: Annotated[float, Meta(ge=-1, le=100)] | None = None
    xtc_probability: Annotated[float, Meta(ge=0, le=1)] | None = None
    xtc_threshold: Annotated[float, Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=2147483647)] | None = None
    stop: (
        Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(min_length=1, max_length=16)]
        | None
    ) = None
    seed: Annotated[int, Meta(ge=-1, le=4294967295)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    repeat_penalty: Annotated[float, Meta(gt=0, le=2)] | None = None
    repeat_last_n: Annotated[int, Meta(ge=0, le=2147483647)] | None = None
    dry_multiplier: Annotated[float, Meta(ge=0, le=100)] | None = None
    dry_base: Annotated[float, Meta(ge=1, le=100)] | None = None
    dry_allowed_length: Annotated[int, Meta(ge=1, le=2147483647)] | None = None
    dry_penalty_last_n: Annotated[int, Meta(ge=0, le=2147483647)] | None = None
    dry_sequence_breakers: (
        Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...], Meta(max_length=16)] | None
    ) = None
    logit_bias: Annotated[dict[TokenId, Annotated[float, Meta(ge=-100, le=100)]], Meta(max_length=1024)] | None = None
    json_schema: dict[str, Any] | None = None


class ParamsKeywords(TypedDict, total=False):
    """Sampling parameters as keywords of the Python client. None: the server's default."""

    temperature: float | None
    top_p: float | None
    top_k: int | None
    min_p: float | None
    typical_p: float | None
    top_n_sigma: float | None
    xtc_probability: float | None
    xtc_threshold: float | None
    max_tokens: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    presence_penalty: float | None
    frequency_penalty: float | None
    repeat_penalty: float | None
    repeat_last_n: int | None
    dry_multiplier: float | None
    dry_base: float | None
    dry_allowed_length: int | None
    dry_penalty_last_n: int | None
    dry_sequence_breakers: str | Sequence[str] | None
    logit_bias: Mapping[str, float] | None
    json_schema: Mapping[str, Any] | None
