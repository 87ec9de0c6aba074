"""State machine of two clients and one server that keeps logs, without I/O, with events in any order.

Frames wait in queues until a rule delivers them, one by one or merged; a dropped connection loses them. The machine
plays the server with ServerSession and the tabs with ClientSession. No rule of the protocol may be broken.
"""

from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Alternative,
    Alternatives,
    AlternativesRequest,
    Attach,
    Attached,
    Cancel,
    ChatMessage,
    ClientMessage,
    Detach,
    DoneReason,
    Draft,
    ForkPoint,
    Generate,
    GenerationState,
    Goodbye,
    Hello,
    Params,
    Ping,
    Pong,
    Status,
    StatusRequest,
    Steer,
    Token,
    Tune,
)
from protocol.tuned import values_of
from tests.protocol.machine_parts import Log, Tab

TABS: Final = st.sampled_from([0, 1])
IDS: Final = st.sampled_from(["a", "b"])
PROMPTS: Final = st.sampled_from(["x", "x", "x", "y"])
PLACES: Final = st.integers(1, 9)
PICKS: Final = st.integers(0, 5)  # one of those that a rule can be about
LIKELY: Final = Alternative(token="x", logprob=-1.0)
ASIDE: Final = [
    '{"type":"ping","nonce":"n"}',
    '{"type":"status"}',
    '{"type":"status","id":"a"}',
    "",
    '{"type":"nope"}',
    '{"type":"ping","type":"ping"}',
]


class Machine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.logs: dict[str, Log] = {}
        self.all_logs: dict[str, Log] = {}  # by epoch, also those that are gone
        self.tabs = [Tab(), Tab()]

    # --- what the tabs do ---

    @rule(tab=TABS, id=IDS, prompt=PROMPTS)
    def generate(self, tab: int, id: str, prompt: str) -> None:
        self.tabs[tab].ask(Generate(id=id, prompt=prompt))

    @rule(id=IDS, prompts=st.tuples(PROMPTS, PROMPTS))
    def both_generate(self, id: str, prompts: tuple[str, str]) -> None:
        for tab, prompt in zip(self.tabs, prompts, strict=True):
            tab.ask(Generate(id=id, prompt=prompt))

    @precondition(lambda self: self.logs)
    @rule(tab=TABS, cancel=st.builds(Cancel, id=IDS) | st.builds(Cancel, all=st.booleans()))
    def cancel(self, tab: int, cancel: Cancel) -> None:
        self.tabs[tab].ask(cancel)

    @precondition(lambda self: self.logs)
    @rule(tab=TABS, id=IDS, content=st.sampled_from(["shorter", "in French"]))
    def steer(self, tab: int, id: str, content: str) -> None:
        self.tabs[tab].ask(Steer(id=id, content=content))

    @precondition(lambda self: self.logs)
    @rule(tab=TABS, id=IDS, params=st.sampled_from([Params(temperature=0.5), Params(temperature=1.0, top_k=3)]))
    def tune(self, tab: int, id: str, params: Params) -> None:
        self.tabs[tab].ask(Tune(id=id, params=params))

    @precondition(lambda self: self.logs)
    @rule(tab=TABS, id=IDS, seq=PLACES, count=st.integers(1, 3))
    def ask_for_alternatives(self, tab: int, id: str, seq: int, count: int) -> None:
        self.tabs[tab].ask(AlternativesRequest(id=id, seq=seq, count=count))

    @precondition(lambda self: self.logs)
    @rule(tab=TABS, id=IDS, other=IDS, seq=PLACES, text=st.sampled_from([None, "x", "🙂 "]))
    def fork(self, tab: int, id: str, other: str, seq: int, text: str | None) -> None:
        self.tabs[tab].ask(Generate(id=id, from_=ForkPoint(id=other, seq=seq, text=text)))

    @rule(tab=TABS, content=st.sampled_from([None, "x", "xy"]))
    def draft(self, tab: int, content: str | None) -> None:
        """Send what the user is writing; None: the user has removed it."""
        here = self.tabs[tab]
        here.ask(Draft() if content is None else Draft(messages=(ChatMessage(role="user", content=content),)))

    @precondition(lambda self: self.logs)
    @rule(tab=TABS, id=IDS, from_start=st.booleans(), with_epoch=st.booleans())
    def attach(self, tab: int, id: str, from_start: bool, with_epoch: bool) -> None:
        cursor = self.tabs[tab].cursors.get(id)
        if cursor is None or from_start:
            self.tabs[tab].ask(Attach(id=id, epoch=cursor.epoch if cursor and with_epoch else None))
        else:
            self.tabs[tab].ask(Attach(id=id, epoch=cursor.epoch, after=cursor.seq))

    @precondition(lambda self: self.logs)
    @rule(tab=TABS, id=IDS)
    def detach(self, tab: int, id: str) -> None:
        self.tabs[tab].ask(Detach(id=id))

    @precondition(lambda self: self.logs)
    @rule(tab=TABS, frame=st.sampled_from(ASIDE))
    def ask_or_slip(self, tab: int, frame: str) -> None:
        self.tabs[tab].up.append(frame)

    # --- what the network does ---

    @rule(tab=TABS, in_hello=st.booleans())
    def drop_and_reconnect(self, tab: int, in_hello: bool) -> None:
        here = self.tabs[tab]
        here.server.disconnect()
        here.client.disconnect()
        here.connect()
        if in_hello:
            here.ask(Hello(attach=here.client.unfinished))
            return
        for point in here.client.unfinished:
            here.ask(Attach(id=point.id, epoch=point.epoch, after=point.after))

    @precondition(lambda self: any(tab.up for tab in self.tabs))
    @rule(tab=TABS, frames=st.sampled_from([1, 2, 9]))
    def deliver_up(self, tab: int, frames: int) -> None:
        here = self.tabs[tab]
        frame = "\n".join(here.up.popleft() for _ in range(min(frames, len(here.up))))
        for message in here.server.receive(frame):
            self.carry_out(here, message)

    @precondition(lambda self: any(tab.down for tab in self.tabs))
    @rule(tab=TABS, frames=st.sampled_from([1, 2, 9]))
    def deliver_down(self, tab: int, frames: int) -> None:
        self.tabs[tab].take(frames)

    # --- what the server does ---

    @precondition(lambda self: self.running())
    @rule(pick=PICKS, text=st.sampled_from(["x", "é", "🙂 ", "\n"]), count=st.integers(1, 3))
    def compute(self, pick: int, text: str, count: int) -> None:
        running = self.running()
        running[pick % len(running)].pieces += [text] * count

    @precondition(lambda self: any(log.asked for log in self.running()))
    @rule(pick=PICKS)
    def make_change(self, pick: int) -> None:
        asked = [log for log in self.running() if log.asked]
        asked[pick % len(asked)].mark()

    @precondition(lambda self: self.running())
    @rule(pick=PICKS, reason=st.sampled_from([DoneReason.STOP, DoneReason.LENGTH, DoneReason.FAILED]))
    def end(self, pick: int, reason: DoneReason) -> None:
        log = self.running()[pick % len(self.running())]
        log.reason = DoneReason.CANCELLED if log.cancelled else reason

    @precondition(lambda self: self.readable())
    @rule(pick=PICKS, most=st.integers(1, 4))
    def read_log(self, pick: int, most: int) -> None:
        tab, log = self.readable()[pick % len(self.readable())]
        last = tab.reading[log.id]
        before = min((seq for seq in {*log.steered, *log.tuned} if seq > last), default=len(log.pieces) + 1) - 1
        n = min(most, before - last)
        if mark := log.marked(last + 1):
            tab.reading[log.id] = last + 1
            tab.reply(mark)
            tab.reply(log.snapshot(last + 1))
        elif n:
            tab.reading[log.id] = last + n
            tab.reply(Token(id=log.id, seq=last + n, n=n, text="".join(log.pieces[last : last + n])))
        else:
            del tab.reading[log.id]
            tab.reply(log.end())

    @rule()
    def catch_up(self) -> None:
        """Deliver everything in flight, and read every log to its end."""
        for at, tab in enumerate(self.tabs):
            while tab.up:
                self.deliver_up(at, 1)
        while self.readable():
            self.read_log(0, 2)
        for tab in self.tabs:
            tab.take(len(tab.down))

    def running(self) -> list[Log]:
        return [log for log in self.logs.values() if log.reason is None]

    def readable(self) -> list[tuple[Tab, Log]]:
        """Return the pairs of a tab and a log with something to read."""
        pairs = [(tab, self.logs[id], last) for tab in self.tabs for id, last in tab.reading.items()]
        return [(tab, log) for tab, log, last in pairs if last < log.newest]

    @precondition(lambda self: self.logs)
    @rule(id=IDS)
    def expire(self, id: str) -> None:
        """Expire a log, long after `done`; its id becomes free."""
        log = self.logs.get(id)
        if log is not None and log.reason is not None and not any(id in tab.reading for tab in self.tabs):
            del self.logs[id]

    @precondition(lambda self: self.logs)
    @rule(lost=st.booleans())
    def restart(self, lost: bool) -> None:
        """Restart the server, with its logs or with other logs under the same ids."""
        for tab in self.tabs:
            tab.reply(Goodbye(code=1012, reconnect_ms=0))
            tab.take(len(tab.down))
        for id in self.logs if lost else ():
            log = self.new_log(id, self.logs[id].body)
            log.pieces.append("again")
        for at in range(len(self.tabs)):
            self.drop_and_reconnect(at, True)

    def new_log(self, id: str, body: Generate) -> Log:
        log = Log(id, f"e{len(self.all_logs)}", body)
        self.logs[id] = self.all_logs[log.epoch] = log
        return log

    def carry_out(self, tab: Tab, message: ClientMessage | RemoteProtocolError) -> None:
        try:
            self.answer(tab, message)
        except RemoteProtocolError as problem:
            tab.reply(problem.as_message())

    def answer(self, tab: Tab, message: ClientMessage | RemoteProtocolError) -> None:
        match message:
            case RemoteProtocolError():
                raise message
            case Generate(id=str(id)):
                self.begin(tab, id, message)
            case Draft():
                pass  # not answered (PROTOCOL 4.10)
            case AlternativesRequest(id=id, seq=seq, count=count):
                self.check_place(self.known(id, "alternatives"), seq, "alternatives")
                tab.reply(Alternatives(id=id, seq=seq, tokens=(LIKELY,) * count))
            case Hello(attach=points):
                for point in points:
                    self.carry_out(tab, Attach(id=point.id, epoch=point.epoch, after=point.after))
            case Attach(id=id, epoch=epoch, after=after):
                self.follow(tab, self.known(id, "attach"), epoch, after)
            case Detach(id=id):
                self.known(id, "detach")
                tab.server.forget(id)
                tab.reading.pop(id, None)
            case Cancel():
                self.stop(tab, message)
            case Steer(id=id, content=content):
                log = self.known(id, "steer")
                if log.reason is not None or log.cancelled:
                    raise RemoteProtocolError(ErrorCode.ALREADY_DONE, "no", re="steer", id=id)
                log.asked.append(content)
            case Tune(id=id):
                log = self.known(id, "tune")
                if log.reason is not None or log.cancelled:
                    raise RemoteProtocolError(ErrorCode.ALREADY_DONE, "no", re="tune", id=id)
                log.asked.append(values_of(message))
            case Ping(nonce=nonce):
                tab.reply(Pong(nonce=nonce))
            case StatusRequest(id=None):
                tab.reply(Status(running=len(self.logs), queued=0))
            case StatusRequest(id=str(id)):
                self.known(id, "status")
                tab.reply(Status(id=id, state=GenerationState.DECODE))

    def known(self, id: str, re: str) -> Log:
        if id not in self.logs:
            raise RemoteProtocolError(ErrorCode.UNKNOWN_ID, "no", re=re, id=id)
        return self.logs[id]

    def check_place(self, log: Log, seq: int, re: str) -> None:
        if seq > len(log.pieces) + 1:
            raise RemoteProtocolError(ErrorCode.INVALID_FIELD, "no", re=re, id=log.id)

    def begin(self, tab: Tab, id: str, body: Generate) -> None:
        log = self.logs.get(id)
        if log is None:
            tab.reply(Accepted(id=id, epoch=self.begun(id, body).epoch, position=0))
            tab.reading[id] = 0
        elif log.body == body:
            self.follow(tab, log, None, 0)
        else:
            raise RemoteProtocolError(ErrorCode.ID_CONFLICT, "no", re="generate", id=id)

    def begun(self, id: str, body: Generate) -> Log:
        """Return the new log of a request, which begins with what a fork takes over."""
        if (point := body.from_) is None:
            return self.new_log(id, body)
        other = self.known(point.id, "generate")
        self.check_place(other, point.seq, "generate")
        log = self.new_log(id, body)
        log.take_over(other, point.seq, point.text)
        return log

    def follow(self, tab: Tab, log: Log, epoch: str | None, after: int) -> None:
        """Attach to a log (PROTOCOL 6.8)."""
        last = len(log.pieces)
        if epoch in (None, log.epoch) and after <= log.newest:
            after = min(after, last)
            tab.reply(Attached(id=log.id, epoch=log.epoch, recovered=True, from_=after, to=log.newest))
            tab.reading[log.id] = after
        else:
            tab.reply(Attached(id=log.id, epoch=log.epoch, recovered=False, from_=0, to=log.newest))
            tab.reply(log.snapshot(last))
            tab.reading[log.id] = last

    def stop(self, tab: Tab, cancel: Cancel) -> None:
        for id in tab.server.resolve_cancel(cancel):
            log = self.known(id, "cancel")
            if log.reason is not None:
                raise RemoteProtocolError(ErrorCode.ALREADY_DONE, "no", re="cancel", id=id)
            log.cancelled = True

    # --- what must hold ---

    @invariant()
    def the_server_watches_what_it_reads(self) -> None:
        for tab in self.here():
            assert set(tab.server.watched) == set(tab.reading)

    @invariant()
    def a_clients_text_is_the_start_of_the_log(self) -> None:
        for tab in self.here():
            for cursor in tab.cursors.values():
                log = self.all_logs[cursor.epoch]
                assert cursor.seq <= log.newest
                assert log.text(cursor.seq) == cursor.text or not cursor.text  # empty until its snapshot comes
                assert not cursor.text or cursor.instructions == log.instructions(cursor.seq)
                assert not cursor.text or cursor.tuned == log.values(cursor.seq)
                assert cursor.done is None or cursor.done == log.end()

    def here(self) -> list[Tab]:
        return getattr(self, "tabs", [])

    def teardown(self) -> None:
        """Deliver everything and end every generation. Then each reader must have the whole text and `done`, and each
        question its answer."""
        if not self.here():
            return
        self.catch_up()
        reading = [(tab, self.logs[id]) for tab in self.tabs for id in tab.reading]
        while self.running():
            self.end(0, DoneReason.STOP)
        self.catch_up()
        assert not any(tab.questions for tab in self.tabs)
        for tab, log in reading:
            cursor = tab.cursors[log.id]
            assert (cursor.epoch, cursor.text, cursor.done) == (log.epoch, log.text(log.newest), log.end())
            assert cursor.instructions == log.instructions(log.newest)
            assert cursor.tuned == log.values(log.newest)
