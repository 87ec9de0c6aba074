"""Chunks of an upstream's stream, decoded into one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct, json

from server.engine.base import Choice, TokenLogprob
from server.writers.upstream.call_marks import CallPart
from server.writers.upstream.request_body import Form

DONE: Final = b"[DONE]"

LONGEST_SENTENCE: Final = 300
"""Maximum length of an upstream's own error text in a message of this server, in characters."""

OVERFLOWS: Final = ("exceed_context_size_error", "context_length_exceeded")
"""Types and codes of errors about a prompt that is longer than the context."""


class Used(NamedTuple):
    """Token counts of one HTTP request."""

    prompt: int
    cached: int
    completion: int


class Delta(NamedTuple):
    """One chunk. ``read``: tokens of the prompt that were read and all of them. ``finish``: OpenAI's finish_reason.

    ``error``: the upstream's sentence; ``refused``: the same request would fail again; ``overflow``: the prompt is
    longer than the context.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[CallPart, ...] = ()
    choices: tuple[Choice, ...] = ()
    used: Used | None = None
    read: tuple[int, int] | None = None
    finish: str | None = None
    error: str | None = None
    refused: bool = False
    overflow: bool = False


class _Likely(Struct):
    token: str
    logprob: float
    bytes: list[int] | None = None


class _Chosen(_Likely):
    top_logprobs: list[_Likely] = []


class _Logprobs(Struct):
    content: list[_Chosen] | None = None


class _Function(Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct):
    index: int = 0
    id: str | None = None
    function: _Function = _Function()


class _Message(Struct):
    content: str | None = None
    tool_calls: list[_Call] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Details(Struct):
    cached_tokens: int | None = None


class _Usage(Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Progress(Struct):
    total: int
    processed: int


class _ChatChoice(Struct):
    delta: _Message | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None
    usage: _Usage | None = None


class _ChatChunk(Struct):
    choices: list[_ChatChoice] | None = None
    usage: _Usage | None = None
    error: Any = None
    prompt_progress: _Progress | None = None
    object: str | None = None
    message: str | None = None


class _TextChoice(Struct):
    text: str | None = None
    finish_reason: str | None = None


class _TextChunk(Struct):
    choices: list[_TextChoice] | None = None
    usage: _Usage | None = None
    error: Any = None


class _Timings(Struct):
    cache_n: int = 0


class _NativeChunk(Struct):
    content: str = ""
    stop: bool = False
    stop_type: str = ""
    tokens_predicted: int = 0
    tokens_evaluated: int = 0
    completion_probabilities: list[_Chosen] | None = None
    prompt_progress: _Progress | None = None
    timings: _Timings | None = None
    error: Any = None


_CHAT: Final = json.Decoder(_ChatChunk)
_TEXT: Final = json.Decoder(_TextChunk)
_NATIVE: Final = json.Decoder(_NativeChunk)


def read_chunk(form: Form, data: bytes, top: int | None) -> Delta:
    """Decode one event. ``top``: number of likeliest tokens that the client asked for.

    Raises msgspec.MsgspecError when it is no chunk of this form, or has text that isn't whole code points.
    """
    if form == "chat":
        return _of_chat(_CHAT.decode(data), top)
    return _of_text(_TEXT.decode(data)) if form == "text" else _of_native(_NATIVE.decode(data), top)


def sentence(error: Any) -> str:
    """Return the text of an upstream's error as one short line."""
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error.get("error") or "no reason given"
        if isinstance(error, dict):
            return sentence(error)
    words = " ".join("".join(each if each.isprintable() else " " for each in str(error)).split())
    return words if len(words) <= LONGEST_SENTENCE else f"{words[:LONGEST_SENTENCE]}..."


def is_overflow(error: Any) -> bool:
    """Return True if an upstream's error says that the prompt is longer than the model's context.

    llama-server says so by its type and OpenAI's API by its code, vLLM and SGLang only in their sentences.
    """
    if isinstance(error, dict) and isinstance(error.get("error"), dict):
        error = error["error"]
    names = (error.get("type"), error.get("code")) if isinstance(error, dict) else ()
    return any(name in OVERFLOWS for name in names) or "context length" in sentence(error).lower()


def _failed(error: Any) -> Delta:
    code = error.get("code") if isinstance(error, dict) else None
    refused = is_overflow(error) or (isinstance(code, int) and 400 <= code < 500 and code != 429)
    return Delta(error=sentence(error), refused=refused, overflow=is_overflow(error))


def _of_chat(chunk: _ChatChunk, top: int | None) -> Delta:
    if error := chunk.error or (chunk.message if chunk.object == "error" else None):
        return _failed(error)
    choice = chunk.choices[0] if chunk.choices else None
    said = choice.delta if choice else None
    likely = choice.logprobs.content if choice and choice.logprobs else None
    usage = chunk.usage or (choice.usage if choice else None)
    return Delta(
        text=(said.content or "") if said else "",
        reasoning=(said.reasoning_content or said.reasoning or "") if said else "",
        calls=tuple(map(_call, (said.tool_calls or ()) if said else ())),
        choices=_choices(likely, top) if likely else (),
        used=_used(usage) if usage else None,
        read=_read(chunk.prompt_progress),
        finish=choice.finish_reason if choice else None,
    )


def _call(call: _Call) -> CallPart:
    return CallPart(call.index, call.id or "", call.function.name or "", call.function.arguments or "")


def _of_text(chunk: _TextChunk) -> Delta:
    if chunk.error:
        return _failed(chunk.error)
    choice = chunk.choices[0] if chunk.choices else None
    return Delta(
        text=(choice.text or "") if choice else "",
        used=_used(chunk.usage) if chunk.usage else None,
        finish=choice.finish_reason if choice else None,
    )


def _of_native(chunk: _NativeChunk, top: int | None) -> Delta:
    if chunk.error:
        return _failed(chunk.error)
    cached = chunk.timings.cache_n if chunk.timings else 0
    ended = ("length" if chunk.stop_type == "limit" else "stop") if chunk.stop else None
    return Delta(
        text=chunk.content,
        choices=_choices(chunk.completion_probabilities, top) if chunk.completion_probabilities else (),
        used=Used(chunk.tokens_evaluated, cached, chunk.tokens_predicted) if chunk.stop else None,
        read=_read(chunk.prompt_progress),
        finish=ended,
    )


def _read(progress: _Progress | None) -> tuple[int, int] | None:
    return (min(progress.processed, progress.total), progress.total) if progress else None


def _used(usage: _Usage) -> Used:
    details = usage.prompt_tokens_details
    return Used(usage.prompt_tokens, (details.cached_tokens or 0) if details else 0, usage.completion_tokens)


def _choices(likely: Sequence[_Chosen], top: int | None) -> tuple[Choice, ...]:
    if top is None:
        return ()
    return tuple(Choice(_logprob(each), tuple(map(_logprob, each.top_logprobs[:top]))) for each in likely)


def _logprob(likely: _Likely) -> TokenLogprob:
    return TokenLogprob(likely.token.encode() if likely.bytes is None else bytes(likely.bytes), likely.logprob)
