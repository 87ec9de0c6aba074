"""Random JSON schemas, made by pydantic, whose values are short."""

from __future__ import annotations

import random
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

WORDS = ("red", "Größe", 'say "no"', "a\\b", "</tool_call>", "x y", "it's", "end.", "漢字", "<|im_end|>")


def random_model(rng: random.Random, name: str = "Arguments", depth: int = 2) -> type[BaseModel]:
    """Return a model with one to three random fields, and fewer in those inside it."""
    fields: dict[str, Any] = {}
    for place in range(rng.randrange(1, 2 + depth)):
        kind = _kind(rng, f"{name}{place}", depth)
        is_required = rng.random() < 0.7
        fields[rng.choice(("size", "name", "$x", "größe", "a b")) + str(place)] = (
            (kind, ...) if is_required else (kind | None, None)
        )
    return create_model(name, **fields)


def _kind(rng: random.Random, name: str, depth: int) -> Any:
    choices = ("int", "limited", "text", "pattern", "word", "bool", "list", "model", "union", "date")
    match rng.choice(choices if depth else choices[:6]):
        case "int":
            return int
        case "limited":
            low = rng.randrange(-50, 50)
            return Annotated[int, Field(ge=low, le=low + rng.randrange(100))]
        case "text":
            return Annotated[str, Field(min_length=rng.randrange(3), max_length=rng.randrange(3, 8))]
        case "pattern":
            return Annotated[str, Field(pattern=rng.choice((r"^[a-z]{2,4}-\d{2}$", r"^(yes|no)$")))]
        case "word":
            return Literal[tuple(rng.sample(WORDS, rng.randrange(1, 4)))]
        case "bool":
            return bool
        case "list":
            return Annotated[list[_kind(rng, name, 0)], Field(max_length=rng.randrange(1, 3))]  # type: ignore[misc]
        case "model":
            return random_model(rng, name, depth - 1)
        case "union":
            return bool | Literal["auto"]
    return Annotated[str, Field(json_schema_extra={"format": "date"}, pattern=r"^\d{4}-\d{2}-\d{2}$")]
