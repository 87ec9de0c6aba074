"""Text of each event of an answer, read over HTTP: over a socket the server joins several of them."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

READ_SECONDS: Final = 10
"""Time limit for the server's response, in seconds."""


class PiecesError(Exception):
    """The text of the events can't be read. The text is for a person."""


def read_pieces(url: str, token: str | None, id: str) -> list[str]:
    """Return the text of each event of generation ``id``, from number 1 on (PROTOCOL 13.8). ``url``: of the socket."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        request = Request(_address(url, id), headers=headers)
        with urlopen(request, timeout=READ_SECONDS) as response:  # nosec B310  # only http and https
            return list(map(str, json.load(response)["pieces"]))
    except HTTPError as problem:
        if problem.code == HTTPStatus.NOT_FOUND:
            raise PiecesError("the server no longer has this answer; send the message again") from problem
        raise PiecesError(f"the tokens of the answer can't be read: HTTP {problem.code}") from problem
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise PiecesError(f"the tokens of the answer can't be read: {problem}") from problem


def _address(url: str, id: str) -> str:
    parts = urlsplit(url)
    scheme = "https" if parts.scheme == "wss" else "http"
    root = parts.path.rstrip("/").removesuffix("/ws")
    return urlunsplit((scheme, parts.netloc, f"{root}/generations/{quote(id, safe='')}", "pieces=1", ""))
