"""Endpoints of the downloads of models (docs/models.md): list, start, stop, resume, remove."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from protocol.errors import ErrorCode, RemoteProtocolError
from server.models.download_queue import DownloadQueue, DownloadState
from server.models.getting import is_source
from server.transports.bodies import read_object
from server.transports.generations import while_connected
from server.transports.model_access import access_of, answer
from server.transports.polling import MOST_WAIT_SECONDS
from server.transports.requests import read_body, seconds
from server.transports.root_path import root_path_of

LONGEST_SOURCE: Final = 2000
"""Longest source of a download, in characters."""


RUNNING_SECONDS: Final = 1.0
"""Longest wait for news while a model is downloaded, in seconds: a slow hub may send little for a long time."""


class NewDownload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a new download. ``source`` is what ``streamui models get`` takes, and never a path."""

    source: str


async def listed(request: Request) -> Response:
    """``GET /api/downloads?after=&wait=``: all downloads, as soon as their ``version`` differs from ``after``."""
    access = access_of(request)
    queue = access.got_by(request).downloads
    wait = seconds(request, "wait", default=0, most=MOST_WAIT_SECONDS)
    after = _version(request.query_params.get("after"))
    if after is not None and wait > 0:
        wait = min(wait, RUNNING_SECONDS) if queue.is_running else wait
        await while_connected(request, _changed(queue, after, wait))
    return answer(await access.run(lambda: _list(queue)))


async def start(request: Request) -> Response:
    """``POST /api/downloads``: 202; the same source twice is one download."""
    access = access_of(request)
    models = access.online(request)
    body = await read_object(request, NewDownload, "download")
    source = body.source.strip()
    if len(source) > LONGEST_SOURCE or not source.isprintable() or not is_source(source):
        text = "source must be OWNER/REPOSITORY, OWNER/REPOSITORY:QUANT or the address of a GGUF file; never a path"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, text, field="source")
    state = await access.run(lambda: models.downloads.add(source))
    response = answer(_facts(state), 202)
    response.headers["location"] = f"{root_path_of(request)}/api/downloads/{state.id}"
    return response


async def stop(request: Request) -> Response:
    """``POST /api/downloads/{id}/stop``: what has arrived is kept."""
    access, id = access_of(request), request.path_params["id"]
    queue = access.got_by(request).downloads
    await read_body(request)
    return answer(_facts(await access.run(lambda: queue.stop(id))))


async def resume(request: Request) -> Response:
    """``POST /api/downloads/{id}/resume``: continue a stopped or failed one."""
    access, id = access_of(request), request.path_params["id"]
    queue = access.online(request).downloads
    await read_body(request)
    return answer(_facts(await access.run(lambda: queue.resume(id))), 202)


async def remove(request: Request) -> Response:
    """``DELETE /api/downloads/{id}``: stop it, and delete what has arrived."""
    access, id = access_of(request), request.path_params["id"]
    queue = access.got_by(request).downloads
    await access.run(lambda: queue.remove(id))
    return answer({"id": id})


async def _changed(queue: DownloadQueue, after: int, wait: float) -> None:
    """Return when the version is not ``after``, or after ``wait`` seconds."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def listener() -> None:
        with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(changed.set)

    end = queue.listen(listener)
    try:
        if queue.version == after:
            async with asyncio.timeout(wait):
                await changed.wait()
    except TimeoutError:
        return
    finally:
        end()


def _list(queue: DownloadQueue) -> dict[str, Any]:
    version = queue.version  # before the states: a change in between is reported again
    return {"version": version, "downloads": [_facts(state) for state in queue.states()]}


def _facts(state: DownloadState) -> dict[str, Any]:
    return {
        "id": state.id,
        "source": state.shown_source,
        "name": state.name,
        "state": state.state,
        "arrived": state.arrived,
        "size": state.size,
        "speed": None if state.speed is None else round(state.speed),
        "error": state.error,
    }


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        words = f"after must be the `version` of an earlier answer, not {text[:40]!r}"
        raise RemoteProtocolError(ErrorCode.INVALID_FIELD, words, field="after")
    return int(text)
