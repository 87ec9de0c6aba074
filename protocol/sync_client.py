"""The Python client for scripts and notebooks: the one of client.py, on an event loop in a thread of its own.

    with connect_sync("ws://127.0.0.1:8000/ws") as chat:
        for piece in chat.generate("Hi", max_tokens=100):
            print(piece.text, end="", flush=True)

Every method may be called from any thread, several at the same time. What waits takes ``timeout`` in seconds (None:
no limit) and raises TimeoutError; a later call goes on from there.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final, Generic, Self, TypeVar, Unpack

from msgspec import UNSET, UnsetType

from protocol.client import Asking, Bookmark, Chat, Event, Generation, Prompt, Retry
from protocol.client_generation import ClosedError
from protocol.messages import Done, Generate, Status, Token, Welcome

STOP_SECONDS: Final = 5.0
"""How long a loop that KeyboardInterrupt breaks waits for the server to say that the answer has stopped."""

T = TypeVar("T")


@contextlib.contextmanager
def connect_sync(url: str, *, token: str | None = None, retry: Retry | None = None) -> Iterator["SyncChat"]:
    """A connection to the server at ``url``, with a ``token`` where that asks for one.

    Raises DisconnectedError when the first attempt fails.

    On leaving, it is closed and its thread has ended; what other threads wait for raises ClosedError. When it is
    KeyboardInterrupt that leaves, the answers that were started here are stopped first.
    """
    loop = _LoopThread()
    try:
        chat = Chat(url, retry or Retry(), token)
        try:
            loop.wait(chat.open())
            yield SyncChat(chat, loop)
        except KeyboardInterrupt:
            with contextlib.suppress(Exception):
                loop.wait(_cancel_own(chat), STOP_SECONDS)
            raise
        finally:
            loop.wait(chat.close())
    finally:
        loop.close()


async def _cancel_own(chat: Chat) -> None:
    """Those that were asked to stop before are not waited for: it may be that which was interrupted."""
    own = [g for g in chat.running if isinstance(g.request, Generate) and not g.cancelling]
    await asyncio.gather(*(generation.cancel() for generation in own), return_exceptions=True)


class _LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="streamui client", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Carry out ``work`` on the loop and return its result. Raises what it raises, TimeoutError, ClosedError."""
        with self._closing:
            if self._closed:
                work.close()
                raise ClosedError("this client was closed")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout)
        except BaseException:
            future.cancel()
            raise

    def call(self, work: Callable[[], T]) -> T:
        """The same for a plain function."""

        async def run() -> T:
            return work()

        return self.wait(run())

    def post(self, work: Callable[[], object]) -> None:
        """Have ``work`` done soon, without waiting; fit for a signal handler."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(work)

    def close(self) -> None:
        """End the thread, once all that was waited for has come to its end."""
        with self._closing:
            self._closed = True
        self.post(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            waiting = asyncio.all_tasks(self._loop)
            if waiting:  # what other threads wait for; ClosedError has reached it
                self._loop.run_until_complete(asyncio.wait(waiting))
        finally:
            self._loop.close()


class SyncChat:
    """``Chat`` for any thread."""

    def __init__(self, chat: Chat, loop: _LoopThread) -> None:
        self._chat = chat
        self._loop = loop

    @property
    def welcome(self) -> Welcome:
        """What the server last said of itself, its model and its limits."""
        return self._chat.welcome

    def generate(
        self,
        prompt: Prompt | None = None,
        *,
        id: str | None = None,
        raw: bool = False,
        on_detach_ms: int | UnsetType | None = UNSET,
        **asking: Unpack[Asking],
    ) -> "SyncGeneration":
        """Start an answer, as ``Chat.generate`` does."""
        start = lambda: self._chat.generate(prompt, id=id, raw=raw, on_detach_ms=on_detach_ms, **asking)  # noqa: E731
        return SyncGeneration(self._loop.call(start), self._loop)

    def attach(self, id: str, epoch: str | None = None, after: int = 0, text: str = "") -> "SyncGeneration":
        """Read a generation that some client has started, as ``Chat.attach`` does."""
        return SyncGeneration(self._loop.call(lambda: self._chat.attach(id, epoch, after, text)), self._loop)

    def status(self, id: str | None = None, timeout: float | None = None) -> Status:
        """How one generation stands, or the server."""
        return self._loop.wait(self._chat.status(id), timeout)

    def ping(self, timeout: float | None = None) -> float:
        """The seconds until the server has answered."""
        return self._loop.wait(self._chat.ping(), timeout)


class SyncGeneration:
    """``Generation`` for any thread.

    Iterate it for the pieces of its text; ``events()`` has everything. KeyboardInterrupt in such a loop stops the
    answer before it goes on its way. Leaving a loop with ``break`` does not: call ``cancel``.
    """

    def __init__(self, generation: Generation, loop: _LoopThread) -> None:
        self._generation = generation
        self._loop = loop

    @property
    def id(self) -> str:
        return self._generation.id

    @property
    def text(self) -> str:
        """The text so far."""
        return self._generation.text

    @property
    def bookmark(self) -> Bookmark:
        """Where to go on later, maybe in another process: ``chat.attach(*bookmark)``."""
        try:
            return self._loop.call(lambda: self._generation.bookmark)
        except ClosedError:  # then nothing changes any more
            return self._generation.bookmark

    def __iter__(self) -> Iterator[Token]:
        return _Waiting(self, self._generation.pieces())

    def events(self) -> Iterator[Event]:
        """`Accepted` or `Attached`, then `Status`, `Token` and `Snapshot`, at last `Done`."""
        return _Waiting(self, aiter(self._generation))

    def done(self, timeout: float | None = None) -> Done:
        """Wait for the end."""
        return self._loop.wait(self._generation.done(), timeout)

    def cancel(self, timeout: float | None = None) -> Done:
        """Stop it, in whatever phase it is, and wait until the server says that it has."""
        return self._loop.wait(self._generation.cancel(), timeout)

    def stop(self) -> None:
        """Ask for the cancel, and do not wait. Fit for a signal handler."""
        self._loop.post(self._generation.stop)

    def wait(self, work: Awaitable[T]) -> T:
        """Wait for ``work``, one step of a reader; on KeyboardInterrupt stop the answer first."""

        async def run() -> T:
            return await work

        try:
            return self._loop.wait(run())
        except KeyboardInterrupt:
            if not self._generation.cancelling:  # else it was asked already, and waiting is what is interrupted
                with contextlib.suppress(Exception):
                    self.cancel(STOP_SECONDS)
            raise


class _Waiting(Generic[T]):
    """An asynchronous reader, read from any thread."""

    def __init__(self, generation: SyncGeneration, reader: AsyncIterator[T]) -> None:
        self._generation = generation
        self._reader = reader

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        try:
            return self._generation.wait(anext(self._reader))
        except StopAsyncIteration:
            raise StopIteration from None
