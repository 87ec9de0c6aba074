"""Python client for scripts and notebooks: that of client.py, on an event loop in its own thread.

  with connect_sync("ws://127.0.0.1:8000/ws") as chat:
      for piece in chat.generate("Hi", max_tokens=100):
          print(piece.text, end="", flush=True)

Every method may be called from any thread, also concurrently. Blocking methods take ``timeout`` in seconds (None: no
limit) and raise TimeoutError; a later call continues from there.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final, Generic, Self, TypeVar, Unpack

from msgspec import UNSET, UnsetType

from protocol.client import Asking, Bookmark, Chat, Event, Generation, Prompt, Retry
from protocol.client_errors import ClosedError
from protocol.messages import (
    Alternative,
    ChatMessage,
    Done,
    Generate,
    ModelEntry,
    Status,
    Steered,
    Token,
    Tuned,
    Welcome,
)
from protocol.params import ParamsKeywords

STOP_SECONDS: Final = 5.0
"""Time limit for the server to confirm the stop when KeyboardInterrupt breaks a loop, in seconds."""

T = TypeVar("T")


@contextlib.contextmanager
def connect_sync(url: str, *, token: str | None = None, retry: Retry | None = None) -> Iterator["SyncChat"]:
    """Connect to the server at ``url``, with a ``token`` where it requires one.

    Raises DisconnectedError when the first attempt fails.

    Leaving the context closes the connection and ends its thread; pending calls of other threads raise ClosedError.
    When KeyboardInterrupt leaves it, the generations started here are stopped first.
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
    """Cancel the generations started here. Those already being cancelled are skipped: one of them may be the call that
    was interrupted."""
    own = [g for g in chat.running if isinstance(g.request, Generate) and not g.cancelling]
    await asyncio.gather(*(generation.cancel() for generation in own), return_exceptions=True)


class _LoopThread:
    """An event loop in its own thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="streamui client", daemon=True)
        self._thread.start()

    def wait(self, work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
        """Run ``work`` on the loop and return its result. Raises what it raises, TimeoutError, ClosedError."""
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
        """Run a plain function on the loop and return its result."""

        async def run() -> T:
            return work()

        return self.wait(run())

    def post(self, work: Callable[[], object]) -> None:
        """Schedule ``work`` on the loop without waiting; safe in a signal handler."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(work)

    def close(self) -> None:
        """End the thread, after all pending calls have ended."""
        with self._closing:
            self._closed = True
        self.post(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            waiting = asyncio.all_tasks(self._loop)
            if waiting:  # pending calls of other threads, which now get ClosedError
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
        """The newest `welcome`: the server's version, model and limits."""
        return self._chat.welcome

    @property
    def models(self) -> tuple[ModelEntry, ...]:
        """The models that ``generate`` may name, as of the newest `welcome`."""
        return self._chat.models

    def generate(
        self,
        prompt: Prompt | None = None,
        *,
        id: str | None = None,
        raw: bool = False,
        on_detach_ms: int | UnsetType | None = UNSET,
        **asking: Unpack[Asking],
    ) -> "SyncGeneration":
        """Start a generation, as ``Chat.generate`` does."""
        start = lambda: self._chat.generate(prompt, id=id, raw=raw, on_detach_ms=on_detach_ms, **asking)  # noqa: E731
        return SyncGeneration(self._loop.call(start), self._loop)

    def attach(self, id: str, epoch: str | None = None, after: int = 0, text: str = "") -> "SyncGeneration":
        """Read a generation that another client started, as ``Chat.attach`` does."""
        return SyncGeneration(self._loop.call(lambda: self._chat.attach(id, epoch, after, text)), self._loop)

    def draft(
        self,
        prompt: Prompt | None = None,
        *,
        conversation: str | None = None,
        content: str | None = None,
        parent: str | UnsetType | None = UNSET,
        model: str | None = None,
    ) -> None:
        """Tell the server what the user is writing, as ``Chat.draft`` does."""
        send = lambda: self._chat.draft(  # noqa: E731
            prompt, conversation=conversation, content=content, parent=parent, model=model
        )
        self._loop.call(send)

    def status(self, id: str | None = None, timeout: float | None = None) -> Status:
        """Return the status of one generation, or of the server."""
        return self._loop.wait(self._chat.status(id), timeout)

    def alternatives(self, id: str, seq: int, count: int = 10, timeout: float | None = None) -> tuple[Alternative, ...]:
        """Return the likeliest tokens at a place of an answer, as ``Chat.alternatives`` does."""
        return self._loop.wait(self._chat.alternatives(id, seq, count), timeout)

    def ping(self, timeout: float | None = None) -> float:
        """Measure the server's response time, in seconds."""
        return self._loop.wait(self._chat.ping(), timeout)


class SyncGeneration:
    """``Generation`` for any thread.

    Iterate it for the pieces of its text; ``events()`` has all events. KeyboardInterrupt inside such a loop stops the
    generation before it propagates. Leaving a loop with ``break`` does not: call ``cancel``.
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
    def messages(self) -> tuple[ChatMessage, ...]:
        """Messages that the answer adds to a dialogue: its text, or its calls; between instructions each part, without
        empty ones."""
        return self._generation.messages

    @property
    def bookmark(self) -> Bookmark:
        """Current position, to resume later or in another process: ``chat.attach(*bookmark)``."""
        try:
            return self._loop.call(lambda: self._generation.bookmark)
        except ClosedError:  # then nothing changes any more
            return self._generation.bookmark

    def __iter__(self) -> Iterator[Token]:
        return _BlockingIterator(self, self._generation.pieces())

    def events(self) -> Iterator[Event]:
        """Iterate over `Accepted` or `Attached`, then `Status`, `Token`, `Steered`, `Tuned` and `Snapshot`, finally
        `Done`."""
        return _BlockingIterator(self, aiter(self._generation))

    def done(self, timeout: float | None = None) -> Done:
        """Wait for the end."""
        return self._loop.wait(self._generation.done(), timeout)

    def cancel(self, timeout: float | None = None) -> Done:
        """Stop the generation in any phase, and wait until the server confirms it."""
        return self._loop.wait(self._generation.cancel(), timeout)

    def steer(self, content: str, timeout: float | None = None) -> Steered:
        """Give the model an instruction in mid-answer, and wait until it has read it. The answer continues after
        it."""
        return self._loop.wait(self._generation.steer(content), timeout)

    def tune(
        self,
        *,
        on_detach_ms: int | UnsetType | None = UNSET,
        timeout: float | None = None,
        **params: Unpack[ParamsKeywords],
    ) -> Tuned:
        """Change sampling parameters from the next token on, and wait until they apply."""
        return self._loop.wait(self._generation.tune(on_detach_ms=on_detach_ms, **params), timeout)

    def stop(self) -> None:
        """Request the cancel without waiting. Safe in a signal handler."""
        self._loop.post(self._generation.stop)

    def wait(self, work: Awaitable[T]) -> T:
        """Wait for ``work``, one step of a reader; on KeyboardInterrupt stop the generation first."""

        async def run() -> T:
            return await work

        try:
            return self._loop.wait(run())
        except KeyboardInterrupt:
            if not self._generation.cancelling:  # otherwise the wait for a cancel was interrupted
                with contextlib.suppress(Exception):
                    self.cancel(STOP_SECONDS)
            raise


class _BlockingIterator(Generic[T]):
    """Blocking iterator over an asynchronous reader, for any thread."""

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
