"""HTTP to one upstream: requests, streams, and what their failures mean."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from server.engine.base import UpstreamState
from server.stall_limit import StallLimit
from server.writers.upstream.alive_check import AliveCheck
from server.writers.upstream.chunks import is_overflow, sentence
from server.writers.upstream.sse_lines import LineTooLongError, SseLines

CONNECT_SECONDS: Final = 10.0
"""Time limit for a connection to the upstream, in seconds."""

KEEPALIVE_SECONDS: Final = 10
"""Pause after which a connection without traffic is tested, and between two tests, in seconds."""

UNANSWERED_SECONDS: Final = 30
"""Time after which a connection whose other end acknowledges nothing is closed, in seconds: also one that the pool
gave to a request. It replaces the number of tests."""

ASIDE_SECONDS: Final = 10.0
"""Time limit for the answer that shows that an upstream is there while it sends nothing of an answer, in seconds."""

BODY_BYTES: Final = 8 << 20
"""Maximum length of a response that is no stream, in bytes."""

RETRIED: Final = (429, 502, 503, 504)
"""HTTP statuses after which the same request may succeed later. llama-server sends 503 while it loads its model."""

LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
"""Hosts that no proxy is used for."""

REMEDIES: Final = {
    401: "its key is wrong or missing: set STREAMUI_UPSTREAM_KEY and restart the server",
    403: "its key may not do this: set another STREAMUI_UPSTREAM_KEY and restart the server",
    404: "it has no such address or model: check --upstream and --upstream-model",
}


class UpstreamError(Exception):
    """A request that failed, with one sentence for a person. It never has the key."""


class RefusedError(UpstreamError):
    """The upstream refuses this request, and would again. ``is_denied``: because of the key.

    ``is_overflow``: because the prompt is longer than the model's context.
    """

    def __init__(self, text: str, *, is_denied: bool = False, is_overflow: bool = False) -> None:
        super().__init__(text)
        self.is_denied = is_denied
        self.is_overflow = is_overflow


class CutError(UpstreamError):
    """The upstream can't be reached, is busy, or has broken off.

    ``is_away``: it can't be reached. ``is_busy``: it has answered that it will be back. ``retry_after``: seconds that
    it asked for.
    """

    def __init__(self, text: str, *, is_away: bool = False, is_busy: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.is_away = is_away
        self.is_busy = is_busy
        self.retry_after = retry_after

    @property
    def upstream(self) -> UpstreamState:
        """The upstream's state, for the readers of an answer."""
        return "away" if self.is_away else "busy" if self.is_busy else "cut"


class Line:
    """Owns the HTTP connections to one upstream, on one event loop. Close it there.

    ``url``: without a path that the API defines; ``key``: sent as a bearer token, and shown nowhere. ``silence``:
    seconds without a byte after which a stream that has begun to write is cut off, and one that hasn't is checked.
    """

    def __init__(self, url: str, key: str | None, *, silence: float) -> None:
        self._url = url
        self._key = key
        self._silence = silence
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=kept_alive),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            headers={"Authorization": f"Bearer {key}"} if key else {},
            trust_env=urlsplit(url).hostname not in LOOPBACK,
            read_bufsize=1 << 16,
        )

    async def close(self) -> None:
        await self._session.close()

    async def read(self, method: str, path: str, body: object = None, *, seconds: float = 30.0) -> Any:
        """Return the JSON of a response. Raises RefusedError and CutError.

        The request may be sent twice, so it must change nothing there.
        """
        async with self._failures(), asyncio.timeout(seconds):
            try:
                data = await self._whole(method, path, body)
            except aiohttp.ClientConnectorError:
                raise
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # The upstream may close a connection of the pool just when a request takes it.
                data = await self._whole(method, path, body)
        try:
            return msgspec.json.decode(data)
        except msgspec.MsgspecError:
            raise RefusedError(f"{path} has a page that is no API; give the address of an OpenAI API") from None

    @asynccontextmanager
    async def stream(self, path: str, body: object, *, answers_aside: bool = True) -> AsyncIterator[Stream]:
        """Send a request and yield its stream once the upstream has accepted it.

        ``answers_aside``: an upstream that sends nothing is asked for its models, and counts as cut off if it doesn't
        answer that either. Raises RefusedError and CutError, also in the block. Leaving the block early closes the
        connection.
        """
        check = AliveCheck(self._answers if answers_aside else _nothing_asked, self._silence)
        async with self._failures(), check, await self._response("POST", path, body) as response:
            await self._check(response)
            if "json" in response.content_type:
                raise RefusedError(self._clean(await _limited(response)) or "it sends no stream")
            try:
                async with StallLimit(self._silence) as limit:
                    yield Stream(response, limit, check)
            finally:
                if not response.content.at_eof():
                    response.close()  # an answer that nobody wants must not be computed

    async def _answers(self) -> bool:
        """Tell whether the upstream answers a question now, be it with a refusal."""
        try:
            await self.read("GET", "/v1/models", seconds=ASIDE_SECONDS)
        except RefusedError:
            return True
        except CutError as error:
            return error.is_busy
        return True

    def scrubbed(self, text: str) -> str:
        """Return ``text`` without the key."""
        return text.replace(self._key, "***") if self._key else text

    async def _whole(self, method: str, path: str, body: object) -> bytes:
        """Return the body of a successful response."""
        async with await self._response(method, path, body) as response:
            await self._check(response)
            return await _limited(response)

    async def _response(self, method: str, path: str, body: object) -> aiohttp.ClientResponse:
        """Send a request and return its response.

        llama-server closes its connection after a stream. The pool may give it to the next request at that moment: then
        nothing is sent, and another connection is taken.
        """
        try:
            return await self._request(method, path, body)
        except aiohttp.ClientOSError as error:
            if not isinstance(error.__cause__, aiohttp.ClientConnectionResetError):
                raise
            return await self._request(method, path, body)

    async def _request(self, method: str, path: str, body: object) -> aiohttp.ClientResponse:
        data = None if body is None else msgspec.json.encode(body)
        headers = {"Content-Type": "application/json"} if data else {}
        return await self._session.request(method, self._url + path, data=data, headers=headers, allow_redirects=False)

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        """Raise RefusedError or CutError unless the response is a success."""
        status = response.status
        if status < 300:
            return
        if status < 400:
            where = self.scrubbed(sentence(response.headers.get("Location", "")))
            raise RefusedError(f"it redirects to {where}; give that address")
        body = await _limited(response)
        said = self._clean(body)
        text = REMEDIES.get(status) or f"it answers {status}: {said or response.reason or 'no reason given'}"
        if status in RETRIED:
            raise CutError(text, is_busy=True, retry_after=_seconds(response.headers.get("Retry-After")))
        text = f"{text} ({said})" if status in REMEDIES and said else text
        overflow = bool(said) and is_overflow(msgspec.json.decode(body))
        raise RefusedError(text, is_denied=status in (401, 403), is_overflow=overflow)

    def _clean(self, data: bytes) -> str:
        """Return the sentence of an error's body; empty for a page."""
        try:
            return self.scrubbed(sentence(msgspec.json.decode(data)))
        except msgspec.MsgspecError:
            return ""

    def _reason(self, error: aiohttp.ClientConnectorError) -> str:
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return "its name is not known"
        if number := error.os_error.errno:
            return os.strerror(number)
        return "TLS with it fails: if it has none, give its http address" if self._url.startswith("https") else "closed"

    @asynccontextmanager
    async def _failures(self) -> AsyncIterator[None]:
        """Turn the client's exceptions into this module's."""
        try:
            yield
        except UpstreamError:
            raise
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "") or "unknown reason"
            text = f"its TLS certificate can't be verified ({reason}); fix the certificate, or give its http address"
            raise RefusedError(text) from None
        except (aiohttp.ClientSSLError, ssl.SSLError):
            raise RefusedError("TLS with it fails; if it has none, give its http address") from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise RefusedError("the address is no http or https address") from None
        except LineTooLongError:
            raise RefusedError("it sends lines of more than 1 MiB") from None
        except TimeoutError:
            raise CutError("it is silent") from None
        except aiohttp.ClientConnectorError as error:
            raise CutError(f"it can't be reached ({self._reason(error)})", is_away=True) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise CutError(f"the connection broke off ({type(error).__name__})") from None


class Stream:
    """The events of one response."""

    def __init__(self, response: aiohttp.ClientResponse, limit: StallLimit, check: AliveCheck) -> None:
        self._content = response.content
        self._limit = limit
        self._check = check
        self.writing = False
        """Text has come. Until then nothing may come for minutes, while the prompt is read."""
        self._lines = SseLines()

    def begin_writing(self) -> None:
        """Note that text has come: from now on silence counts as the end of the connection."""
        self.writing = True
        self._check.stop()

    async def read(self) -> Sequence[bytes] | None:
        """Return the data of the next events, maybe of none; None at the end. Raises as ``Line.stream``."""
        if self.writing:
            self._limit.restart()
        data = await self._content.readany()
        return self._lines.fed(data) if data else None


async def _nothing_asked() -> bool:
    return True


def kept_alive(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket that notices within UNANSWERED_SECONDS that the other machine no longer answers."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere the system's own times apply
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_SECONDS)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * UNANSWERED_SECONDS)
    return made


async def _limited(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for part in response.content.iter_any():
        data += part
        if len(data) > BODY_BYTES:
            raise RefusedError("it sends a page that is no API; give the address of an OpenAI API")
    return bytes(data)


def _seconds(text: str | None) -> float:
    """Return the seconds of a Retry-After header; 0 for a date, which few send."""
    try:
        return min(3600.0, max(0.0, float(text or 0)))
    except ValueError:
        return 0.0
