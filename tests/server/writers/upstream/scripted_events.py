"""The events of a scripted upstream's answer, in the form of each kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.server.writers.upstream.scripted_reply import BEGIN, PROMPT_TOKENS, THOUGHT, Reply, Seen, words


def held(seen: Seen, reply: Reply) -> Iterator[bytes]:
    """Yield the events up to the reply's hold, and then its error."""
    texts = 0
    for is_text, event in events(seen, reply):
        if reply.hold is not None and texts == reply.hold:
            if reply.error is not None:
                yield _event({"error": reply.error})
            return
        texts += is_text
        yield event


def events(seen: Seen, reply: Reply) -> Iterator[tuple[bool, bytes]]:
    """Yield each event, and if it has text."""
    body = seen.body
    native = seen.path == "/completion"
    given = _given(body)
    rest = reply.answer.removeprefix(given)
    for stop in body.get("stop", ()):
        rest = rest.split(stop, 1)[0]
    tokens = ([given] if reply.echo and given else []) + words(rest)
    if (most := body.get("max_tokens", body.get("max_completion_tokens"))) is not None:
        tokens, reply.finish = (tokens[:most], "length") if most < len(tokens) else (tokens, reply.finish)
    usage = {
        "prompt_tokens": PROMPT_TOKENS + len(words(given)),
        "completion_tokens": len(tokens) + 3 * len(reply.calls),
        "prompt_tokens_details": {"cached_tokens": 4},
    }
    yield False, b": keep-alive\n\n"
    if body.get("return_progress"):
        for done in (4, PROMPT_TOKENS):
            progress = {"total": PROMPT_TOKENS + len(words(given)), "cache": 4, "processed": done}
            yield False, _event({**_nothing(native), "prompt_progress": progress})
    if reply.thought and not native:
        for word in words(THOUGHT):
            yield True, _event({"choices": [{"delta": {reply.thought: word}}]})
    for number, word in enumerate(tokens, start=1):
        chunk = _chunk(native, word, reply, {**usage, "completion_tokens": number})
        if seen.path == "/v1/completions":
            chunk["choices"] = [{"text": word}]
        yield True, _event(chunk)
    if native:
        ended = {"stop": True, "stop_type": "limit" if reply.finish == "length" else "eos"}
        counts = {"tokens_predicted": len(tokens), "tokens_evaluated": usage["prompt_tokens"]}
        yield False, _event({"content": "", **ended, **counts, "timings": {"cache_n": 4}})
        return
    for number, (name, arguments) in enumerate(reply.calls):
        for part in _call(number, name, arguments):
            yield True, _event({"choices": [{"delta": {"tool_calls": [part]}}]})
        reply.finish = "tool_calls"
    last: dict[str, Any] = {"choices": [{"delta": {}, "finish_reason": reply.finish}]}
    if reply.usage == "choice":
        last["choices"][0]["usage"] = usage
    yield False, _event(last | ({"usage": usage} if reply.usage == "last" else {}))
    if reply.usage == "own":
        yield False, _event({"choices": [], "usage": usage})
    yield False, b"data: [DONE]\n\n"


def rest_of(all_events: Iterator[tuple[bool, bytes]], hold: int) -> Iterator[bytes]:
    """Yield what comes after ``hold`` events with text."""
    texts = 0
    for is_text, event in all_events:
        texts += is_text
        if texts > hold or (texts == hold and not is_text and hold):
            yield event


def _call(number: int, name: str, arguments: str) -> Iterator[dict[str, Any]]:
    """Yield the parts of a call: its head, and its arguments in two pieces."""
    yield {"index": number, "id": f"their-{number}", "type": "function", "function": {"name": name, "arguments": ""}}
    half = len(arguments) // 2
    for piece in (arguments[:half], arguments[half:]):
        yield {"index": number, "function": {"arguments": piece}}


def _given(body: dict[str, Any]) -> str:
    """Return the beginning of the answer that the request has, as templates take it: with its end trimmed."""
    if "prompt" in body:
        return str(body["prompt"]).rpartition(BEGIN)[2].rstrip()
    last = body["messages"][-1]
    return str(last["content"]).rstrip() if last["role"] == "assistant" else ""


def _nothing(native: bool) -> dict[str, Any]:
    return {"content": "", "stop": False} if native else {"choices": [{"delta": {"role": "assistant"}}]}


def _chunk(native: bool, word: str, reply: Reply, usage: dict[str, Any]) -> dict[str, Any]:
    likely = [{"token": word, "logprob": -0.5, "bytes": list(word.encode()), "top_logprobs": _TOP}]
    if native:
        return {"content": word, "stop": False} | ({"completion_probabilities": likely} if reply.logprobs else {})
    choice: dict[str, Any] = {"delta": {"content": word}, "finish_reason": None}
    choice |= {"logprobs": {"content": likely}} if reply.logprobs else {}
    return {"choices": [choice], "usage": usage if reply.usage == "every" else None}


_TOP: Final = [{"token": "a", "logprob": -0.5}, {"token": "b", "logprob": -1.5}]


def _event(value: dict[str, Any]) -> bytes:
    return b"data: %s\n\n" % json.dumps(value, ensure_ascii=False).encode()
