"""A reader's position in one generation's log, and the rules by which it moves (PROTOCOL 6.2 to 6.4, 6.8)."""

from hashlib import sha256

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Attached,
    AttachPoint,
    Done,
    Instruction,
    Snapshot,
    Steered,
    Token,
    Tuned,
    TunedValues,
)
from protocol.tuned import with_tuned


class Cursor:
    """A client's position in the log of generation ``id``: all events up to ``seq`` are read, which make ``text``.

    ``done`` is the last event, once read. When an event cannot follow those read so far, every method raises
    RemoteProtocolError and changes nothing.
    """

    def __init__(self, id: str, epoch: str) -> None:
        self.id = id
        self.epoch = epoch
        self.seq = 0
        self.chars = 0
        self.done: Done | None = None
        self._pieces: list[str] = []
        self._hollow = False  # the text is missing until a snapshot arrives
        self._steered: dict[int, Instruction] = {}  # all that this client knows of this epoch, by number
        self._tuned: dict[int, TunedValues] = {}  # likewise: what was tuned up to each number
        self._longest = ""  # the longest text of this epoch; an attach on its way may continue from there

    @property
    def text(self) -> str:
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def instructions(self) -> tuple[Instruction, ...]:
        """The instructions in ``text``, in order."""
        return tuple(each for seq, each in sorted(self._steered.items()) if seq <= self.seq)

    @property
    def tuned(self) -> TunedValues | None:
        """Newest values of the parameters that were tuned in ``text``; None without any."""
        last = max((seq for seq in self._tuned if seq <= self.seq), default=None)
        return None if last is None else self._tuned[last]

    @property
    def text_seq(self) -> int:
        """Number of the last piece of text. `done` has a number too, but no text."""
        return self.seq if self.done is None else self.seq - 1

    @property
    def point(self) -> AttachPoint:
        """Attach point that resumes from here."""
        return AttachPoint(id=self.id, epoch=self.epoch, after=self.seq)

    def attach(self, attached: Attached, chars: int | None) -> None:
        """Move back to the cursor ``attached.from_``; the text had ``chars`` characters there (None: never
        requested)."""
        if not attached.recovered and attached.from_ != 0:
            raise self._wrong(f"attached from {attached.from_} without recovering it")
        if chars is None:
            raise self._wrong(f"attached from {attached.from_}, which was not asked for")
        if attached.from_ != 0 and attached.epoch != self.epoch:  # PROTOCOL 6.8: another log has other text
            raise self._wrong(f"attached from {attached.from_} to epoch {attached.epoch}, not {self.epoch}")
        longest = max(self.text, self._longest, key=len) if attached.epoch == self.epoch else ""
        if chars > len(longest):
            raise self._wrong(f"attached from {attached.from_}, of which the text was not read")
        self._set(attached.from_, longest[:chars])
        self._longest = longest
        if attached.epoch != self.epoch:
            self._steered, self._tuned = {}, {}
        self.epoch = attached.epoch
        self._hollow = not attached.recovered

    def apply(self, event: Token | Steered | Tuned | Snapshot | Done) -> None:
        if isinstance(event, Snapshot):
            self._snapshot(event)
        elif self._hollow:
            raise self._wrong("a snapshot must follow attached with recovered false")
        elif isinstance(event, Token):
            self._token(event)
        elif isinstance(event, Steered):
            self._steer(event)
        elif isinstance(event, Tuned):
            self._tune(event)
        else:
            self._finish(event)

    def _token(self, token: Token) -> None:
        before = token.seq - token.n
        if before != self.seq:
            what = "pieces are missing" if before > self.seq else "pieces come twice"
            raise self._wrong(f"{what}: token holds {before + 1} to {token.seq} after {self.seq}")
        self.seq = token.seq
        self.chars += len(token.text)
        self._pieces.append(token.text)

    def _steer(self, steered: Steered) -> None:
        self._step("steered", steered.seq)
        self._steered[steered.seq] = Instruction(seq=steered.seq, chars=self.chars, content=steered.content)

    def _tune(self, tuned: Tuned) -> None:
        self._step("tuned", tuned.seq)
        self._tuned[tuned.seq] = with_tuned(self.tuned, tuned)

    def _step(self, what: str, seq: int) -> None:
        """Move to the next number, which an event without text has."""
        if seq != self.seq + 1:
            raise self._wrong(f"{what} has number {seq}, {self.seq + 1} is next")
        self.seq = seq

    def _snapshot(self, snapshot: Snapshot) -> None:
        if snapshot.seq < self.seq:
            raise self._wrong(f"a snapshot up to {snapshot.seq} goes back behind {self.seq}")
        self._set(snapshot.seq, snapshot.text)
        self._longest = ""
        self._steered = {each.seq: each for each in snapshot.steered or ()}
        self._tuned = {snapshot.seq: snapshot.tuned} if snapshot.tuned else {}
        self.epoch = snapshot.epoch
        self._hollow = False

    def _finish(self, done: Done) -> None:
        if done.seq != self.seq + 1:
            raise self._wrong(f"done has number {done.seq}, {self.seq + 1} is next")
        if done.chars != self.chars:
            raise self._wrong(f"done counts {done.chars} characters, {self.chars} came")
        if done.sha256 != sha256(self.text.encode()).hexdigest():
            raise self._wrong("done.sha256 is not that of the text that came")
        self.seq = done.seq
        self.done = done

    def _set(self, seq: int, text: str) -> None:
        self.seq = seq
        self.chars = len(text)
        self.done = None
        self._pieces = [text]

    def _wrong(self, text: str) -> RemoteProtocolError:
        return RemoteProtocolError(ErrorCode.UNEXPECTED_MESSAGE, f"{self.id}: {text}", id=self.id)
