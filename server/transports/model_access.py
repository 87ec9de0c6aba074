"""Access to the models of this machine: who may download and delete them, and work on threads of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from protocol.errors import ErrorCode, RemoteProtocolError
from server.engine.base import ModelError
from server.guard.guard import Guard
from server.models.catalogue import UnknownModelError
from server.models.download_queue import FullQueueError, UnknownDownloadError
from server.models.downloads import DownloadError
from server.models.local_models import InUseError, LocalModels, NotOursError
from server.transports.requests import JSON, NO_STORE

AT_ONCE: Final = 4
"""Requests of all clients that read the hub or the models' folders at the same time; others wait."""

T = TypeVar("T")

_REASONS: Final = {
    "owner": "only the owner of the first token may download and delete models here; ask for it, or for the option "
    "--who-may-get-models all",
    "nobody": "this server is started with --who-may-get-models nobody; on its machine use `streamui models get`",
}


class ModelAccess:
    """Owner of the access for all requests. ``models`` None: this server has no models folder."""

    def __init__(self, models: LocalModels | None, guard: Guard) -> None:
        self._models = models
        self._guard = guard
        self._disk_places = asyncio.Semaphore(AT_ONCE)
        self._hub_places = asyncio.Semaphore(AT_ONCE)

    def may_get(self, request: Request) -> bool:
        """Tell whether this request's principal may download and delete models."""
        return self._models is not None and self._guard.may_get_models(request.scope)

    def models(self) -> LocalModels:
        """Return the models. Raises RemoteProtocolError (forbidden) on a server without them."""
        if self._models is None:
            raise RemoteProtocolError(ErrorCode.FORBIDDEN, "this server has no models folder; start it with one")
        return self._models

    def got_by(self, request: Request) -> LocalModels:
        """Return the models for a principal who may download and delete them. Raises RemoteProtocolError."""
        if not self._guard.may_get_models(request.scope):
            raise RemoteProtocolError(ErrorCode.FORBIDDEN, _REASONS[self._guard.model_getters])
        return self.models()

    def online(self, request: Request) -> LocalModels:
        """Return the models for a request that needs the hub. Raises RemoteProtocolError."""
        models = self.got_by(request)
        if models.offline:
            text = "this server is started with --offline on; start it without that option to search and download"
            raise RemoteProtocolError(ErrorCode.FORBIDDEN, text)
        return models

    async def run(self, work: Callable[[], T], *, hub: bool = False) -> T:
        """Return the result of ``work``, done on a thread that the end of the program doesn't wait for.

        ``hub``: the work waits for the hub, and so takes none of the others' places. Raises RemoteProtocolError for the
        errors of the models' room.
        """
        try:
            return await _on_thread(work, self._hub_places if hub else self._disk_places)
        except UnknownModelError as error:
            raise RemoteProtocolError(ErrorCode.UNKNOWN_MODEL, str(error)) from None
        except UnknownDownloadError as error:
            text = f"there is no download {str(error)[:40]!r}; it may have been removed"
            raise RemoteProtocolError(ErrorCode.UNKNOWN_ID, text) from None
        except FullQueueError:
            text = "there are too many downloads; remove some of them, then try again"
            raise RemoteProtocolError(ErrorCode.BUSY, text) from None
        except (NotOursError, InUseError) as error:
            raise RemoteProtocolError(ErrorCode.FORBIDDEN, str(error)) from None
        except DownloadError as error:
            raise RemoteProtocolError(ErrorCode.HUB_FAILED, str(error)) from None
        except ModelError as error:
            raise RemoteProtocolError(ErrorCode.STORAGE_FAILED, str(error)) from None


def access_of(request: Request) -> ModelAccess:
    """Return the access object of the app."""
    access: ModelAccess = request.app.state.model_access
    return access


def answer(value: Any, status: int = 200) -> Response:
    """Return a JSON response."""
    return Response(msgspec.json.encode(value), status, NO_STORE, media_type=JSON)


async def _on_thread(work: Callable[[], T], places: asyncio.Semaphore) -> T:
    """Run ``work`` once one of the ``places`` is free, and keep that until it ends, also if its client has left."""
    await places.acquire()
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        places.release()
        if result.done():  # cancelled: the client has disconnected
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(cast(T, value))

    def run() -> None:
        value, problem = None, None
        try:
            value = work()
        except BaseException as error:
            problem = error
        with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(settle, value, problem)

    threading.Thread(target=run, name="models", daemon=True).start()
    return await result
