"""The value of ``--upstream``: an address, with or without a name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit


class NamedAddress(NamedTuple):
    """One ``--upstream``. ``name``: told apart by it from others; may be empty."""

    name: str
    url: str

    def __str__(self) -> str:
        return f"{self.name}={self.url}" if self.name else self.url


def read_upstream(text: str) -> NamedAddress:
    """Read `URL` or `NAME=URL`. Raises ValueError with the reason."""
    text = text.strip()
    named = re.match(r"([A-Za-z0-9._-]{1,64})=", text)
    return NamedAddress(named[1] if named else "", base_of(text[named.end() :] if named else text))


def name_fault(upstreams: Sequence[NamedAddress], *, others: bool) -> str | None:
    """Return what is wrong with the names of the upstreams and the remedy, with "; " between; None if nothing is.

    ``others``: there are models of this machine beside them.
    """
    if len(upstreams) == 1 and not others:
        return None
    names = Counter(each.name for each in upstreams)
    for each in upstreams:
        if not each.name:
            return f"--upstream {each}: it needs a name beside other models; give it as --upstream NAME={each}"
        if names[each.name] > 1:
            return f"--upstream: two have the name {each.name}; give each another one"
    return None


def base_of(url: str) -> str:
    """Return the address without what the APIs add: `http://gpu:8000/v1/` becomes `http://gpu:8000`.

    Raises ValueError when it is no http or https address, or has a user, a query or a fragment.
    """
    try:
        split = urlsplit(url.strip())
        host, port, user = split.hostname, split.port, split.username
    except ValueError:
        raise ValueError("it is not an address such as http://gpu:8000") from None
    if user is not None:
        raise ValueError("it has a user or key; set STREAMUI_UPSTREAM_KEY instead")
    if split.scheme not in ("http", "https") or not host or port == 0 or split.query or split.fragment:
        raise ValueError("it is not an address such as http://gpu:8000")
    path = split.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return urlunsplit((split.scheme, split.netloc, path, "", ""))


def key_variable(name: str) -> str:
    """Return the environment variable of the key of the upstream with this name."""
    return "_".join(filter(None, ("STREAMUI_UPSTREAM_KEY", re.sub(r"[^A-Z0-9]", "_", name.upper()))))
