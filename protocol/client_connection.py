"""One lasting connection to a server, made of one socket after the other. For client.py, on its event loop."""

import asyncio
import contextlib
import os
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.typing import Subprotocol

from protocol.client_errors import DisconnectedError
from protocol.cursor import Cursor
from protocol.errors import CLOSES, CloseCode, RemoteProtocolError
from protocol.messages import PROTOCOL, Attached, ClientMessage, Error, Goodbye, ServerMessage, Welcome
from protocol.session import ClientSession
from protocol.states import ConnectionState

WELCOME_SECONDS: Final = 10.0
"""Time limit for opening a socket, and then for receiving `welcome`, in seconds."""

CLOSE_SECONDS: Final = 2.0
"""Time limit for the server's answer to our close frame, in seconds."""

STABLE_SECONDS: Final = 10.0
"""Shortest connection that resets the retry delays, in seconds: a loss after it counts as a new problem."""

INCOMING_BYTES: Final = 1 << 26
"""Longest frame accepted from the server, in bytes. A snapshot contains a whole text."""

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Policy for reconnecting: random delays that grow (full jitter), and when to give up. All times in seconds.

    The delay before attempt n (from 0) is random, up to ``first * 2**n`` and at most ``longest``. After a `goodbye` the
    first delay is up to its `reconnect_ms`. ``give_up_after`` counts from the loss; None: never; 0: do not reconnect.
    ``random`` returns 0 to 1; ``clock`` is monotonic.
    """

    first: float = 0.5
    longest: float = 30.0
    give_up_after: float | None = 300.0
    random: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    def wait(self, attempt: int, asked: float | None) -> float:
        """Return the delay before attempt ``attempt`` (from 0), in seconds; ``asked``: the limit that the server
        named."""
        limit = min(self.longest, self.first * 2.0 ** min(attempt, 60))
        return self.random() * (asked if asked is not None and attempt == 0 else limit)


def may_reconnect(code: int | None) -> bool:
    """Tell whether a client may reconnect by itself after close code ``code``; None: the network failed (PROTOCOL
    9)."""
    if code is None:
        return True
    if code in CloseCode.__members__.values():
        return CLOSES[CloseCode(code)].reconnect
    return not 4400 <= code < 4500


class LastingConnection:
    """A connection that outlives its sockets. Owns the socket, its session and the outgoing frames.

    ``cursors`` are shared by all sessions in turn. ``receive`` is called with each message of the server, after it was
    applied to ``cursors``. On each `welcome` the caller must repeat the requests that are still open.
    """

    def __init__(
        self,
        url: str,
        retry: Retry,
        cursors: dict[str, Cursor],
        receive: Callable[[ServerMessage], None],
        token: str | None = None,
    ) -> None:
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._url = url
        self._retry = retry
        self._cursors = cursors
        self._receive = receive
        self._session: ClientSession | None = None
        self._outbox: deque[str] = deque()
        self._wake = asyncio.Event()
        self._goodbye: Goodbye | None = None
        self._known = False  # a `welcome` has arrived at least once
        self._progress = False  # an event has arrived since the connection was last lost
        self._opened: float | None = None  # time at which this socket opened; None when it never did
        self._lost = 0.0
        self._attempt = 0

    def send(self, message: ClientMessage) -> None:
        """Send ``message`` if the connection is open, else drop it: the caller repeats it on the next `welcome`."""
        if self._session is not None and self._session.state is ConnectionState.OPEN:
            self._outbox.append(self._session.send(message))
            self._wake.set()

    async def run(self) -> NoReturn:
        """Keep the connection until it is lost for good, then raise DisconnectedError. Leaves no task behind."""
        while True:
            problem = await self._one_socket()
            await self._retry.sleep(self._delay(problem))

    # --- one socket ---

    async def _one_socket(self) -> Exception:
        """Use one socket to its end. Returns the exception that ended it."""
        self._goodbye = self._opened = None
        try:
            async with connect(
                self._url,
                subprotocols=[Subprotocol(PROTOCOL)],
                additional_headers=self._headers,
                compression=None,
                proxy=None if _is_loopback(self._url) else True,
                open_timeout=WELCOME_SECONDS,
                close_timeout=CLOSE_SECONDS,
                max_size=INCOMING_BYTES,
            ) as socket:
                await self._use(socket)
        except (OSError, WebSocketException, RemoteProtocolError) as problem:
            return problem

    async def _use(self, socket: ClientConnection) -> NoReturn:
        self._outbox.clear()
        self._session = ClientSession(self._cursors)
        self._opened = self._retry.clock()
        sender = asyncio.get_running_loop().create_task(self._send_all(socket), name="streamui client: send")
        try:
            async with asyncio.timeout(WELCOME_SECONDS):
                self._receive_frame(self._session, await socket.recv())
            while True:
                self._receive_frame(self._session, await socket.recv())
        except RemoteProtocolError:
            socket.transport.abort()  # PROTOCOL 6.2: a fault of the server; reconnect from the cursors
            raise
        finally:
            self._session = None
            sender.cancel()
            await asyncio.wait([sender])

    def _receive_frame(self, session: ClientSession, frame: str | bytes) -> None:
        for part in _objects(frame):
            for message in session.receive(part):
                self._note(message)
                self._receive(message)

    def _note(self, message: ServerMessage) -> None:
        if isinstance(message, Goodbye):
            self._goodbye = message
        elif isinstance(message, Welcome):
            self._known = True
        elif not isinstance(message, Attached | Error):
            self._progress = True

    async def _send_all(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):  # the receiving side reports the reason
            while True:
                self._wake.clear()
                while self._outbox:
                    await socket.send(self._outbox.popleft())
                await self._wake.wait()

    # --- reconnecting ---

    def _delay(self, problem: Exception) -> float:
        """Return the delay before the next attempt, in seconds. Raises DisconnectedError when there must be none."""
        code = self._close_code(problem)
        if not self._known:
            raise DisconnectedError(f"can't connect to {self._url}: {_reason(problem)}", code) from problem
        if not may_reconnect(code) or _is_refusal(problem):
            raise DisconnectedError(f"the server ended the connection: {_reason(problem)}", code) from problem
        now = self._retry.clock()
        lasted = 0.0 if self._opened is None else now - self._opened
        if self._progress or self._attempt == 0 or lasted >= STABLE_SECONDS:
            self._progress, self._attempt, self._lost = False, 0, now
        if self._retry.give_up_after is not None and now - self._lost >= self._retry.give_up_after:
            text = f"the connection to {self._url} was lost, and reconnecting failed: {_reason(problem)}"
            raise DisconnectedError(text, code) from problem
        asked = None if self._goodbye is None else self._goodbye.reconnect_ms / 1000
        delay = self._retry.wait(self._attempt, asked)
        self._attempt += 1
        return delay

    def _close_code(self, problem: Exception) -> int | None:
        if isinstance(problem, ConnectionClosed) and problem.rcvd is not None:
            return problem.rcvd.code
        return None if self._goodbye is None else self._goodbye.code


def _objects(frame: str | bytes) -> list[str] | list[bytes]:
    """Split a frame into its objects, so that a bad one does not hide those before it (PROTOCOL 2.2)."""
    if isinstance(frame, bytes):
        return [frame]
    lines = [line for line in frame.split("\n") if line.strip()]
    apart = all(line.startswith("{") and line.rstrip().endswith("}") for line in lines)
    return lines if apart else [frame]


def _is_refusal(problem: Exception) -> bool:
    """Tell whether another attempt would get the same answer from the server or its proxy."""
    if isinstance(problem, InvalidStatus):
        return problem.response.status_code < 500
    return isinstance(problem, InvalidURI)


def _is_loopback(url: str) -> bool:
    """Tell whether ``url`` is on this machine: proxies from the environment must not be used for it."""
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False


def _reason(problem: Exception) -> str:
    if isinstance(problem, ConnectionClosed) and problem.rcvd is not None:
        code = problem.rcvd.code
        known = code in CloseCode.__members__.values()
        return f"{CLOSES[CloseCode(code)].meaning} ({code})" if known else f"close code {code}"
    if (
        isinstance(problem, OSError) and problem.errno is not None and problem.errno > 0
    ):  # asyncio's own text repeats the address
        return os.strerror(problem.errno)
    return str(problem) or type(problem).__name__
