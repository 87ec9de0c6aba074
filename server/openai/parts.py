"""Content of a message: a text, or a list of parts that have a type. Anthropic calls them blocks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from server.openai.errors import RefusedError, unsupported
from server.openai.fields import Fields


class Part(NamedTuple):
    """One part. ``path``: its place in the request."""

    path: str
    kind: str
    fields: Fields

    def text(self, name: str) -> str:
        """Return a field that must be a string. Raises RefusedError."""
        if not isinstance(found := self.fields.get(name), str):
            raise RefusedError(f"{self.path}.{name} must be a string", param=f"{self.path}.{name}")
        return found


def read_parts(content: Any, path: str, kinds: Collection[str], word: str = "part") -> Iterator[Part]:
    """Yield the parts of a content; a text is one of the type ``text``. ``word``: how errors call a part.

    Raises RefusedError, also for a part whose type is not one of ``kinds``.
    """
    if isinstance(content, str):
        yield Part(path, "text", {"text": content})
        return
    if not isinstance(content, list):
        raise RefusedError(f"{path} must be a string or a list of {word}s", param=path)
    for place, part in enumerate(content):
        kind, at = part.get("type") if isinstance(part, dict) else None, f"{path}[{place}]"
        if not isinstance(kind, str):
            raise RefusedError(f"{at} must be an object with a type", param=at)
        if kind not in kinds:
            raise unsupported(at, f"this model reads only text, and not a {word} of type {kind[:40]!r} here")
        yield Part(at, kind, part)


def text_of(content: Any, path: str, texts: Mapping[str, str]) -> str:
    """Return the text of a content. ``texts``: the field with the text of each type of part. Raises RefusedError."""
    return "\n".join(part.text(texts[part.kind]) for part in read_parts(content, path, texts))
