"""Expected state of each generation for machine.py, and a bare connection that checks all messages against it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter, deque
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from msgspec.structs import replace
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from protocol import codec
from protocol.errors import ErrorCode
from protocol.messages import (
    Accepted,
    Alternatives,
    AlternativesRequest,
    Attach,
    Attached,
    ClientMessage,
    Done,
    DoneReason,
    Error,
    Generate,
    Instruction,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
    Steer,
    Steered,
    Token,
    Tune,
    Tuned,
    TunedValues,
    Welcome,
)
from protocol.tuned import with_tuned
from server.engine.base import SamplingParams
from tests.faults.oracle import AT_LENGTH, FIRST_LONG, LONG_PIECES, TOKENS, Mark, Plan, answers, states
from tests.server.engine.scripted_model import ScriptedModel, ScriptedSampler
from tests.server.transports.peer import DEADLINE

ENDED = -1
"""Place of a reader that may get nothing more."""

LATE: Final = ("steer", "tune")
"""Types of messages to which an error may come later than the answers to the messages after them."""

MOST_QUESTIONS: Final = 16
"""Questions about alternatives that may wait on a connection without being refused."""


class Outspoken(ScriptedModel):
    """Scripted model that answers AT_LENGTH with LONG_PIECES. Their tokens are beyond its vocabulary."""

    def piece(self, token: int) -> bytes:
        return super().piece(token) if token < FIRST_LONG else LONG_PIECES[token - FIRST_LONG].encode()

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> ScriptedSampler:
        if list(prompt) != self.tokenize(AT_LENGTH):
            return super().sampler(params, prompt, written)
        return ScriptedSampler(self, [*prompt, *written], iter(range(FIRST_LONG + len(written), FIRST_LONG + TOKENS)))


def named(body: Generate, id: str) -> Generate:
    return replace(body, id=id)


class Truth:
    """Owns everything that clients received of one generation, and what they have asked it.

    ``marks``: instructions and changes by their numbers. ``asked``: names of those that clients have sent, in order
    (see ``name_of``). ``instructions``: the instructions among these, by name. ``answers``: alternatives, each with
    the question.
    """

    def __init__(self, body: Generate, plan: Plan | None = None) -> None:
        self.body = body
        self.id = str(body.id)
        self.plan = plan or Plan.of(body)
        self.epoch: str | None = None
        self.done: Done | None = None
        self.cancelled = False
        self.marks: dict[int, Mark] = {}
        self.asked: list[str] = []
        self.instructions: dict[str, Steer] = {}
        self.answers: list[tuple[Question, Alternatives]] = []
        self.newest = 0
        """Newest ``seq`` that was received."""
        self._text = ""
        self._known = 0
        self._chars = {0: 0}
        self._unplaced: list[tuple[int, int, str]] = []
        self._snapshots: list[Snapshot] = []

    @property
    def pieces(self) -> int:
        """Newest number that was received, without that of the end."""
        return self.newest - (self.done is not None)

    @property
    def read(self) -> set[str]:
        """Names of the instructions and changes in the log that this generation was asked for."""
        return {name_of(mark) for seq, mark in self.marks.items() if seq >= self.plan.own_start}

    def begin(self, epoch: str) -> None:
        assert self.epoch in (None, epoch)
        self.epoch = epoch

    def show(self, after: int, seq: int, text: str) -> None:
        """Check that ``text`` is the pieces after ``after`` up to ``seq``, at the same offsets as before."""
        self.newest = max(self.newest, seq)
        self._unplaced.append((after, seq, text))
        unplaced: list[tuple[int, int, str]] = []
        while unplaced != self._unplaced:
            unplaced = self._unplaced
            self._unplaced = [each for each in unplaced if not self._place(*each)]

    def _place(self, after: int, seq: int, text: str) -> bool:
        """Add text to what is known. Returns False if its offset is unknown, or text before it."""
        if after not in self._chars and seq not in self._chars:
            return False
        start = self._chars[after] if after in self._chars else self._chars[seq] - len(text)
        end = start + len(text)
        if start > len(self._text):
            return False
        known = self._text[start:end]
        assert text.startswith(known)
        self._text += text[len(known) :]
        assert (self._chars.setdefault(after, start), self._chars.setdefault(seq, end)) == (start, end)
        self._known = max(self._known, seq)
        return True

    def mark(self, mark: Mark) -> None:
        assert self.marks.setdefault(mark.seq, mark) == mark
        self.show(mark.seq - 1, mark.seq, "")

    def replace(self, snapshot: Snapshot) -> None:
        self._snapshots.append(snapshot)
        self.show(0, snapshot.seq, snapshot.text)

    def end(self, done: Done) -> None:
        """Check the end: it is the same each time, and has the text's length."""
        assert self.done in (None, done)
        self.done, self.newest = done, done.seq
        assert self._chars.setdefault(done.seq - 1, done.chars) == done.chars
        assert self.cancelled or done.reason in (DoneReason.LENGTH, DoneReason.STOP)

    def check(self) -> None:
        """Check the whole log, after all of it was received."""
        done = self.done
        assert done is not None and not self._unplaced and self._known == done.seq - 1
        assert done.sha256 == sha256(self._text.encode()).hexdigest()
        possible = [state for state in states(self.plan, self.marks, self._chars, self._text, self._known)]
        assert possible, "no such text follows from what was asked"
        possible = [state for state in possible if state.ends(done)]
        assert possible, f"{done} does not follow"
        for question, answer in self.answers:
            assert any(answers(self.plan, state, answer, question.most, question.known) for state in possible), answer
        for snapshot in self._snapshots:
            assert snapshot.steered == self._instructions(snapshot.seq)
            assert snapshot.tuned == self._tuned(snapshot.seq)
        self._check_marks()

    def _check_marks(self) -> None:
        """Check that all instructions and changes were asked for, each once, and that they are in order."""
        own = [mark for seq, mark in sorted(self.marks.items()) if seq >= self.plan.own_start]
        for kind in (Steered, Tuned):
            places = [self.asked.index(name_of(mark)) for mark in own if isinstance(mark, kind)]
            assert places == sorted(set(places))

    def _instructions(self, seq: int) -> tuple[Instruction, ...] | None:
        return (
            tuple(
                Instruction(seq=mark.seq, chars=self._chars[mark.seq], content=mark.content)
                for number, mark in sorted(self.marks.items())
                if isinstance(mark, Steered) and number <= seq
            )
            or None
        )

    def _tuned(self, seq: int) -> TunedValues | None:
        values = None
        for number, mark in sorted(self.marks.items()):
            if isinstance(mark, Tuned) and number <= seq:
                values = with_tuned(values, mark)
        return values


class Question(NamedTuple):
    """A request for alternatives. ``known``: newest event of the log that the client knew then."""

    id: str
    seq: int
    most: int
    known: int


def name_of(message: Mark | Steer | Tune) -> str:
    """Return the name of an instruction or change: its text, or the temperature that it sets. Tests give each its
    own."""
    if isinstance(message, Steer | Steered):
        return message.content
    return str(message.params.temperature if isinstance(message, Tune) else message.params["temperature"])


class LineClosed(Exception):
    """The server has closed the connection with this code."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"the line was closed with {code}")
        self.code = code


class Line:
    """One socket, and how far it has read each generation. It keeps no text: the ``Truth`` objects do.

    It reads whenever the loop runs, unless it stalls.
    """

    def __init__(self, connection: ClientConnection, truths: dict[str, Truth]) -> None:
        self._connection = connection
        self._truths = truths
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._unread: list[ServerMessage] = []
        self._reads = asyncio.Event()
        self._reads.set()
        self._waiting = 0
        self.sent: list[tuple[str, str, str]] = []
        """Instructions and changes that were sent: type, generation and name (see ``name_of``)."""
        self.refused: Counter[tuple[str, str]] = Counter()
        """Number of those that were refused, by type and generation."""
        self.conflicts: set[str] = set()
        """Generations that were sent an instruction with the key of another one."""
        self.questions: deque[Question] = deque()
        """Requests for alternatives that are not answered."""
        self._reader = asyncio.get_running_loop().create_task(self._read_all(), name="line")
        self.places: dict[str, int] = {}

    @classmethod
    async def to(cls, port: int, truths: dict[str, Truth], receive_bytes: int | None = None) -> Line:
        """Connect. ``receive_bytes``: the socket's receive buffer; None for the system's default."""
        plain = socket.socket()
        if receive_bytes is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
        url = f"ws://127.0.0.1:{port}/ws"
        connection = await connect(
            url, sock=plain, proxy=None, compression=None, ping_interval=None, open_timeout=DEADLINE, max_queue=1
        )
        line = cls(connection, truths)
        await line.take(lambda message: isinstance(message, Welcome))
        return line

    async def _read_all(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self._reads.wait()
                self._frames.put_nowait(await self._connection.recv(decode=True))
        self._frames.put_nowait(None)

    def stall(self) -> None:
        """Stop reading, except for the frame that is being awaited."""
        self._reads.clear()
        self._waiting = self._frames.qsize()

    @property
    def taken_meanwhile(self) -> int:
        """Return the number of frames read since it stalled."""
        return self._frames.qsize() - self._waiting

    def read_on(self) -> None:
        self._reads.set()

    async def send(self, message: ClientMessage) -> None:
        """Send a frame. A connection that the server has closed raises only when it is read."""
        with contextlib.suppress(ConnectionClosed):
            await self._connection.send(codec.encode(message))

    async def take(self, wanted: Callable[[ServerMessage], bool]) -> ServerMessage:
        """Read up to the wanted message; check and drop those before it. Raises LineClosed."""
        while True:
            while self._unread:
                message = self._unread.pop(0)
                self._see(message)
                if wanted(message):
                    return message
            async with asyncio.timeout(DEADLINE):
                frame = await self._frames.get()
            if frame is None:
                self._frames.put_nowait(None)  # for the next call
                raise LineClosed(self._connection.close_code)
            self._unread.extend(codec.decode_server(frame))

    async def accepted(self, id: str) -> None:
        """Read up to the answer to a `generate`, which must accept it."""
        answer = await self.take(lambda message: isinstance(message, Accepted | Error) and message.id == id)
        assert isinstance(answer, Accepted), answer

    async def settle(self) -> list[Error]:
        """Read until the server has carried out everything sent so far; return its errors, without those that may
        come late."""
        errors: list[Error] = []

        def settled(message: ServerMessage) -> bool:
            errors.extend([message] if isinstance(message, Error) and not self._is_late(message) else [])
            return isinstance(message, Status) and message.id is None

        await self.send(StatusRequest())
        await self.take(settled)
        return errors

    def _is_late(self, error: Error) -> bool:
        return error.re == "alternatives" or (error.re in LATE and error.id in self._truths)

    async def ask(self, message: Steer | Tune) -> None:
        """Send an instruction or a change, which is answered later."""
        name, truth = name_of(message), self._truths[message.id]
        if name not in truth.asked:
            truth.asked.append(name)
        if isinstance(message, Steer):
            truth.instructions[name] = message
        self.sent.append((type(message).__name__.lower(), message.id, name))
        await self.send(message)

    async def ask_in_conflict(self, message: Steer) -> None:
        """Send an instruction with the key of another one that was sent here."""
        self.conflicts.add(message.id)
        self.sent.append(("steer", message.id, name_of(message)))
        await self.send(message)

    async def look_up(self, id: str, seq: int, most: int) -> None:
        """Ask for alternatives, which come later."""
        known = self._truths[id].pieces if id in self._truths else 0
        self.questions.append(Question(id, seq, most, known))
        await self.send(AlternativesRequest(id=id, seq=seq, count=most))

    def check_refusals(self) -> None:
        """Check that each instruction and change sent here was refused, if it is not in a log. Of generations that have
        ended."""
        missing = Counter((kind, id) for kind, id, name in self.sent if name not in self._truths[id].read)
        assert self.refused == missing

    async def attach(self, id: str, *, after: int = 0, epoch: str | None = None) -> Attached:
        """Attach at a cursor, and read up to the end of the log at that moment."""
        await self.send(Attach(id=id, after=after, epoch=epoch))
        return await self.attached(id)

    async def attached(self, id: str) -> Attached:
        attached = await self.take(lambda message: isinstance(message, Attached) and message.id == id)
        assert isinstance(attached, Attached)
        if not attached.recovered:
            await self.take(lambda message: isinstance(message, Snapshot) and message.id == id)
        while self.places[id] != ENDED and self.places[id] < attached.to:
            await self.take(lambda message: isinstance(message, Token | Mark | Done) and message.id == id)
        return attached

    async def until_answered(self) -> None:
        """Read until no question about alternatives waits."""
        while self.questions:
            await self.take(lambda message: isinstance(message, Alternatives | Error))

    async def until_done(self, id: str) -> Done:
        while self.places[id] != ENDED:
            await self.take(lambda message: isinstance(message, Done) and message.id == id)
        done = self._truths[id].done
        assert done is not None
        return done

    async def vanish(self) -> None:
        """Drop the connection without a close frame, as a network does."""
        self._connection.transport.abort()
        self.read_on()
        await self._connection.wait_closed()
        await self._reader

    def _see(self, message: ServerMessage) -> None:
        match message:
            case Accepted(id=id):
                assert self._truths[id].epoch is None
                self._truths[id].begin(message.epoch)
                self.places[id] = 0
            case Attached(id=id):
                self._truths[id].begin(message.epoch)
                self.places[id] = message.from_
            case Snapshot(id=id):
                self._truths[id].begin(message.epoch)
                self._truths[id].replace(message)
                self.places[id] = message.seq
            case Token(id=id):
                assert message.seq - message.n == self.places[id]
                self._truths[id].show(self.places[id], message.seq, message.text)
                self.places[id] = message.seq
            case Steered(id=id) | Tuned(id=id):
                assert message.seq == self.places[id] + 1
                self._truths[id].mark(message)
                self.places[id] = message.seq
            case Done(id=id):
                assert message.seq == self.places[id] + 1
                self._truths[id].end(message)
                self.places[id] = ENDED
            case Alternatives():
                question = self.questions.popleft()
                assert (message.id, message.seq) == (question.id, question.seq)
                self._truths[message.id].answers.append((question, message))
            case Error(re="alternatives"):
                self._refuse_question(message)
            case Error(id=str(id)) if self._is_late(message):
                assert message.code in self._codes(str(message.re), id)
                self.refused[str(message.re), id] += 1

    def _codes(self, kind: str, id: str) -> set[ErrorCode]:
        """Return the codes that may refuse an instruction or a change."""
        codes = {ErrorCode.ALREADY_DONE}
        if kind == "steer" and self._truths[id].plan.raw:
            codes.add(ErrorCode.UNSUPPORTED)
        if kind == "steer" and id in self.conflicts:
            codes.add(ErrorCode.ID_CONFLICT)
        return codes

    def _refuse_question(self, error: Error) -> None:
        waiting = len(self.questions)
        question = self.questions.popleft()
        assert error.id == question.id
        if question.id not in self._truths:
            assert error.code == ErrorCode.UNKNOWN_ID
        elif error.code == ErrorCode.RATE_LIMITED:
            assert waiting > MOST_QUESTIONS
        else:
            assert error.code == ErrorCode.INVALID_FIELD and question.seq > question.known + 1
