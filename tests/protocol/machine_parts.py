"""Parts of the protocol's state machine: a log as the server keeps it, and a client with its connections."""

from collections import deque

from protocol.cursor import Cursor
from protocol.messages import (
    Accepted,
    Alternatives,
    AlternativesRequest,
    Attached,
    ClientMessage,
    Done,
    DoneReason,
    Error,
    Generate,
    Instruction,
    ServerMessage,
    Snapshot,
    Steered,
    Tuned,
    TunedValues,
)
from protocol.session import ClientSession, ServerSession
from tests.protocol.samples import WELCOME, done


class Log:
    """A generation as the server keeps it. ``epoch`` never changes."""

    def __init__(self, id: str, epoch: str, body: Generate) -> None:
        self.id, self.epoch, self.body = id, epoch, body
        self.pieces: list[str] = []
        self.steered: dict[int, str] = {}  # instructions by their numbers; each has an empty piece
        self.asked: deque[str | TunedValues] = deque()  # instructions and changes that are not in the log
        self.tuned: dict[int, TunedValues] = {}  # changes by their numbers; each has an empty piece
        self.reason: DoneReason | None = None
        self.cancelled = False

    @property
    def newest(self) -> int:
        return len(self.pieces) + (self.reason is not None)

    def text(self, seq: int) -> str:
        return "".join(self.pieces[:seq])

    def instructions(self, seq: int) -> tuple[Instruction, ...]:
        known = sorted((number, content) for number, content in self.steered.items() if number <= seq)
        return tuple(
            Instruction(seq=number, chars=len(self.text(number)), content=content) for number, content in known
        )

    def values(self, seq: int) -> TunedValues | None:
        """Return the newest value of each parameter that was tuned up to a number."""
        known = [values for number, values in sorted(self.tuned.items()) if number <= seq]
        params = {name: value for values in known for name, value in values.params.items()}
        return TunedValues(params=params) if known else None

    def snapshot(self, seq: int) -> Snapshot:
        steered, tuned = self.instructions(seq) or None, self.values(seq)
        return Snapshot(id=self.id, epoch=self.epoch, seq=seq, text=self.text(seq), steered=steered, tuned=tuned)

    def take_over(self, other: "Log", before: int, text: str | None) -> None:
        """Begin with the events of another log before a number, and then ``text``."""
        self.pieces = [*other.pieces[: before - 1], *([] if text is None else [text])]
        self.steered = {seq: content for seq, content in other.steered.items() if seq < before}
        self.tuned = {seq: values for seq, values in other.tuned.items() if seq < before}

    def mark(self) -> None:
        """Append the oldest instruction or change."""
        self.pieces.append("")
        asked = self.asked.popleft()
        if isinstance(asked, TunedValues):
            self.tuned[len(self.pieces)] = asked
        else:
            self.steered[len(self.pieces)] = asked

    def marked(self, seq: int) -> Steered | Tuned | None:
        """Return the instruction or change with this number, if it is one."""
        if seq in self.tuned:
            return Tuned(id=self.id, seq=seq, params=self.tuned[seq].params)
        return Steered(id=self.id, seq=seq, content=self.steered[seq]) if seq in self.steered else None

    def end(self) -> Done:
        assert self.reason is not None
        return done(self.id, self.text(self.newest), self.newest, reason=self.reason)


class Tab:
    """One client with one connection after another, and the server's end of the current one."""

    def __init__(self) -> None:
        self.cursors: dict[str, Cursor] = {}
        self.connect()

    def connect(self) -> None:
        self.server, self.client = ServerSession(), ClientSession(self.cursors)
        self.reading: dict[str, int] = {}  # the server's cursors
        self.up: deque[str] = deque()
        self.down: deque[str] = deque()
        self.over: set[str] = set()  # `done` came, and neither accepted nor attached since
        self.questions: deque[AlternativesRequest] = deque()  # those that the client has no answer to
        self.reply(WELCOME)

    def ask(self, message: ClientMessage) -> None:
        if isinstance(message, AlternativesRequest):
            self.questions.append(message)
        self.up.append(self.client.send(message))

    def reply(self, message: ServerMessage) -> None:
        self.down.append(self.server.send(message))

    def take(self, frames: int) -> None:
        """Deliver the oldest ``frames`` to the client, merged into one."""
        frame = "\n".join(self.down.popleft() for _ in range(min(frames, len(self.down))))
        for message in self.client.receive(frame):
            if isinstance(message, Done):
                assert message.id not in self.over, "done came twice"
                self.over.add(message.id)
            elif isinstance(message, Accepted | Attached):
                self.over.discard(message.id)
            elif isinstance(message, Alternatives) or (isinstance(message, Error) and message.re == "alternatives"):
                self._check_answer(self.questions.popleft(), message)

    def _check_answer(self, question: AlternativesRequest, answer: Alternatives | Error) -> None:
        """Check that the answers to questions come in order."""
        assert answer.id == question.id
        assert isinstance(answer, Error) or (answer.seq, len(answer.tokens)) == (question.seq, question.count)
