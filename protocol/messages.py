"""Every message of streamui.v1 as a frozen struct, with one tagged union per direction (PROTOCOL 4 and 5).

Ranges are part of the types; they are checked when a frame is decoded (codec.py), not when a struct is built. A client
message with an unknown field is rejected; in a server message unknown fields are ignored. Optional fields with their
default value are not sent.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from protocol.params import Params as Params  # belongs to the messages, and is generated

PROTOCOL: Final = "streamui.v1"
MAX_ATTACH: Final = 256  # bounds the number of answers to one message
MAX_TOP_LOGPROBS: Final = 20
MAX_ALTERNATIVES: Final = 20
MAX_FORK_TEXT: Final = 65_536

# `(?!\n)$` and not `$`: Python's `$` also matches before a final newline.
Id = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}(?!\n)$", description="a string of 1 to 64 of A-Z a-z 0-9 . _ -")
]
MAX_WHOLE: Final = 2**53 - 1  # the largest whole number that JavaScript reads exactly
Seq = Annotated[int, Meta(ge=0, le=MAX_WHOLE)]
EventSeq = Annotated[int, Meta(ge=1, le=MAX_WHOLE)]
DetachMs = Annotated[
    int, Meta(ge=0, le=2**31 - 1, description="a whole number from 0 to 2147483647 (milliseconds) or null")
]
Count = Annotated[int, Meta(ge=0, le=MAX_WHOLE)]
Milliseconds = Annotated[float, Meta(ge=0)]
Role = Literal["system", "user", "assistant", "tool"]
Truncation = Literal["auto", "disabled"]
ModelName = Annotated[str, Meta(min_length=1, max_length=512)]
Effort = Annotated[str, Meta(min_length=1, max_length=64)]
FunctionName = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,128}(?!\n)$", description="a string of 1 to 128 of A-Z a-z 0-9 . _ -")
]
CallId = Annotated[str, Meta(min_length=1, max_length=256)]
MAX_TOOLS: Final = 128
MAX_RESULTS: Final = 256


class GenerationState(StrEnum):
    """State of a generation (PROTOCOL 6); states.py has the transitions."""

    QUEUED = "queued"
    LOADING = "loading"
    PREFILL = "prefill"  # the prompt is being read
    DECODE = "decode"  # the answer is being written
    DONE = "done"


class DoneReason(StrEnum):
    """Reason why a generation ended (PROTOCOL 5.7)."""

    STOP = "stop"  # the model ended its answer, or wrote a stop string
    LENGTH = "length"  # `max_tokens` or the context was used up
    CANCELLED = "cancelled"  # by `cancel`, or without readers for longer than `on_detach_ms`
    FAILED = "failed"  # the engine could not continue; `done.error` has the reason
    INTERRUPTED = "interrupted"  # the server stopped before the generation ended


# --- client to server -------------------------------------------------------------------------------------------


class Record(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the objects inside client messages."""


class AttachPoint(Record, frozen=True, kw_only=True):
    """One generation to attach to, from the cursor ``after``; without ``epoch`` the server's current log is meant."""

    id: Id
    epoch: Id | None = None
    after: Seq = 0


class CalledFunction(Record, frozen=True, kw_only=True):
    """A function and its arguments: JSON as text, as the model wrote it."""

    name: FunctionName
    arguments: str


class ToolCall(Record, frozen=True, kw_only=True):
    """A call of a function, in an answer and in the dialogue of a later request."""

    id: CallId
    type: Literal["function"] = "function"
    function: CalledFunction


class ChatMessage(Record, frozen=True, kw_only=True):
    """One message of a dialogue. ``tool_calls``: of an assistant; ``tool_call_id``: the call that a ``tool`` message
    answers."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] | None = None
    tool_call_id: CallId | None = None


class ToolResult(Record, frozen=True, kw_only=True):
    """Result of one call of an answer in a conversation."""

    tool_call_id: CallId
    content: str


class ToolFunction(Record, frozen=True, kw_only=True):
    """A function that the model may call. ``parameters``: JSON schema of the object with its arguments; None: it takes
    none. ``strict``: a forced call is refused if its schema can't be enforced."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Record, frozen=True, kw_only=True):
    type: Literal["function"] = "function"
    function: ToolFunction


class NamedFunction(Record, frozen=True, kw_only=True):
    name: FunctionName


class NamedTool(Record, frozen=True, kw_only=True):
    """The function that an answer must call."""

    type: Literal["function"] = "function"
    function: NamedFunction


class ForkPoint(Record, frozen=True, kw_only=True):
    """A place in the answer of generation ``id``, before its event ``seq``. A new answer begins with the text before
    it, and then has ``text``."""

    id: Id
    seq: EventSeq
    text: Annotated[str, Meta(min_length=1, max_length=MAX_FORK_TEXT)] | None = None


class Client(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """Base of the messages that a client sends."""


class Hello(Client, frozen=True, kw_only=True, tag="hello"):
    """The client's token and the generations to attach to. Required only where the server needs a token."""

    token: Annotated[str, Meta(max_length=4096)] | None = None
    attach: Annotated[tuple[AttachPoint, ...], Meta(max_length=MAX_ATTACH)] = ()
    client: Annotated[str, Meta(max_length=256)] | None = None


class Generate(Client, frozen=True, kw_only=True, tag="generate"):
    """Start a generation. Exactly one of ``prompt``, ``messages``, ``conversation`` and ``from_``; ``raw`` only with
    ``prompt``.

    ``truncation``: "auto" drops the oldest turns when not all fit, "disabled" does not; None: "auto" with
    ``conversation``, else "disabled". ``content``, ``results``, ``parent`` and ``message_id`` require ``conversation``
    (PROTOCOL 14.2). ``results``: of the calls in the answer ``parent``, in place of ``content``. ``parent`` UNSET: the
    end of the displayed branch; None: a new first message. ``model`` None: the server chooses it. ``on_detach_ms``: how
    long the generation continues without readers; UNSET = 30000 (to its end with a conversation), None = to its end, 0
    = not at all. ``temporary``: nothing of it is written to disk (PROTOCOL 6.11); not with ``conversation``.
    ``from_``: the place of another answer that this one continues from (PROTOCOL 6.12); with ``conversation`` the new
    answer is stored beside that one.
    """

    id: Id | None = None
    prompt: str | None = None
    messages: Annotated[tuple[ChatMessage, ...], Meta(min_length=1)] | None = None
    from_: ForkPoint | None = field(default=None, name="from")
    conversation: Id | None = None
    content: str | None = None
    results: Annotated[tuple[ToolResult, ...], Meta(min_length=1, max_length=MAX_RESULTS)] | None = None
    parent: Id | UnsetType | None = UNSET
    message_id: Id | None = None
    model: ModelName | None = None
    raw: bool = False
    truncation: Truncation | None = None
    tools: Annotated[tuple[Tool, ...], Meta(max_length=MAX_TOOLS)] = ()
    tool_choice: str | NamedTool | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Effort | None = None
    chat_template_kwargs: dict[str, Any] | None = None
    params: Params = Params()
    top_logprobs: Annotated[int, Meta(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    on_detach_ms: DetachMs | UnsetType | None = UNSET
    temporary: bool = False


class Cancel(Client, frozen=True, kw_only=True, tag="cancel"):
    """Stop one generation, ``all`` of this connection, or (with neither) its newest one."""

    id: Id | None = None
    all: bool = False


class Attach(Client, frozen=True, kw_only=True, tag="attach"):
    """Read a generation's log from the cursor ``after``."""

    id: Id
    epoch: Id | None = None
    after: Seq = 0


class Detach(Client, frozen=True, kw_only=True, tag="detach"):
    id: Id


class StatusRequest(Client, frozen=True, kw_only=True, tag="status"):
    id: Id | None = None


class Ping(Client, frozen=True, kw_only=True, tag="ping"):
    nonce: Annotated[str, Meta(max_length=128)] | None = None


class Watch(Client, frozen=True, kw_only=True, tag="watch"):
    """Subscribe this connection to all changes of the user's conversations and of the models."""


class Steer(Client, frozen=True, kw_only=True, tag="steer"):
    """Give the model an instruction in mid-answer. The answer continues after it, in the same generation.

    ``key``: makes it safe to send again; the server reads one instruction with this key (PROTOCOL 4.9).
    """

    id: Id
    content: str
    key: Id | None = None


class Draft(Client, frozen=True, kw_only=True, tag="draft"):
    """Text that the user is writing and may send soon. The server may read it ahead (PROTOCOL 4.10).

    At most one of ``messages`` and ``conversation``, with the meaning that they have in Generate. With neither, or
    with a blank ``content``, the server forgets the earlier draft of this connection.
    """

    messages: Annotated[tuple[ChatMessage, ...], Meta(min_length=1)] | None = None
    conversation: Id | None = None
    content: str | None = None
    parent: Id | UnsetType | None = UNSET
    model: ModelName | None = None


class Tune(Client, frozen=True, kw_only=True, tag="tune"):
    """Change sampling parameters of a running answer, from its next token on (PROTOCOL 4.11).

    ``params`` and ``on_detach_ms``: new values, as in Generate. What is left out stays as it is.
    """

    id: Id
    params: Params = Params()
    on_detach_ms: DetachMs | UnsetType | None = UNSET


class AlternativesRequest(Client, frozen=True, kw_only=True, tag="alternatives"):
    """Ask for the likeliest tokens at the place of event ``seq`` in an answer, or at its end so far (PROTOCOL 4.12)."""

    id: Id
    seq: EventSeq
    count: Annotated[int, Meta(ge=1, le=MAX_ALTERNATIVES)] = 10


CLIENT_TYPES: Final[dict[str, type[Client]]] = {
    "hello": Hello,
    "generate": Generate,
    "cancel": Cancel,
    "attach": Attach,
    "detach": Detach,
    "status": StatusRequest,
    "ping": Ping,
    "watch": Watch,
    "steer": Steer,
    "draft": Draft,
    "tune": Tune,
    "alternatives": AlternativesRequest,
}
ClientMessage = (
    Hello
    | Generate
    | Cancel
    | Attach
    | Detach
    | StatusRequest
    | Ping
    | Watch
    | Steer
    | Draft
    | Tune
    | AlternativesRequest
)


# --- server to client -------------------------------------------------------------------------------------------


class Facts(Struct, frozen=True, omit_defaults=True):
    """Base of the objects inside server messages."""


class RecommendedSampling(Facts, frozen=True, kw_only=True):
    """Sampling parameters of the model. They apply where a request leaves the parameter out."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: Count | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None


class ModelFacts(Facts, frozen=True, kw_only=True):
    """The default model. ``parameters``: number of weights; ``context``: tokens; ``template``: source of the chat
    template. ``stop``: "asked" if the server can't know when the model has stopped computing; None: "confirmed"."""

    name: str
    template: Literal["gguf", "chatml", "chosen", "upstream"]
    parameters: Count | None = None
    context: Count | None = None
    stop: Literal["confirmed", "asked"] | None = None
    architecture: str | None = None
    sampling: RecommendedSampling | None = None


class ModelState(StrEnum):
    """State of a model (PROTOCOL 5.1). Later versions add states, so a client reads it as a string."""

    LOADED = "loaded"  # it can answer at once
    LOADING = "loading"  # it is being loaded, for at least one generation
    ON_DISK = "on_disk"  # a `generate` that names it loads it
    FAILED = "failed"  # it could not be loaded, or has crashed; a `generate` that names it tries again
    DOWNLOADING = "downloading"  # it is not here yet; a `generate` that names it is refused


class ModelEntry(Facts, frozen=True, kw_only=True):
    """A model that a `generate` may name.

    ``state``: a ModelState, or one of a later version. ``size``: of its weights, ``needs``: memory while it is loaded,
    ``done`` and ``total``: progress of loading or downloading; all in bytes. ``title``: the name in its file.
    ``efforts``: values of `reasoning_effort` that change its prompt. ``features``: those of `welcome.features` that
    differ between models. The other facts are those of ModelFacts.
    """

    name: ModelName
    state: str
    context: Count | None = None
    size: Count | None = None
    needs: Count | None = None
    done: Count | None = None
    total: Count | None = None
    error: str | None = None
    title: str | None = None
    architecture: str | None = None
    parameters: Count | None = None
    template: Literal["gguf", "chatml", "chosen", "upstream"] | None = None
    stop: Literal["confirmed", "asked"] | None = None
    sampling: RecommendedSampling | None = None
    efforts: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None


class Limits(Facts, frozen=True, kw_only=True):
    """Limits of this server. ``active``, ``queued``: generations per principal; ``parallel``: sequences computed at
    once."""

    frame_bytes: Count
    active: Count
    queued: Count
    parallel: Count
    sockets: Count | None = None
    messages_per_second: Count | None = None


class ActiveGeneration(Facts, frozen=True, kw_only=True):
    id: Id
    epoch: Id
    seq: Seq
    state: GenerationState


class Usage(Facts, frozen=True, kw_only=True):
    """``counted``: true if the counts are pieces of text in part, because the model's server did not tell its
    tokens."""

    prompt_tokens: Count
    cached_tokens: Count
    completion_tokens: Count
    counted: bool | None = None


class Timings(Facts, frozen=True, kw_only=True):
    """Durations in milliseconds. Phases not reached are left out; ``stop`` only after a cancel (PROTOCOL 5.7)."""

    total: Milliseconds
    queued: Milliseconds | None = None
    prefill: Milliseconds | None = None
    first_token: Milliseconds | None = None
    decode: Milliseconds | None = None
    stop: Milliseconds | None = None


class ErrorInfo(Facts, frozen=True, kw_only=True):
    code: str
    message: str


class Server(Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """Base of the messages that a server sends."""


class Welcome(Server, frozen=True, kw_only=True, tag="welcome"):
    """First message of every connection. ``models``: all models, the default one first. ``features``: optional parts of
    the protocol that this server has (PROTOCOL 11).

    ``warnings``: problems that don't stop the server, one sentence each.
    """

    protocol: str
    server: str
    connection: str
    auth: bool
    model: ModelFacts
    limits: Limits
    active: tuple[ActiveGeneration, ...]
    models: tuple[ModelEntry, ...] = ()
    features: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Accepted(Server, frozen=True, kw_only=True, tag="accepted"):
    """A generation was started. ``position``: generations that must end before it starts; 0: it starts at once.

    ``message``: the message of ``conversation`` that receives the answer. ``dropped``: messages of the dialogue that
    were left out because not all fit (PROTOCOL 4.2). ``model``: the model that writes, on a server with several.
    """

    id: Id
    epoch: Id
    position: Count
    conversation: Id | None = None
    message: Id | None = None
    dropped: EventSeq | None = None
    model: ModelName | None = None


class Status(Server, frozen=True, kw_only=True, tag="status"):
    """Status of one generation (with ``id``) or of the server. Not numbered, never replayed, may be dropped.

    ``upstream``: why a model behind another server sends no text now; `away`, `busy`, `cut`, `reading`, or a reason of
    a later version.
    """

    id: Id | None = None
    state: GenerationState | None = None
    position: Count | None = None
    eta_ms: Count | None = None
    done: Count | None = None
    total: Count | None = None
    tokens_per_second: Annotated[float, Meta(ge=0)] | None = None
    dropped: EventSeq | None = None
    upstream: str | None = None
    running: Count | None = None
    queued: Count | None = None
    kv_used: Count | None = None
    kv_tokens: Count | None = None
    cores: Count | None = None
    busy_cores: Annotated[float, Meta(ge=0)] | None = None


class Logprob(Facts, frozen=True, kw_only=True):
    """A token's text and the natural logarithm of its probability; ``bytes`` where the text is not whole code
    points."""

    token: str
    logprob: float
    bytes: tuple[Annotated[int, Meta(ge=0, le=255)], ...] | None = None


class ChosenLogprob(Logprob, frozen=True, kw_only=True):
    """The chosen token, and the likeliest alternatives."""

    top_logprobs: tuple[Logprob, ...] = ()


class Alternative(Logprob, frozen=True, kw_only=True):
    """A likely token. ``chosen``: the answer has it. ``end``: the answer would end with it."""

    chosen: bool = False
    end: bool = False


class FunctionDelta(Facts, frozen=True, kw_only=True):
    """Further text of a call's arguments; ``name`` only in the first part of a call."""

    name: FunctionName | None = None
    arguments: str = ""


class ToolCallDelta(Facts, frozen=True, kw_only=True):
    """New part of the call with this number, from 0; ``id`` only in the first part of a call."""

    index: Count
    id: CallId | None = None
    function: FunctionDelta


class Token(Server, frozen=True, kw_only=True, tag="token"):
    """The text pieces ``seq - n + 1`` to ``seq``, joined. ``logprobs``: of their tokens, where requested.

    ``tool_calls``: new parts of calls, which this text completes.
    """

    id: Id
    seq: EventSeq
    n: EventSeq
    text: str
    logprobs: tuple[ChosenLogprob, ...] | None = None
    tool_calls: tuple[ToolCallDelta, ...] | None = None


class Instruction(Facts, frozen=True, kw_only=True):
    """An instruction in an answer: event ``seq`` of its log, after ``chars`` code points of its text."""

    seq: EventSeq
    chars: Count
    content: str


class TunedValues(Facts, frozen=True, kw_only=True):
    """Newest values of the parameters that were tuned, as in Generate. ``on_detach_ms`` UNSET: it was not tuned."""

    params: dict[str, Any]
    on_detach_ms: DetachMs | UnsetType | None = UNSET


class Snapshot(Server, frozen=True, kw_only=True, tag="snapshot"):
    """The whole text up to ``seq``; it replaces the client's text. ``tool_calls``: those in it, so far.
    ``steered``: the instructions in it (PROTOCOL 5.13). ``tuned``: what was tuned up to ``seq`` (5.14)."""

    id: Id
    epoch: Id
    seq: Seq
    text: str
    tool_calls: tuple[ToolCall, ...] | None = None
    steered: tuple[Instruction, ...] | None = None
    tuned: TunedValues | None = None


class Attached(Server, frozen=True, kw_only=True, tag="attached"):
    """An attach was accepted: the events after the cursor ``from`` follow. ``to``: the newest number in the log now."""

    id: Id
    epoch: Id
    recovered: bool
    from_: Seq = field(name="from")
    to: Seq


class Done(Server, frozen=True, kw_only=True, tag="done"):
    """The last event of a generation. ``chars`` counts code points, ``sha256`` is of the UTF-8 text, in hex.

    ``tool_calls``: all calls of the answer; ``content``: its text without them, if there are calls and other text.
    ``dropped``: as in Accepted.
    """

    id: Id
    seq: EventSeq
    reason: DoneReason
    phase: GenerationState
    usage: Usage
    timings: Timings
    chars: Count
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$", description="64 hexadecimal digits")]
    limit: Literal["max_tokens", "context"] | None = None
    stop_string: str | None = None
    error: ErrorInfo | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    content: str | None = None
    dropped: EventSeq | None = None


class Error(Server, frozen=True, kw_only=True, tag="error"):
    """An error about one client message, whose `type` is ``re``. It ends nothing."""

    re: str | None = None
    id: Id | None = None
    code: str
    message: str
    retryable: bool
    retry_after_ms: Count | None = None


class Pong(Server, frozen=True, kw_only=True, tag="pong"):
    nonce: str | None = None


class Goodbye(Server, frozen=True, kw_only=True, tag="goodbye"):
    """The socket closes next, with ``code``. A client that may reconnect first waits a random time up to
    ``reconnect_ms``."""

    code: Annotated[int, Meta(ge=1000, le=4999)]
    reconnect_ms: Count


class Conversation(Server, frozen=True, kw_only=True, tag="conversation"):
    """A conversation has changed; these are its current values. Times are in milliseconds since the Unix epoch.

    ``writing``: the generations that write in it now.
    """

    id: Id
    title: str
    created_at: Count
    updated_at: Count
    pinned: bool
    version: Count
    writing: tuple[Id, ...]
    deleted: bool = False


class Model(ModelEntry, frozen=True, kw_only=True, tag="model", tag_field="type"):
    """A model has changed; these are its current values. ``deleted``: no `generate` may name it any more. ``default``:
    it is the default model from now on."""

    deleted: bool = False
    default: bool = False


class Steered(Server, frozen=True, kw_only=True, tag="steered"):
    """The text before number ``seq`` ends there, and the answer continues after an instruction of the user."""

    id: Id
    seq: EventSeq
    content: str


class Tuned(Server, frozen=True, kw_only=True, tag="tuned"):
    """The text after number ``seq`` is written with other parameters. ``params`` and ``on_detach_ms``: those that were
    changed, with their new values, as in Generate."""

    id: Id
    seq: EventSeq
    params: dict[str, Any]
    on_detach_ms: DetachMs | UnsetType | None = UNSET


class Alternatives(Server, frozen=True, kw_only=True, tag="alternatives"):
    """The likeliest tokens at the place of event ``seq``, likeliest first. The chosen one is always among them, if the
    answer has a token there. Not numbered, never replayed."""

    id: Id
    seq: EventSeq
    tokens: tuple[Alternative, ...]


SERVER_TYPES: Final[dict[str, type[Server | Model]]] = {
    "welcome": Welcome,
    "accepted": Accepted,
    "status": Status,
    "token": Token,
    "snapshot": Snapshot,
    "attached": Attached,
    "done": Done,
    "error": Error,
    "pong": Pong,
    "goodbye": Goodbye,
    "conversation": Conversation,
    "model": Model,
    "steered": Steered,
    "tuned": Tuned,
    "alternatives": Alternatives,
}
ServerMessage = (
    Welcome
    | Accepted
    | Status
    | Token
    | Snapshot
    | Attached
    | Done
    | Error
    | Pong
    | Goodbye
    | Conversation
    | Model
    | Steered
    | Tuned
    | Alternatives
)
