"""The Python client of a StreamUI server, over asyncio: many generations on one socket, which mends itself.

    async with connect("ws://127.0.0.1:8000/ws") as chat:
        async for piece in chat.generate("Hi", max_tokens=100).pieces():
            print(piece.text, end="", flush=True)

The rules are those of session.py; sync_client.py has the same without asyncio. Everything belongs to the event loop on
which ``connect`` was entered. The socket is always read at once, so a slow reader of one generation costs memory for
its text and holds up nothing. Nothing has a time limit of its own but connecting: use ``asyncio.timeout``, which loses
nothing; the next ``anext`` goes on. A server that is silent for 40 s is taken for lost.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Unpack, cast

from msgspec import UNSET, UnsetType

from protocol import codec
from protocol.client_connection import Connection, Retry
from protocol.client_generation import (
    Bookmark,
    ClosedError,
    DisconnectedError,
    Event,
    Generation,
    RequestError,
    TextReplacedError,
)
from protocol.client_request import Asking, Prompt, Sampling, generate_request
from protocol.cursor import Cursor
from protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Attach,
    Attached,
    Cancel,
    Conversation,
    Done,
    Error,
    Generate,
    Ping,
    Pong,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
    Token,
    Watch,
    Welcome,
)

__all__ = [
    "Asking",
    "Bookmark",
    "Chat",
    "ClosedError",
    "DisconnectedError",
    "Event",
    "Generation",
    "Prompt",
    "RequestError",
    "Retry",
    "Sampling",
    "TextReplacedError",
    "connect",
]


@contextlib.asynccontextmanager
async def connect(url: str, *, token: str | None = None, retry: Retry | None = None) -> AsyncIterator["Chat"]:
    """A connection to the server at ``url``, ws:// or wss://. ``token``: for one that asks for it (PROTOCOL 13.9).

    Raises DisconnectedError when the first attempt fails; later losses are mended as ``retry`` says. On leaving, the
    socket is closed and whoever still waits for news gets ClosedError: no cancel (PROTOCOL 6.5). No task is left.
    """
    chat = Chat(url, retry or Retry(), token)
    try:
        await chat.open()
        yield chat
    finally:
        await chat.close()


@dataclass(slots=True, eq=False)
class _Question:
    """A `ping` or `status` that waits for its answer. ``sent`` is in seconds on the loop's clock."""

    message: Ping | StatusRequest
    answer: asyncio.Future[Pong | Status]
    sent: float = 0.0


class Chat:
    """The client's end; ``connect`` makes it. Owns the generations that have not ended, and asks for them again after a
    lost connection: each from its cursor, or with the same `generate` when it had not been accepted yet."""

    def __init__(self, url: str, retry: Retry, token: str | None = None) -> None:
        self._cursors: dict[str, Cursor] = {}
        self._connection = Connection(url, retry, self._cursors, self._receive, token)
        self._welcome: Welcome | None = None
        self._generations: dict[str, Generation] = {}
        self._questions: list[_Question] = []
        self._listeners: list[asyncio.Queue[Conversation | DisconnectedError]] = []
        self._nonces = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._end: DisconnectedError | None = None

    @property
    def welcome(self) -> Welcome:
        """What the server last said of itself, its model and its limits."""
        if self._welcome is None:
            raise DisconnectedError("not connected yet")
        return self._welcome

    @property
    def running(self) -> tuple[Generation, ...]:
        """The generations of this client that have not ended."""
        return tuple(self._generations.values())

    def generate(
        self,
        prompt: Prompt | None = None,
        *,
        id: str | None = None,
        raw: bool = False,
        on_detach_ms: int | UnsetType | None = UNSET,
        **asking: Unpack[Asking],
    ) -> Generation:
        """Start an answer to ``prompt``; it is sent at once, or as soon as there is a connection again.

        In place of a prompt: ``conversation="c1", content="Hi"``, and the server writes both into the conversation.

        ``id`` is the name of the generation, a random one if None: the same id with the same body again attaches to
        it. ``raw`` leaves out the chat template. ``on_detach_ms``: how long it goes on when nobody watches, in
        milliseconds; None: to its end, which in a conversation it does anyway. Raises RequestError here when the
        request breaks a rule that can be seen from here; what the server says against it is raised where the
        generation is read.
        """
        request = generate_request(prompt, id or secrets.token_hex(8), raw, on_detach_ms, asking)
        if request.id in self._generations:
            raise LocalProtocolError(f"{request.id}: this generation is running on this connection; attach to it")
        return self._begin(request)

    def attach(self, id: str, epoch: str | None = None, after: int = 0, text: str = "") -> Generation:
        """Read a generation that this or any other client has started.

        From the beginning; or after the number ``after`` in the log ``epoch``, where ``text`` is what came up to there:
        ``attach(*bookmark)``. One that this client reads already is returned as it is.
        """
        if id in self._generations:
            return self._generations[id]
        if after and epoch is None:
            raise LocalProtocolError(f"{id}: a cursor ({after}) needs the epoch of its log")
        return self._begin(Attach(id=id, epoch=epoch, after=after), text=text)

    async def status(self, id: str | None = None) -> Status:
        """How one generation stands, or the server. Raises RequestError (unknown_id) and DisconnectedError."""
        request = StatusRequest(id=id)
        self._check(request)
        return cast(Status, (await self._ask(request)).answer.result())

    async def changes(self) -> AsyncGenerator[Conversation, None]:
        """Every change of the user's conversations, from when this is first iterated, until it is closed.

        Changes that pass while there is no connection are not told. Raises DisconnectedError when it is gone for good.
        """
        told: asyncio.Queue[Conversation | DisconnectedError] = asyncio.Queue()
        if self._end is not None:
            raise self._end
        self._listeners.append(told)
        self._connection.send(Watch())
        try:
            while not isinstance(change := await told.get(), DisconnectedError):
                yield change
            raise change
        finally:
            self._listeners.remove(told)

    async def ping(self) -> float:
        """The seconds until the server has answered. Raises DisconnectedError."""
        question = await self._ask(Ping(nonce=str(next(self._nonces))))
        return asyncio.get_running_loop().time() - question.sent

    # --- opening and closing ---

    async def open(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="streamui client")
        while self._welcome is None:
            if self._end is not None:
                raise self._end
            await self._news.wait()

    async def close(self) -> None:
        self._finish(ClosedError("this client was closed"))
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            await self._connection.run()
        except DisconnectedError as problem:
            self._finish(problem)
        except Exception as problem:  # nobody may wait forever for the news of a client that is broken
            self._finish(DisconnectedError(f"the client failed: {problem!r}"))
            raise

    def _finish(self, problem: DisconnectedError) -> None:
        if self._end is None:
            self._end = problem
        for generation in self._generations.values():
            generation.fail(self._end)
        self._generations.clear()
        for question in self._questions:
            if not question.answer.done():
                question.answer.set_exception(self._end)
        for told in self._listeners:
            told.put_nowait(self._end)
        self._news.set()

    # --- asking ---

    def _begin(self, request: Generate | Attach, text: str = "") -> Generation:
        self._check(request)
        generation = Generation(request, lambda: self._connection.send(Cancel(id=request.id)), text=text)
        if isinstance(request, Attach) and request.after and request.epoch:
            cursor = self._cursors[request.id] = Cursor(request.id, request.epoch)
            cursor.apply(Snapshot(id=request.id, epoch=request.epoch, seq=request.after, text=text))
        self._generations[generation.id] = generation
        self._connection.send(request)
        return generation

    def _check(self, request: Generate | Attach | StatusRequest) -> None:
        """Raise RequestError for what the server would refuse at sight, DisconnectedError after the end."""
        if self._end is not None:
            raise self._end
        frame = codec.encode(request)
        for problem in codec.decode_client(frame):
            if isinstance(problem, RemoteProtocolError):
                raise RequestError(problem.as_message())
        size, limit = len(frame.encode()), self.welcome.limits.frame_bytes
        if size > limit:
            text = f"the request has {size} bytes of UTF-8, and the server takes {limit}; shorten it"
            raise RequestError(RemoteProtocolError(ErrorCode.BAD_FRAME, text, id=request.id).as_message())

    async def _ask(self, message: Ping | StatusRequest) -> _Question:
        """``message``, once it is answered."""
        if self._end is not None:
            raise self._end
        question = _Question(message, asyncio.get_running_loop().create_future())
        self._questions.append(question)
        try:
            self._send_question(question)
            await question.answer
        finally:
            self._questions.remove(question)
        return question

    def _send_question(self, question: _Question) -> None:
        question.sent = asyncio.get_running_loop().time()
        self._connection.send(question.message)

    def _resume(self) -> None:
        """On a new socket: ask again for everything that is not answered or not at its end."""
        for id, generation in self._generations.items():
            cursor = self._cursors.get(id)
            known = cursor and Attach(id=id, epoch=cursor.epoch, after=cursor.seq)
            self._connection.send(known or generation.request)
            if generation.cancelling:
                self._connection.send(Cancel(id=id))
        for question in self._questions:
            self._send_question(question)
        if self._listeners:
            self._connection.send(Watch())

    # --- being answered ---

    def _receive(self, message: ServerMessage) -> None:
        match message:
            case Welcome():
                self._welcome = message
                self._news.set()
                self._resume()
            case Pong() | Status(id=None):
                self._answer(message)
            case Status():
                self._answer(message)
                self._tell(message)
            case Accepted() | Attached() | Token() | Snapshot() | Done():
                self._tell(message)
            case Conversation():
                for told in self._listeners:
                    told.put_nowait(message)
            case Error():
                self._refuse(message)

    def _tell(self, event: Event) -> None:
        generation = self._generations.get(event.id or "")
        if generation is not None:
            generation.apply(event)
        if isinstance(event, Done):
            self._forget(event.id)

    def _forget(self, id: str) -> None:
        self._generations.pop(id, None)
        self._cursors.pop(id, None)

    def _answer(self, message: Pong | Status) -> None:
        for question in self._questions:
            if not question.answer.done() and _answers(message, question.message):
                question.answer.set_result(message)
                return

    def _refuse(self, error: Error) -> None:
        if error.re == "status":
            for question in self._questions:
                if not question.answer.done() and question.message == StatusRequest(id=error.id):
                    question.answer.set_exception(RequestError(error))
                    return
        elif error.id in self._generations and error.code != ErrorCode.ALREADY_DONE:  # then its `done` is on its way
            self._generations[error.id].fail(RequestError(error))
            self._forget(error.id)


def _answers(message: Pong | Status, question: Ping | StatusRequest) -> bool:
    if isinstance(message, Pong):
        return isinstance(question, Ping) and question.nonce == message.nonce
    return isinstance(question, StatusRequest) and question.id == message.id
