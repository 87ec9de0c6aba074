"""Python client of a StreamUI server, over asyncio. One socket carries many generations and reconnects by itself.

  async with connect("ws://127.0.0.1:8000/ws") as chat:
      async for piece in chat.generate("Hi", max_tokens=100).pieces():
          print(piece.text, end="", flush=True)

The rules are those of session.py; sync_client.py has the same without asyncio. All objects belong to the event loop on
which ``connect`` was entered. Frames are read from the socket as soon as they arrive, so a slow reader of one
generation costs memory for its text and delays no other. Only connecting has a time limit. Use ``asyncio.timeout`` for
others: nothing is lost, and the next ``anext`` continues. The connection counts as lost when the server sends nothing
for 40 s.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Unpack, cast

from msgspec import UNSET, UnsetType

from protocol import codec
from protocol.client_connection import LastingConnection, Retry
from protocol.client_errors import ClosedError, DisconnectedError, RequestError, TextReplacedError
from protocol.client_generation import Bookmark, Event, Generation
from protocol.client_questions import Questions
from protocol.client_request import Asking, Prompt, Sampling, dialogue, generate_request
from protocol.cursor import Cursor
from protocol.errors import ErrorCode, LocalProtocolError, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Alternative,
    Alternatives,
    AlternativesRequest,
    Attach,
    Attached,
    Cancel,
    Conversation,
    Done,
    Draft,
    Error,
    Generate,
    Model,
    ModelEntry,
    Ping,
    Pong,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
    Steer,
    Steered,
    Token,
    Tune,
    Tuned,
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
    """Connect to the server at ``url`` (ws:// or wss://). ``token``: for a server that requires one (PROTOCOL 13.9).

    Raises DisconnectedError when the first attempt fails; later losses are repaired as ``retry`` says. Leaving the
    context closes the socket and ends all tasks. Pending reads raise ClosedError; generations are not cancelled
    (PROTOCOL 6.5).
    """
    chat = Chat(url, retry or Retry(), token)
    try:
        await chat.open()
        yield chat
    finally:
        await chat.close()


Change = Conversation | Model | DisconnectedError
"""A change for a listener, or the error that ends its connection."""


class Chat:
    """The client's end of a connection, made by ``connect``.

    Owns the generations that have not ended. After a lost connection it requests each of them again: from its cursor,
    or with the same `generate` when the server had not accepted it yet.
    """

    def __init__(self, url: str, retry: Retry, token: str | None = None) -> None:
        self._cursors: dict[str, Cursor] = {}
        self._connection = LastingConnection(url, retry, self._cursors, self._receive, token)
        self._welcome: Welcome | None = None
        self._generations: dict[str, Generation] = {}
        self._questions = Questions(self._connection.send)
        self._listeners: list[asyncio.Queue[Change]] = []
        self._models: dict[str, ModelEntry] = {}
        self._nonces = itertools.count(1)
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._end: DisconnectedError | None = None

    @property
    def welcome(self) -> Welcome:
        """The newest `welcome`: the server's version, model and limits. Raises DisconnectedError before the first
        one."""
        if self._welcome is None:
            raise DisconnectedError("not connected yet")
        return self._welcome

    @property
    def models(self) -> tuple[ModelEntry, ...]:
        """The models that ``generate`` may name, the default one first: as of the newest `welcome`, and kept up to date
        while ``changes`` or ``model_changes`` is iterated."""
        return tuple(self._models.values())

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
        """Start a generation for ``prompt``. The request is sent at once, or after the next reconnect.

        In place of a prompt: ``conversation="c1", content="Hi"``; the server then writes question and answer into the
        conversation. Or ``fork=ForkPoint(id="g1", seq=12, text=" dog")``: an answer that continues from a place of
        another one (PROTOCOL 6.12).

        ``id`` names the generation (default: a random name). The same id with the same body attaches to the existing
        generation. ``raw`` skips the chat template. ``on_detach_ms``: how long the generation continues without
        readers, in milliseconds; None: to its end, which is always so in a conversation. Raises RequestError here when
        the request breaks a rule that the client can check; an error from the server is raised where the generation is
        read.
        """
        request = generate_request(prompt, id or secrets.token_hex(8), raw, on_detach_ms, asking)
        if request.id in self._generations:
            raise LocalProtocolError(f"{request.id}: this generation is running on this connection; attach to it")
        return self._begin(request)

    def attach(self, id: str, epoch: str | None = None, after: int = 0, text: str = "") -> Generation:
        """Read a generation that this or another client started.

        Reads from the beginning, or after event ``after`` of the log ``epoch``; ``text`` is then the text up to that
        event: ``attach(*bookmark)``. Returns the existing object when this client reads the generation already.
        """
        if id in self._generations:
            return self._generations[id]
        if after and epoch is None:
            raise LocalProtocolError(f"{id}: a cursor ({after}) needs the epoch of its log")
        return self._begin(Attach(id=id, epoch=epoch, after=after), text=text)

    def draft(
        self,
        prompt: Prompt | None = None,
        *,
        conversation: str | None = None,
        content: str | None = None,
        parent: str | UnsetType | None = UNSET,
        model: str | None = None,
    ) -> None:
        """Tell the server what the user is writing, so that it can read it before it is sent (PROTOCOL 4.10).

        The arguments are those of ``generate``. A draft replaces the one before; without arguments the server forgets
        it. Drafts are not repeated after a reconnect, and nothing is sent to a server that reads no drafts
        (``welcome.features``). Raises RequestError when the draft breaks a rule that the client can check; an error
        from the server is ignored.
        """
        messages = None if prompt is None else dialogue(prompt)
        draft = Draft(messages=messages, conversation=conversation, content=content, parent=parent, model=model)
        self._check(draft)
        if "draft" in self.welcome.features:
            self._connection.send(draft)

    async def status(self, id: str | None = None) -> Status:
        """Return the status of one generation, or of the server. Raises RequestError (unknown_id) and
        DisconnectedError."""
        request = StatusRequest(id=id)
        self._check(request)
        return cast(Status, (await self._questions.ask(request)).answer.result())

    async def alternatives(self, id: str, seq: int, count: int = 10) -> tuple[Alternative, ...]:
        """Return the likeliest tokens of generation ``id`` at the place of event ``seq``, likeliest first; the number
        after the newest piece names the end so far (PROTOCOL 4.12).

        The answer's own token there is always among them. ``count``: 1 to 20. Raises RequestError and
        DisconnectedError.
        """
        request = AlternativesRequest(id=id, seq=seq, count=count)
        self._check(request)
        return cast(Alternatives, (await self._questions.ask(request)).answer.result()).tokens

    async def changes(self) -> AsyncGenerator[Conversation, None]:
        """Yield each change of the user's conversations, from the first iteration until closed.

        Changes made while the connection is down are missed. Raises DisconnectedError when the connection is lost for
        good.
        """
        async with contextlib.aclosing(self._changes()) as changes:
            async for change in changes:
                if isinstance(change, Conversation):
                    yield change

    async def model_changes(self) -> AsyncGenerator[Model, None]:
        """Yield each change of a model, such as its loading, on the same terms as ``changes``."""
        async with contextlib.aclosing(self._changes()) as changes:
            async for change in changes:
                if isinstance(change, Model):
                    yield change

    async def _changes(self) -> AsyncGenerator[Conversation | Model, None]:
        queue: asyncio.Queue[Change] = asyncio.Queue()
        if self._end is not None:
            raise self._end
        self._listeners.append(queue)
        self._connection.send(Watch())
        try:
            while not isinstance(change := await queue.get(), DisconnectedError):
                yield change
            raise change
        finally:
            self._listeners.remove(queue)

    async def ping(self) -> float:
        """Measure the server's response time, in seconds. Raises DisconnectedError."""
        self._refuse_ended()
        question = await self._questions.ask(Ping(nonce=str(next(self._nonces))))
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
        except Exception as problem:  # otherwise pending calls would wait forever after a fault in the client
            self._finish(DisconnectedError(f"the client failed: {problem!r}"))
            raise

    def _finish(self, problem: DisconnectedError) -> None:
        if self._end is None:
            self._end = problem
        for generation in self._generations.values():
            generation.fail(self._end)
        self._generations.clear()
        self._questions.fail(self._end)
        for queue in self._listeners:
            queue.put_nowait(self._end)
        self._news.set()

    # --- asking ---

    def _begin(self, request: Generate | Attach, text: str = "") -> Generation:
        self._check(request)
        generation = Generation(request, self._send_about, text=text)
        if isinstance(request, Attach) and request.after and request.epoch:
            cursor = self._cursors[request.id] = Cursor(request.id, request.epoch)
            cursor.apply(Snapshot(id=request.id, epoch=request.epoch, seq=request.after, text=text))
        self._generations[generation.id] = generation
        self._connection.send(request)
        return generation

    def _send_about(self, message: Cancel | Steer | Tune) -> None:
        self._check(message)
        self._connection.send(message)

    def _check(
        self, request: Generate | Attach | StatusRequest | Cancel | Steer | Tune | Draft | AlternativesRequest
    ) -> None:
        """Raise RequestError when the server would certainly reject ``request``, DisconnectedError after the end."""
        self._refuse_ended()
        frame = codec.encode(request)
        for problem in codec.decode_client(frame):
            if isinstance(problem, RemoteProtocolError):
                raise RequestError(problem.as_message())
        size, limit = len(frame.encode()), self.welcome.limits.frame_bytes
        if size > limit:
            text = f"the request has {size} bytes of UTF-8, and the server takes {limit}; shorten it"
            id = getattr(request, "id", None)
            raise RequestError(RemoteProtocolError(ErrorCode.BAD_FRAME, text, id=id).as_message())

    def _refuse_ended(self) -> None:
        if self._end is not None:
            raise self._end

    def _resume(self) -> None:
        """Repeat every open request on a new socket: generations that have not ended, and questions without an
        answer."""
        for id, generation in self._generations.items():
            cursor = self._cursors.get(id)
            known = cursor and Attach(id=id, epoch=cursor.epoch, after=cursor.seq)
            self._connection.send(known or generation.request)
            generation.has_reconnected()
            if generation.cancelling:
                self._connection.send(Cancel(id=id))
        self._questions.repeat()
        if self._listeners:
            self._connection.send(Watch())

    # --- being answered ---

    def _receive(self, message: ServerMessage) -> None:
        match message:
            case Welcome():
                self._welcome = message
                self._models = {model.name: model for model in message.models}
                self._news.set()
                self._resume()
            case Pong() | Status(id=None) | Alternatives():
                self._questions.answer(message)
            case Status():
                self._questions.answer(message)
                self._deliver(message)
            case Accepted() | Attached() | Token() | Steered() | Tuned() | Snapshot() | Done():
                self._deliver(message)
            case Conversation() | Model():
                if isinstance(message, Model):
                    self._update_model(message)
                for queue in self._listeners:
                    queue.put_nowait(message)
            case Error():
                self._refuse(message)

    def _update_model(self, model: Model) -> None:
        if model.deleted:
            self._models.pop(model.name, None)
        elif model.default:
            self._models = {model.name: model} | {**self._models, model.name: model}
        else:
            self._models[model.name] = model

    def _deliver(self, event: Event) -> None:
        generation = self._generations.get(event.id or "")
        if generation is not None:
            generation.apply(event)
        if isinstance(event, Done):
            self._forget(event.id)

    def _forget(self, id: str) -> None:
        self._generations.pop(id, None)
        self._cursors.pop(id, None)

    def _refuse(self, error: Error) -> None:
        if error.re in ("status", "alternatives"):
            self._questions.refuse(RequestError(error))
        elif error.re in ("steer", "tune"):
            if generation := self._generations.get(error.id or ""):
                generation.refuse_change(RequestError(error))
        elif error.id in self._generations and error.code != ErrorCode.ALREADY_DONE:  # its `done` is on the way
            self._generations[error.id].fail(RequestError(error))
            self._forget(error.id)
