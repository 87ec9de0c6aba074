"""A hub on loopback that speaks the few routes that a download needs, and lies on demand."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.server.models.small_server import SmallHandler, listening

COMMIT = "0123456789abcdef0123456789abcdef01234567"


FOUND = {
    "id": "maker/repo",
    "downloads": 12345,
    "likes": 67,
    "tags": ["gguf", "license:apache-2.0"],
    "gated": False,
}
"""Repository that a search finds."""


@dataclass
class SmallHub:
    """One ``repository``. ``cut``: for each of the next downloads, the bytes after which it ends.

    ``gate``: a download that is cut ends only when it is set, and sets ``waiting`` before. ``refusal``: status of every
    answer. ``announced``: hashes that differ from those of the files. ``longer``: bytes after the end of each file.
    ``whole_only``: a Range is ignored. ``facts``: the answer about the repository. ``elsewhere``: the address that
    files are redirected to. ``found``: the answer to a search. ``searches``: the query of each. ``ranges``,
    ``tokens``: the Range and the Authorization of each download, in order. ``held``: a file whose download waits half
    way until ``gate`` is set.
    """

    files: dict[str, bytes]
    cut: list[int] = field(default_factory=list)
    broken: bool = False
    refusal: int | None = None
    announced: dict[str, str] = field(default_factory=dict)
    token: str | None = None
    gate: threading.Event | None = None
    waiting: threading.Event = field(default_factory=threading.Event)
    longer: bytes = b""
    whole_only: bool = False
    facts: str | None = None
    elsewhere: str | None = None
    found: str | None = None
    searches: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    repository: str = "maker/repo"
    held: str | None = None
    url: str = ""

    def sha256(self, name: str) -> str:
        return self.announced.get(name) or hashlib.sha256(self.files[name]).hexdigest()

    def siblings(self) -> list[dict[str, Any]]:
        return [
            {
                "rfilename": name,
                "size": len(content),
                "lfs": {"sha256": self.sha256(name), "size": len(content), "pointerSize": 100},
            }
            for name, content in self.files.items()
        ]


@contextlib.contextmanager
def serving(hub: SmallHub) -> Iterator[SmallHub]:
    class Handler(SmallHandler):
        events = hub

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            if hub.refusal is not None:
                return self.refuse(hub.refusal)
            if hub.token is not None and self.headers.get("Authorization") != f"Bearer {hub.token}":
                return self.refuse(401)
            path = self.path.partition("?")[0]
            resolved = f"/{hub.repository}/resolve/{COMMIT}/"
            if path in (f"/api/models/{hub.repository}", f"/api/models/{hub.repository}/revision/{COMMIT}"):
                if hub.facts is not None:
                    return self.send(hub.facts.encode(), {}, body=body)
                facts = {"_id": "1", "id": hub.repository, "sha": COMMIT, "siblings": hub.siblings()}
                return self.send(json.dumps(facts).encode(), {"Content-Type": "application/json"}, body=body)
            if path == "/api/models":
                hub.searches.append(self.path.partition("?")[2])
                found = hub.found if hub.found is not None else json.dumps([FOUND])
                return self.send(found.encode(), {"Content-Type": "application/json"}, body=body)
            if path.startswith(resolved) and (name := path.removeprefix(resolved)) in hub.files:
                return self.send_file(name, body)
            self.refuse(404, {"X-Error-Code": "RepoNotFound"})

        def send_file(self, name: str, body: bool) -> None:
            if hub.elsewhere:
                return self.refuse(302, {"Location": f"{hub.elsewhere}{self.path}"})
            content, first = hub.files[name] + hub.longer, 0
            if body:
                hub.tokens.append(self.headers.get("Authorization"))
                hub.ranges.append(self.headers.get("Range"))
                if hub.broken and hub.ranges[-1]:
                    return self.refuse(500)
            end = len(content)
            if not hub.whole_only and (asked := self.headers.get("Range")):
                start, _, last = asked.removeprefix("bytes=").partition("-")
                first, end = int(start), min(end, int(last) + 1 if last else end)
            headers = {"ETag": f'"{hub.sha256(name)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
            is_part = first > 0 or end < len(content)
            if is_part:
                headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
            cut = hub.cut.pop(0) if body and hub.cut else None
            if body and name == hub.held and hub.gate and not hub.gate.is_set() and not self.is_beginning():
                cut = max(0, len(content) // 2 - first)
            self.send(content[first:end], headers, status=206 if is_part else 200, body=body, cut=cut)

        def is_beginning(self) -> bool:
            """Tell whether only the header is asked for."""
            return (self.headers.get("Range") or "").startswith("bytes=0-")

        def refuse(self, status: int, headers: dict[str, str] | None = None) -> None:
            self.send(b"", headers or {}, status=status)

    with listening(Handler, "small hub") as hub.url:
        yield hub
