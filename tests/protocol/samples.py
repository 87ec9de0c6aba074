"""One complete message of each type, for several test modules."""

from hashlib import sha256
from typing import Any

from msgspec.structs import replace

from protocol.messages import (
    PROTOCOL,
    Accepted,
    ActiveGeneration,
    Attach,
    Attached,
    AttachPoint,
    CalledFunction,
    Cancel,
    ChatMessage,
    ClientMessage,
    Conversation,
    Detach,
    Done,
    DoneReason,
    Draft,
    Error,
    ErrorInfo,
    FunctionDelta,
    Generate,
    GenerationState,
    Goodbye,
    Hello,
    Instruction,
    Limits,
    Model,
    ModelEntry,
    ModelFacts,
    NamedFunction,
    NamedTool,
    Params,
    Ping,
    Pong,
    RecommendedSampling,
    ServerMessage,
    Snapshot,
    Status,
    StatusRequest,
    Steer,
    Steered,
    Timings,
    Token,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolFunction,
    ToolResult,
    Tune,
    Tuned,
    TunedValues,
    Usage,
    Watch,
    Welcome,
)

WELCOME = Welcome(
    protocol=PROTOCOL,
    server="streamui/0.1.0",
    connection="c1",
    auth=False,
    model=ModelFacts(
        name="starter",
        architecture="llama",
        parameters=5_000_000,
        context=2048,
        template="gguf",
        sampling=RecommendedSampling(temperature=0.3, top_p=0.95, top_k=40, min_p=0.1, repeat_penalty=1.0),
    ),
    limits=Limits(frame_bytes=1 << 20, active=4, queued=16, parallel=1),
    active=(ActiveGeneration(id="g0", epoch="e0", seq=0, state=GenerationState.QUEUED),),
    models=(ModelEntry(name="starter", state="loaded", context=2048, size=5_400_000),),
    warnings=("journal: the disk is full",),
)

PARAMS = Params(
    temperature=0.0,
    top_p=1.0,
    top_k=0,
    min_p=0.05,
    max_tokens=1,
    stop=("\n", "x" * 256),
    seed=2**32 - 1,
    presence_penalty=-2.0,
    frequency_penalty=2.0,
    repeat_penalty=1.1,
    typical_p=0.9,
    top_n_sigma=-1.0,
    xtc_probability=0.5,
    xtc_threshold=0.1,
    repeat_last_n=64,
    dry_multiplier=0.8,
    dry_base=1.75,
    dry_allowed_length=2,
    dry_penalty_last_n=0,
    dry_sequence_breakers=("\n",),
    logit_bias={"0": -100.0, "4294967295": 100.0},
    json_schema={"type": "object"},
)

PARAMS_TO_TUNE = replace(PARAMS, json_schema=None)

CALL = ToolCall(id="call_1", function=CalledFunction(name="add", arguments='{"a":2}'))
ADD = ToolFunction(name="add", description="Add.", parameters={"type": "object"}, strict=True)

CLIENT: list[ClientMessage] = [
    Hello(token="t", attach=(AttachPoint(id="g1", epoch="e1", after=7),), client="test/1"),
    Generate(messages=(ChatMessage(role="user", content="Hi"),), temporary=True),
    Generate(id="A.b_c-9", prompt="Hi", raw=True, params=PARAMS, top_logprobs=20, on_detach_ms=None),
    Generate(messages=(ChatMessage(role="system", content=""), ChatMessage(role="user", content="Hé 🙂"))),
    Cancel(id="g1"),
    Cancel(all=True),
    Attach(id="g1", epoch="e1", after=2**53 - 1),
    Detach(id="g1"),
    StatusRequest(),
    StatusRequest(id="g1"),
    Ping(nonce="n"),
    Watch(),
    Steer(id="g1", content="Kürzer 🙂"),
    Steer(id="g1", content="Kürzer 🙂", key="k1"),
    Tune(id="g1", params=PARAMS_TO_TUNE, on_detach_ms=None),
    Tune(id="g1", params=Params(temperature=0.2)),
    Tune(id="g1", on_detach_ms=0),
    Draft(),
    Draft(conversation="c1", content="Why do", parent="m1", model="starter"),
    Draft(messages=(ChatMessage(role="user", content="Why do"),)),
    Generate(id="g1", conversation="c1", content="Hi", parent=None, message_id="m1"),
    Generate(conversation="c1", parent="m1", params=Params(temperature=1.0), truncation="disabled"),
    Generate(messages=(ChatMessage(role="user", content="Hi"),), model="starter", truncation="auto"),
    Generate(
        messages=(
            ChatMessage(role="user", content="2 + 3?"),
            ChatMessage(role="assistant", content="", tool_calls=(CALL,)),
            ChatMessage(role="tool", content="", tool_call_id="call_1"),
        ),
        tools=(Tool(function=ADD), Tool(function=ToolFunction(name="a.b-c_D9"))),
        tool_choice=NamedTool(function=NamedFunction(name="add")),
        parallel_tool_calls=False,
        reasoning_effort="low",
        chat_template_kwargs={"enable_thinking": False},
    ),
    Generate(prompt="Hi", tools=(Tool(function=ADD),), tool_choice="required"),
    Generate(
        id="g2",
        conversation="c1",
        parent="g1",
        results=(ToolResult(tool_call_id="call_1", content=""), ToolResult(tool_call_id="call_2", content="Hé 🙂")),
        tools=(Tool(function=ADD),),
    ),
]


def done(id: str, text: str, seq: int, **changes: Any) -> Done:
    """Return the `done` with number ``seq`` that fits ``text``, with ``changes``."""
    fields: dict[str, Any] = {
        "id": id,
        "seq": seq,
        "reason": DoneReason.STOP,
        "phase": GenerationState.DECODE,
        "usage": Usage(prompt_tokens=9, cached_tokens=0, completion_tokens=seq - 1),
        "timings": Timings(total=12.5, queued=0.5),
        "chars": len(text),
        "sha256": sha256(text.encode()).hexdigest(),
    }
    return Done(**(fields | changes))


SERVER: list[ServerMessage] = [
    WELCOME,
    Accepted(id="g1", epoch="e1", position=0),
    Status(id="g1", state=GenerationState.PREFILL, done=0, total=1500),
    Status(running=0, queued=0),
    Token(id="g1", seq=2, n=2, text="Hé 🙂"),
    Snapshot(id="g1", epoch="e1", seq=0, text=""),
    Attached(id="g1", epoch="e1", recovered=True, from_=3, to=5),
    done("g1", "Hé 🙂", 3),
    done("g1", "", 1, reason=DoneReason.FAILED, error=ErrorInfo(code="engine_failed", message="no")),
    Error(re="generate", id="g1", code="busy", message="later", retryable=True, retry_after_ms=0),
    Error(code="bad_json", message="no", retryable=False),
    Pong(nonce="n"),
    Pong(),
    Goodbye(code=1012, reconnect_ms=0),
    Accepted(id="g2", epoch="e1", position=0, conversation="c1", message="m2", dropped=12),
    Conversation(
        id="c1", title="Hé", created_at=0, updated_at=2**53 - 1, pinned=True, version=1, writing=("g2",), deleted=True
    ),
    Model(name="starter", state="loading", context=2048, size=5_400_000, done=0, total=5_400_000),
    Model(name="old", state="failed", context=1, needs=2, error="no memory", title="Old", deleted=True),
    Token(
        id="g1",
        seq=2,
        n=2,
        text="{",
        tool_calls=(
            ToolCallDelta(index=0, id="call_1", function=FunctionDelta(name="add", arguments="{")),
            ToolCallDelta(index=1, function=FunctionDelta(arguments="é")),
        ),
    ),
    Snapshot(id="g1", epoch="e1", seq=9, text="{}", tool_calls=(CALL,)),
    Steered(id="g1", seq=3, content="Kürzer 🙂"),
    Snapshot(id="g1", epoch="e1", seq=3, text="Hé 🙂", steered=(Instruction(seq=3, chars=4, content="Kürzer 🙂"),)),
    Tuned(id="g1", seq=4, params={"temperature": 0.2, "stop": ["é"]}, on_detach_ms=None),
    Tuned(id="g1", seq=4, params={}, on_detach_ms=0),
    Snapshot(id="g1", epoch="e1", seq=4, text="Hé 🙂", tuned=TunedValues(params={"temperature": 0.2})),
    done("g1", "{}", 3, tool_calls=(CALL,), content="Hi"),
]
