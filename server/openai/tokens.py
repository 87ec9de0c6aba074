"""Requests of ``/tokenize`` and ``/detokenize``, with the fields of llama-server, and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from server.openai.errors import RefusedError
from server.openai.fields import flag, read_fields

MAX_CHARACTERS: Final = 65_536
"""Maximum length of a text, in characters: some texts take quadratic time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizeRequest:
    """Text to tokenize. ``add_special``: with the token that begins a prompt; ``with_pieces``: with each one's text."""

    model: Any
    content: str
    add_special: bool
    with_pieces: bool


def read_tokenize(body: str) -> TokenizeRequest:
    """Decode the body of a request. Raises RemoteProtocolError."""
    fields = read_fields(body)
    content = fields.get("content")
    if not isinstance(content, str):
        raise RefusedError("content must be a string", param="content")
    if len(content) > MAX_CHARACTERS:
        text = f"content may have up to {MAX_CHARACTERS} characters, not {len(content)}; send less at a time"
        raise RefusedError(text, param="content")
    return TokenizeRequest(
        model=fields.get("model"),
        content=content,
        add_special=flag(fields, "add_special"),
        with_pieces=flag(fields, "with_pieces"),
    )


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
