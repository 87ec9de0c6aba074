"""Requests of ``/tokenize`` and ``/detokenize``, with the fields of llama-server, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from server.openai.errors import RefusedError
from server.openai.fields import flag, read_fields

MAX_CHARACTERS: Final = 65_536
"""Maximum length of a content, in characters, with a token as one: some texts take quadratic time."""

MAX_TEXTS: Final = 1_024
"""Most texts in a content: each is tokenized alone, in up to 0.1 ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizeRequest:
    """Texts and tokens to put together as tokens. ``add_special``: with the token that begins a prompt;
    ``parse_special``: control tokens are recognised in texts; ``with_pieces``: with the text of each token."""

    model: Any
    content: tuple[str | int, ...]
    add_special: bool
    parse_special: bool
    with_pieces: bool


def read_tokenize(body: str) -> TokenizeRequest:
    """Decode the body of a request. Raises RemoteProtocolError."""
    fields = read_fields(body)
    return TokenizeRequest(
        model=fields.get("model"),
        content=_content(fields.get("content")),
        add_special=flag(fields, "add_special"),
        parse_special=flag({"parse_special": True, **fields}, "parse_special"),
        with_pieces=flag(fields, "with_pieces"),
    )


def _content(given: Any) -> tuple[str | int, ...]:
    """Return the parts of a content: one text, or a list of texts and tokens. Raises RefusedError."""
    parts = [given] if isinstance(given, str) else given
    if not isinstance(parts, list) or not all(isinstance(part, str) or is_token(part) for part in parts):
        text = "content must be a string, or a list of strings and of tokens, which are whole numbers from 0"
        raise RefusedError(text, param="content")
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) > MAX_TEXTS:
        text = f"content may have up to {MAX_TEXTS} texts, not {len(texts)}; put texts together"
        raise RefusedError(text, param="content")
    size = sum(map(len, texts)) + len(parts) - len(texts)
    if size > MAX_CHARACTERS:
        text = f"content may have up to {MAX_CHARACTERS} characters, not {size}; send less at a time"
        raise RefusedError(text, param="content")
    return tuple(parts)


def is_token(value: Any) -> bool:
    """Tell whether a value is a whole number from 0."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


class DetokenizeRequest(NamedTuple):
    """Tokens of a model."""

    model: Any
    tokens: tuple[int, ...]


def read_detokenize(body: str) -> DetokenizeRequest:
    """Decode the body of a request. Raises RemoteProtocolError."""
    fields = read_fields(body)
    tokens = fields.get("tokens")
    if not isinstance(tokens, list) or not all(map(is_token, tokens)):
        raise RefusedError("tokens must be a list of whole numbers from 0", param="tokens")
    return DetokenizeRequest(fields.get("model"), tuple(tokens))


def text_of(pieces: Sequence[bytes]) -> str:
    """Return the text of tokens; bytes that are no whole character become U+FFFD."""
    return b"".join(pieces).decode("utf-8", "replace")


def token_list(tokens: Sequence[int], pieces: Sequence[bytes]) -> list[dict[str, Any]]:
    """Return tokens with their text, or with their bytes where these are no whole characters."""
    return [{"id": token, "piece": _piece(piece)} for token, piece in zip(tokens, pieces, strict=True)]


def _piece(piece: bytes) -> str | list[int]:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return list(piece)
