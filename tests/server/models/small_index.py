"""A package index on loopback (PEP 503 and 691) with one package, which lies on demand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.server.models.small_server import DEADLINE, SmallHandler, listening

PACKAGE = "tiny-model"
WHEEL = "tiny_model-1.0-py3-none-any.whl"


@dataclass
class SmallIndex:
    """``content``: the wheel. ``cut``: for each of the next downloads, the bytes after which it ends.

    ``gate``: a download that is cut ends only when it is set, and sets ``waiting`` before. ``is_silent``: the page of
    the package never comes; ``asked`` is called when it is asked for. ``speaks_json``: False for an index that only
    knows HTML. ``announced``: a wrong hash. ``status``: that of every answer. ``page``: another page of the package.
    ``ranges``, ``authorizations``: those headers of each request for the wheel and of every request.
    """

    content: bytes
    cut: list[int] = field(default_factory=list)
    gate: threading.Event | None = None
    waiting: threading.Event = field(default_factory=threading.Event)
    is_silent: bool = False
    asked: Callable[[], object] = lambda: None
    speaks_json: bool = True
    announced: str | None = None
    status: int = 200
    page: str | None = None
    ranges: list[str | None] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def sha256(self) -> str:
        return self.announced or hashlib.sha256(self.content).hexdigest()

    def json(self) -> str:
        file = {"filename": WHEEL, "url": f"../../files/{WHEEL}", "hashes": {"sha256": self.sha256}, "yanked": False}
        return self.page or json.dumps({"meta": {"api-version": "1.1"}, "name": PACKAGE, "files": [file]})

    def html(self) -> str:
        other = '<a href="../../files/tiny_model-0.9-py3-none-any.whl">tiny_model-0.9-py3-none-any.whl</a>'
        link = f'<a href="../../files/{WHEEL}#sha256={self.sha256}">{WHEEL}</a>'
        return self.page or f"<!DOCTYPE html><html><body>{other}{link}</body></html>"


@contextlib.contextmanager
def serving(index: SmallIndex) -> Iterator[SmallIndex]:
    """Serve the index, whose ``url`` is then the address that pip's settings name."""

    class Handler(SmallHandler):
        events = index

        def do_GET(self) -> None:
            index.authorizations.append(self.headers.get("Authorization"))
            if index.status != 200:
                return self.send(b"", {}, status=index.status)
            if self.path == f"/simple/{PACKAGE}/":
                return self.send_page()
            if self.path == f"/files/{WHEEL}":
                return self.send_wheel()
            self.send(b"", {}, status=404)

        def send_page(self) -> None:
            index.asked()
            if index.is_silent:
                index.ended.wait(DEADLINE)
            if index.speaks_json and "json" in self.headers.get("Accept", ""):
                return self.send(index.json().encode(), {"Content-Type": "application/vnd.pypi.simple.v1+json"})
            self.send(index.html().encode(), {"Content-Type": "text/html; charset=utf-8"})

        def send_wheel(self) -> None:
            asked = self.headers.get("Range")
            index.ranges.append(asked)
            first = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            headers = {"Content-Range": f"bytes {first}-{len(index.content) - 1}/{len(index.content)}"} if asked else {}
            cut = index.cut.pop(0) if index.cut else None
            self.send(index.content[first:], headers, status=206 if asked else 200, cut=cut)

    with listening(Handler, "small index") as origin:
        index.url = f"{origin}/simple"
        try:
            yield index
        finally:
            index.ended.set()
            if index.gate is not None:
                index.gate.set()
