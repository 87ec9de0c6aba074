"""One lasting connection to a server, over as many sockets in a row as it takes. For client.py, on its event loop."""

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

from protocol.client_generation import DisconnectedError
from protocol.cursor import Cursor
from protocol.errors import CLOSES, CloseCode, RemoteProtocolError
from protocol.messages import PROTOCOL, Attached, ClientMessage, Error, Goodbye, ServerMessage, Welcome
from protocol.session import ClientSession
from protocol.states import ConnectionState

WELCOME_SECONDS: Final = 10.0
"""How long a new socket may take to open, and then until `welcome`."""

CLOSE_SECONDS: Final = 2.0
"""How long the server is given to answer our close."""

STABLE_SECONDS: Final = 10.0
"""After a connection that lasted so long, what goes wrong is a new trouble and not the old one."""

INCOMING_BYTES: Final = 1 << 26
"""The longest frame that is taken: a snapshot holds a whole text."""

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How a lost connection is made again: full jitter, and when to give up. All times in seconds.

    The n-th attempt follows after a random time up to ``first * 2**n``, at most ``longest``; after a `goodbye` the
    first one up to its `reconnect_ms`. ``give_up_after`` counts from the loss; None: never; 0: do not reconnect at all.
    ``random`` is from 0 to 1, ``clock`` in seconds and never goes back.
    """

    first: float = 0.5
    longest: float = 30.0
    give_up_after: float | None = 300.0
    random: Callable[[], float] = random.random
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep

    def wait(self, attempt: int, asked: float | None) -> float:
        """How long to wait before attempt number ``attempt``, from 0, where the server asked for up to ``asked``."""
        limit = min(self.longest, self.first * 2.0 ** min(attempt, 60))
        return self.random() * (asked if asked is not None and attempt == 0 else limit)


def may_reconnect(code: int | None) -> bool:
    """Whether a client may connect again by itself after a close with ``code``; None: the line broke (PROTOCOL 9)."""
    if code is None:
        return True
    if code in CloseCode.__members__.values():
        return CLOSES[CloseCode(code)].reconnect
    return not 4400 <= code < 4500


class Connection:
    """Owns the socket, its session, and what waits to be sent. ``cursors`` are shared by all sessions in a row.

    ``receive`` is called with each message of the server, applied to ``cursors`` already, `welcome` of each socket
    included; then is the time to send again what is still wanted.
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
        self._known = False  # the server has welcomed us before
        self._progress = False  # it has said something since the connection was last lost
        self._opened: float | None = None  # when, if this socket ever did
        self._lost = 0.0
        self._attempt = 0

    def send(self, message: ClientMessage) -> None:
        """Send it if there is a connection. If not, nothing: the next `welcome` is the time for it."""
        if self._session is not None and self._session.state is ConnectionState.OPEN:
            self._outbox.append(self._session.send(message, self._retry.clock()))
            self._wake.set()

    async def run(self) -> NoReturn:
        """Keep a connection until there can be none. Raises DisconnectedError then; leaves no task behind."""
        while True:
            problem = await self._one_socket()
            await self._retry.sleep(self._delay(problem))

    # --- one socket ---

    async def _one_socket(self) -> Exception:
        """Use one socket to its end; returns why that came."""
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
                self._take(self._session, await socket.recv())
            while True:
                self._take(self._session, await socket.recv())
        except RemoteProtocolError:
            socket.transport.abort()  # PROTOCOL 6.2: a fault of the server; begin anew from the cursors
            raise
        finally:
            self._session = None
            sender.cancel()
            await asyncio.wait([sender])

    def _take(self, session: ClientSession, frame: str | bytes) -> None:
        for part in _objects(frame):
            for message in session.receive(part, self._retry.clock()):
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
        with contextlib.suppress(ConnectionClosed):  # the receiving side says what happened
            while True:
                self._wake.clear()
                while self._outbox:
                    await socket.send(self._outbox.popleft())
                await self._wake.wait()

    # --- and the next ---

    def _delay(self, problem: Exception) -> float:
        """How long to wait before the next attempt. Raises DisconnectedError when there is none to be made."""
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
            text = f"the connection to {self._url} was lost and could not be made again: {_reason(problem)}"
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
    """The objects of a frame one by one, so that a bad one does not hide those before it (PROTOCOL 2.2)."""
    if isinstance(frame, bytes):
        return [frame]
    lines = [line for line in frame.split("\n") if line.strip()]
    apart = all(line.startswith("{") and line.rstrip().endswith("}") for line in lines)
    return lines if apart else [frame]


def _is_refusal(problem: Exception) -> bool:
    """Whether the server, or what stands before it, will say the same again."""
    if isinstance(problem, InvalidStatus):
        return problem.response.status_code < 500
    return isinstance(problem, InvalidURI)


def _is_loopback(url: str) -> bool:
    """A proxy that the environment names is not for this machine."""
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
    ):  # asyncio's own text names the address once more
        return os.strerror(problem.errno)
    return str(problem) or type(problem).__name__
