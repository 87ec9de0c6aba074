"""The few kinds of parts that a schema is made of, as far as a grammar can be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plain:
    """Anything of a type or a format, or of "any" type."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string of ``least`` to ``most`` characters."""

    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Values:
    """One of these JSON texts."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """What ``name`` is in the definitions."""

    name: str


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of ``nodes``."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """A list of ``least`` to ``most`` items."""

    item: Node
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class FixedArray:
    """A list of exactly these."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """An object with any keys."""

    value: Node


@dataclass(frozen=True, slots=True)
class Object:
    """An object with these properties and no others, in this order; each with its name and whether it must be there."""

    properties: tuple[tuple[str, Node, bool], ...]


Node = Plain | Text | Values | Ref | Either | Array | FixedArray | Map | Object


@dataclass(frozen=True, slots=True)
class Schema:
    """A whole schema: its root, and its definitions by the references that name them."""

    root: Node
    definitions: Mapping[str, Node]
