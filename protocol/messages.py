"""Every message of streamui.v1 as a frozen struct, one tagged union per direction (PROTOCOL 4 and 5).

Ranges stand in the types and are checked when a frame is decoded (codec.py), not when a struct is built.
A client message with an unknown field is refused; in a server message it is ignored. Optional fields that hold
their default are not sent.
"""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

PROTOCOL: Final = "streamui.v1"
MAX_ATTACH: Final = 256  # what one message can make the server answer has a bound
MAX_BIASES: Final = 1024
MAX_SCHEMA_BYTES: Final = 65_536
MAX_TOP_LOGPROBS: Final = 20

# `(?!\n)$` and not `$`: Python's `$` also matches before a final newline.
Id = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}(?!\n)$", description="a string of 1 to 64 of A-Z a-z 0-9 . _ -")
]
TokenId = Annotated[str, Meta(pattern=r"^[0-9]{1,10}(?!\n)$", description="a token id in decimal digits")]
MAX_WHOLE: Final = 2**53 - 1  # the largest whole number that JavaScript reads exactly
Seq = Annotated[int, Meta(ge=0, le=MAX_WHOLE)]
EventSeq = Annotated[int, Meta(ge=1, le=MAX_WHOLE)]
DetachMs = Annotated[
    int, Meta(ge=0, le=2**31 - 1, description="a whole number from 0 to 2147483647 (milliseconds) or null")
]
Count = Annotated[int, Meta(ge=0, le=MAX_WHOLE)]
Milliseconds = Annotated[float, Meta(ge=0)]
Role = Literal["system", "user", "assistant"]
Truncation = Literal["auto", "disabled"]
Breaker = Annotated[str, Meta(min_length=1, max_length=64)]


class GenerationState(StrEnum):
    """Where a generation stands (PROTOCOL 6); its steps are in states.py."""

    QUEUED = "queued"
    LOADING = "loading"
    PREFILL = "prefill"  # the prompt is being read
    DECODE = "decode"  # the answer is being written
    DONE = "done"


class DoneReason(StrEnum):
    """Why a generation ended (PROTOCOL 5.7)."""

    STOP = "stop"  # the model ended its answer, or wrote a stop string
    LENGTH = "length"  # `max_tokens` or the context was used up
    CANCELLED = "cancelled"  # by `cancel`, or unwatched for longer than `on_detach_ms`
    FAILED = "failed"  # the engine could not go on; `done.error` says why
    INTERRUPTED = "interrupted"  # the server went down in the middle of it


# --- client to server -------------------------------------------------------------------------------------------


class Record(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the objects inside client messages."""


class AttachPoint(Record, frozen=True, kw_only=True):
    """One generation to follow from the cursor ``after`` on; no ``epoch`` takes the one that the server has."""

    id: Id
    epoch: Id | None = None
    after: Seq = 0


class ChatMessage(Record, frozen=True, kw_only=True):
    role: Role
    content: str


class Params(Record, frozen=True, kw_only=True):
    """Sampling, with the names, meanings and ranges of OpenAI's and llama.cpp's APIs. None: the server's default."""

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None  # 0 = always the likeliest token
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None  # 1 = off
    top_k: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None  # 0 = off
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None  # 0 = off
    typical_p: Annotated[float, Meta(ge=0, le=1)] | None = None  # 1 = off
    top_n_sigma: Annotated[float, Meta(ge=-1, le=100)] | None = None  # 0 or less = off
    xtc_probability: Annotated[float, Meta(ge=0, le=1)] | None = None  # 0 = off
    xtc_threshold: Annotated[float, Meta(ge=0, le=1)] | None = None  # above 0.5 = off
    max_tokens: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    stop: (
        Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=256)], ...], Meta(min_length=1, max_length=16)]
        | None
    ) = None
    seed: Annotated[int, Meta(ge=-1, le=2**32 - 1)] | None = None  # -1 = a random one
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None  # 0 = off
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None  # 0 = off
    repeat_penalty: Annotated[float, Meta(gt=0, le=2)] | None = None  # 1 = off
    repeat_last_n: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None  # 0 = no penalty
    dry_multiplier: Annotated[float, Meta(ge=0, le=100)] | None = None  # 0 = off
    dry_base: Annotated[float, Meta(ge=1, le=100)] | None = None
    dry_allowed_length: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    dry_penalty_last_n: Annotated[int, Meta(ge=0, le=2**31 - 1)] | None = None
    dry_sequence_breakers: Annotated[tuple[Breaker, ...], Meta(max_length=16)] | None = None
    logit_bias: (
        Annotated[dict[TokenId, Annotated[float, Meta(ge=-100, le=100)]], Meta(max_length=MAX_BIASES)] | None
    ) = None
    json_schema: dict[str, Any] | None = None


class Client(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type"):
    """Base of the messages that a client sends."""


class Hello(Client, frozen=True, kw_only=True, tag="hello"):
    """Who is there, and which generations to follow again. Needed only where the server asks for a token."""

    token: Annotated[str, Meta(max_length=4096)] | None = None
    attach: Annotated[tuple[AttachPoint, ...], Meta(max_length=MAX_ATTACH)] = ()
    client: Annotated[str, Meta(max_length=256)] | None = None


class Generate(Client, frozen=True, kw_only=True, tag="generate"):
    """Start a generation. Exactly one of ``prompt``, ``messages`` and ``conversation``; ``raw`` only with ``prompt``.

    ``truncation``: whether the oldest turns are left out where not all fit; None: "auto" with ``conversation``, else
    "disabled". ``content``, ``parent`` and ``message_id`` go with ``conversation`` (PROTOCOL 14.2). ``parent`` UNSET:
    the end of the branch that is shown; None: a new first message. ``on_detach_ms``: how long it goes on while nobody
    watches; UNSET = 30000 (to its end with a conversation), None = to its end, 0 = not at all.
    """

    id: Id | None = None
    prompt: str | None = None
    messages: Annotated[tuple[ChatMessage, ...], Meta(min_length=1)] | None = None
    conversation: Id | None = None
    content: str | None = None
    parent: Id | UnsetType | None = UNSET
    message_id: Id | None = None
    raw: bool = False
    truncation: Truncation | None = None
    params: Params = Params()
    top_logprobs: Annotated[int, Meta(ge=0, le=MAX_TOP_LOGPROBS)] | None = None
    on_detach_ms: DetachMs | UnsetType | None = UNSET


class Cancel(Client, frozen=True, kw_only=True, tag="cancel"):
    """Stop one generation, ``all`` of this connection, or (with neither) its newest one."""

    id: Id | None = None
    all: bool = False


class Attach(Client, frozen=True, kw_only=True, tag="attach"):
    """Follow a generation from the cursor ``after`` on."""

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
    """From now on, tell this connection of every change of the user's conversations."""


CLIENT_TYPES: Final[dict[str, type[Client]]] = {
    "hello": Hello,
    "generate": Generate,
    "cancel": Cancel,
    "attach": Attach,
    "detach": Detach,
    "status": StatusRequest,
    "ping": Ping,
    "watch": Watch,
}
ClientMessage = Hello | Generate | Cancel | Attach | Detach | StatusRequest | Ping | Watch


# --- server to client -------------------------------------------------------------------------------------------


class Facts(Struct, frozen=True, omit_defaults=True):
    """Base of the objects inside server messages."""


class ModelFacts(Facts, frozen=True, kw_only=True):
    """``parameters``: how many weights; ``context``: tokens; ``template``: where the chat form comes from."""

    name: str
    parameters: Count
    context: Count
    template: Literal["gguf", "chatml", "chosen"]
    architecture: str | None = None


class Limits(Facts, frozen=True, kw_only=True):
    """``active`` and ``queued``: generations of one principal; ``parallel``: sequences that the engine runs at once."""

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
    prompt_tokens: Count
    cached_tokens: Count
    completion_tokens: Count


class Timings(Facts, frozen=True, kw_only=True):
    """Milliseconds. A phase that was not reached is left out; ``stop`` only after a cancel (PROTOCOL 5.7)."""

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
    """``warnings``: what is wrong with the server and does not stop it, a sentence each."""

    protocol: str
    server: str
    connection: str
    auth: bool
    model: ModelFacts
    limits: Limits
    active: tuple[ActiveGeneration, ...]
    warnings: tuple[str, ...] = ()


class Accepted(Server, frozen=True, kw_only=True, tag="accepted"):
    """``position``: how many generations have to end before this one starts; 0 starts at once.

    ``message``: the message of ``conversation`` that the answer goes into. ``dropped``: how many messages of the
    dialogue were left out, since not all fit (PROTOCOL 4.2).
    """

    id: Id
    epoch: Id
    position: Count
    conversation: Id | None = None
    message: Id | None = None
    dropped: EventSeq | None = None


class Status(Server, frozen=True, kw_only=True, tag="status"):
    """With ``id`` about one generation, without it about the server. Not numbered, never replayed, may be dropped."""

    id: Id | None = None
    state: GenerationState | None = None
    position: Count | None = None
    eta_ms: Count | None = None
    done: Count | None = None
    total: Count | None = None
    tokens_per_second: Annotated[float, Meta(ge=0)] | None = None
    running: Count | None = None
    queued: Count | None = None
    kv_used: Count | None = None
    kv_tokens: Count | None = None


class Logprob(Facts, frozen=True, kw_only=True):
    """A token's text and the logarithm of its probability; ``bytes`` where these are no whole code points."""

    token: str
    logprob: float
    bytes: tuple[Annotated[int, Meta(ge=0, le=255)], ...] | None = None


class ChosenLogprob(Logprob, frozen=True, kw_only=True):
    """The token that was chosen, and the likeliest ones in its place."""

    top_logprobs: tuple[Logprob, ...] = ()


class Token(Server, frozen=True, kw_only=True, tag="token"):
    """The text pieces ``seq - n + 1`` to ``seq``, joined. ``logprobs`` are of their tokens, where asked for."""

    id: Id
    seq: EventSeq
    n: EventSeq
    text: str
    logprobs: tuple[ChosenLogprob, ...] | None = None


class Snapshot(Server, frozen=True, kw_only=True, tag="snapshot"):
    """The whole text up to ``seq``; it replaces what the client has."""

    id: Id
    epoch: Id
    seq: Seq
    text: str


class Attached(Server, frozen=True, kw_only=True, tag="attached"):
    """The events after the cursor ``from`` follow; ``to`` is the newest number in the log now."""

    id: Id
    epoch: Id
    recovered: bool
    from_: Seq = field(name="from")
    to: Seq


class Done(Server, frozen=True, kw_only=True, tag="done"):
    """The last event of a generation. ``chars`` counts code points, ``sha256`` is of the UTF-8 text, in hex."""

    id: Id
    seq: EventSeq
    reason: DoneReason
    phase: GenerationState
    usage: Usage
    timings: Timings
    chars: Count
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$", description="64 hexadecimal digits")]
    limit: Literal["max_tokens", "context"] | None = None
    error: ErrorInfo | None = None


class Error(Server, frozen=True, kw_only=True, tag="error"):
    """About one client message, whose `type` is ``re``; it ends nothing."""

    re: str | None = None
    id: Id | None = None
    code: str
    message: str
    retryable: bool
    retry_after_ms: Count | None = None


class Pong(Server, frozen=True, kw_only=True, tag="pong"):
    nonce: str | None = None


class Goodbye(Server, frozen=True, kw_only=True, tag="goodbye"):
    """The socket closes with ``code`` next; a client that may come back waits up to ``reconnect_ms`` first."""

    code: Annotated[int, Meta(ge=1000, le=4999)]
    reconnect_ms: Count


class Conversation(Server, frozen=True, kw_only=True, tag="conversation"):
    """A conversation has changed, and stands so now. Times are in milliseconds since the Unix epoch.

    ``writing``: the generations that write in it.
    """

    id: Id
    title: str
    created_at: Count
    updated_at: Count
    pinned: bool
    version: Count
    writing: tuple[Id, ...]
    deleted: bool = False


SERVER_TYPES: Final[dict[str, type[Server]]] = {
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
}
ServerMessage = Welcome | Accepted | Status | Token | Snapshot | Attached | Done | Error | Pong | Goodbye | Conversation
