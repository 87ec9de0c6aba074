"""Servers that break exactly one rule each: the real server behind a proxy that breaks the rule (proxy.py)."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import ClassVar, Final

from tests.conformance import broken_changes, broken_places  # noqa: F401  their faults are found as subclasses
from tests.conformance.proxy import Fault, Frame, HangUp, Message, dumps

# --- numbers, text, the end


class DoubleDone(Fault):
    rule = "6.4/1"

    def said(self, message: Message) -> list[Message]:
        return [message, message] if message["type"] == "done" else [message]


class LostLastToken(Fault):
    """Drops the last piece of each answer; `done` hides the loss."""

    rule = "6.2/2"

    def __init__(self) -> None:
        self._held: dict[str, Message] = {}

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "token":
            before = self._held.get(message["id"])
            self._held[message["id"]] = message
            return [before] if before else []
        if message["type"] == "done":
            self._held.pop(message["id"], None)
        return [message]


class SequenceGap(Fault):
    rule = "6.2/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "token" and message["seq"] == 2 and message["n"] == 1 else [message]


class DuplicatedToken(Fault):
    rule = "6.2/1"

    def said(self, message: Message) -> list[Message]:
        return [message, message] if message["type"] == "token" and message["seq"] % 3 == 0 else [message]


class StartsAtZero(Fault):
    """Numbers pieces from 0: a first message with one piece has no valid number, and one with more starts before 0."""

    rule = "6.2/1"
    or_rule = "5.4"

    def said(self, message: Message) -> list[Message]:
        return [{**message, "seq": message["seq"] - 1}] if message["type"] == "token" else [message]


class WrongHash(Fault):
    rule = "5.7"

    def said(self, message: Message) -> list[Message]:
        return [{**message, "sha256": "0" * 64}] if message["type"] == "done" else [message]


class WrongChars(Fault):
    """Counts bytes instead of code points."""

    rule = "5.7"

    def __init__(self) -> None:
        self._bytes = 0

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "token":
            self._bytes += len(message["text"].encode())
        return [{**message, "chars": self._bytes}] if message["type"] == "done" else [message]


class TokenAfterDone(Fault):
    rule = "6.4/2"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "done":
            return [message]
        return [message, {"type": "token", "id": message["id"], "seq": message["seq"] + 1, "n": 1, "text": "…"}]


class NoDone(Fault):
    """Sends no `done` for an answer that ends by itself."""

    rule = "6.4/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "done" and message["reason"] != "cancelled" else [message]


class SplitSurrogates(Fault):
    """Splits text between UTF-16 units, as a careless JavaScript server does."""

    rule = "2.8/1"

    def outgoing(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, bytes) or self.plain or not frame.startswith('{"type":"token"') or frame.isascii():
            return [frame]
        message = json.loads(frame)
        units = message["text"].encode("utf-16-le")
        halves = [units[:2], units[2:]] if ord(message["text"][0]) > 0xFFFF else [units]
        texts = [half.decode("utf-16-le", "surrogatepass") for half in halves]
        return [json.dumps({**message, "text": text}) for text in texts]


class SplitBytes(Fault):
    """Decodes each byte of a character separately; `done` is right."""

    rule = "5.7"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "token":
            return [message]
        return [{**message, "text": message["text"].encode().decode("ascii", "replace")}]


class AnotherTextOnReplay(Fault):
    """Replays another text than was streamed, with matching numbers and checksums."""

    rule = "1"

    def __init__(self) -> None:
        self._text: dict[str, str] = {}

    def said(self, message: Message) -> list[Message]:
        id = message.get("id", "")
        if message["type"] == "attached" and message["recovered"] and message["from"] == 0:
            self._text[id] = ""
        elif id in self._text and message["type"] == "token":
            shouted = message["text"].upper()
            self._text[id] += shouted
            return [{**message, "text": shouted}]
        elif id in self._text and message["type"] == "done":
            text = self._text.pop(id)
            return [{**message, "chars": len(text), "sha256": sha256(text.encode()).hexdigest()}]
        return [message]


class StopStringLeaks(Fault):
    """Sends the stop string before it ends the answer."""

    rule = "4.2/3"

    def __init__(self) -> None:
        self._stops: dict[str, str] = {}
        self._text: dict[str, str] = {}

    def asked(self, message: Message) -> list[Message]:
        if message["type"] == "generate" and (stop := message.get("params", {}).get("stop")):
            self._stops[message.get("id", "")] = self.leaked(stop[-1])
        return [message]

    def leaked(self, stop: str) -> str:
        return stop

    def said(self, message: Message) -> list[Message]:
        id = message.get("id", "")
        if message["type"] == "token":
            self._text[id] = self._text.get(id, "") + message["text"]
        if message["type"] != "done" or id not in self._stops or message["reason"] != "stop":
            return [message]
        leak, seq = self._stops[id], message["seq"]
        text = self._text.get(id, "") + leak
        return [
            {"type": "token", "id": id, "seq": seq, "n": 1, "text": leak},
            {**message, "seq": seq + 1, "chars": len(text), "sha256": sha256(text.encode()).hexdigest()},
        ]


class StopStringBegins(StopStringLeaks):
    """Sends the beginning of the stop string, which it should hold back."""

    def leaked(self, stop: str) -> str:
        return stop[:3]


class MaxTokensIgnored(Fault):
    rule = "4.2"

    def asked(self, message: Message) -> list[Message]:
        params = message.get("params")
        if message["type"] == "generate" and isinstance(params, dict) and params.get("max_tokens") == 3:
            return [{**message, "params": {**params, "max_tokens": 30}}]
        return [message]


class StopTimeMissing(Fault):
    rule = "5.7"

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "done":
            message = {**message, "timings": {k: v for k, v in message["timings"].items() if k != "stop"}}
        return [message]


# --- order on a connection


class NoWelcome(Fault):
    rule = "3.1/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "welcome" else [message]


class DefaultInWords(Fault):
    """Sends a numeric default of the model as text."""

    rule = "5.1"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "welcome":
            return [message]
        return [{**message, "model": {**message["model"], "sampling": {"temperature": "0.8"}}}]


class WithoutTheDefaultModelsFeatures(Fault):
    """Names in `welcome.features` nothing that the default model has."""

    rule = "5.1"

    def said(self, message: Message) -> list[Message]:
        return [{**message, "features": ["temporary"]}] if message["type"] == "welcome" else [message]


class WelcomeTwice(Fault):
    rule = "3.1/2"

    def said(self, message: Message) -> list[Message]:
        return [message, message] if message["type"] == "welcome" else [message]


class WelcomeLate(Fault):
    """Sends another message before `welcome`."""

    rule = "3.1/1"

    def said(self, message: Message) -> list[Message]:
        return [{"type": "status", "running": 0, "queued": 0}, message] if message["type"] == "welcome" else [message]


class NothingAccepted(Fault):
    """Sends text without `accepted`."""

    rule = "6.1/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] in ("accepted", "status") else [message]


class DoneBeforeAccepted(Fault):
    rule = "6.1/1"

    def __init__(self) -> None:
        self._held: dict[str, Message] = {}

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "accepted":
            self._held[message["id"]] = message
            return []
        if message["type"] == "status" and message.get("id") in self._held:
            return []
        if message["type"] in ("token", "done") and (held := self._held.pop(message["id"], None)):
            return [message, held]
        return [message]


class TypeNotFirst(Fault):
    rule = "2.9/1"

    def outgoing(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, str) and frame.startswith('{"type":"done"'):
            message = json.loads(frame)
            return [dumps({"id": message.pop("id"), **message})]
        return [frame]


class NullFields(Fault):
    """Sends optional fields without a value as null."""

    rule = "2.9"

    def said(self, message: Message) -> list[Message]:
        return [{**message, "retry_after_ms": None}] if message["type"] == "error" else [message]


class OutOfOrder(Fault):
    """Handles several objects of one frame from the last to the first."""

    rule = "2.2/1"

    def incoming(self, frame: Frame) -> list[Frame]:
        if isinstance(frame, str) and not self.plain and frame.count("\n{") > 1:
            return ["\n".join(reversed(frame.split("\n")))]
        return [frame]


class StatusFlood(Fault):
    rule = "5.3"

    def said(self, message: Message) -> list[Message]:
        pushed = message["type"] == "status" and message.get("state") == "decode"
        return [message] * 50 if pushed else [message]


class UpstreamOfALocalModel(Fault):
    """Says that another server is busy, where there is none."""

    rule = "5.3"

    def said(self, message: Message) -> list[Message]:
        pushed = message["type"] == "status" and message.get("state") == "decode"
        return [{**message, "upstream": "busy"}] if pushed else [message]


# --- cancel


class CancelIgnored(Fault):
    """Ignores cancels and computes on to the end."""

    rule = "6.7"

    def asked(self, message: Message) -> list[Message]:
        return [] if message["type"] == "cancel" and "id" in message else [message]


class CancelNeverDone(Fault):
    rule = "6.4/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "done" and message["reason"] == "cancelled" else [message]


class CancelGoesOn(Fault):
    """Sends `cancelled` at once, while the engine still computes and sends text."""

    rule = "6.4/2"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "done" or message["reason"] != "cancelled":
            return [message]
        late = {"type": "token", "id": message["id"], "seq": message["seq"] + 1, "n": 1, "text": "and on"}
        return [message, late, {**late, "seq": late["seq"] + 1}]


class CancelSaysStop(Fault):
    rule = "6.6"

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "done" and message["reason"] == "cancelled":
            timings = {k: v for k, v in message["timings"].items() if k != "stop"}
            return [{**message, "reason": "failed", "timings": timings, "error": {"code": "internal", "message": "?"}}]
        return [message]


class CancelMeansOldest(Fault):
    """Cancels the oldest generation instead of the newest if the cancel has no id."""

    rule = "4.3"

    def __init__(self) -> None:
        self._first: str | None = None

    def asked(self, message: Message) -> list[Message]:
        if message["type"] == "generate" and self._first is None:
            self._first = message.get("id")
        if message == {"type": "cancel"} and self._first:
            return [{"type": "cancel", "id": self._first}]
        return [message]


class SecondCancelComplains(Fault):
    rule = "6.7"

    def __init__(self) -> None:
        self._cancels: dict[str, int] = {}

    def asked(self, message: Message) -> list[Message]:
        if message["type"] == "cancel" and isinstance(id := message.get("id"), str):
            self._cancels[id] = self._cancels.get(id, 0) + 1
        return [message]

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "done" or message["reason"] != "cancelled" or self._cancels.get(message["id"], 0) < 2:
            return [message]
        error = {"type": "error", "re": "cancel", "id": message["id"], "code": "unexpected_message"}
        return [message, {**error, "message": "it is being cancelled already", "retryable": False}]


class CancelWithoutStopping(Fault):
    """Sends a valid `cancelled` and hides later text, but lets the engine compute on."""

    rule = "6.6/1"
    alone = True

    def __init__(self) -> None:
        self._text: dict[str, str] = {}
        self._cancelled: set[str] = set()
        self._over: set[str] = set()

    def asked(self, message: Message) -> list[Message]:
        if message["type"] != "cancel" or message.get("id") not in self._text:
            return [message]
        self._cancelled.add(message["id"])
        return []

    def said(self, message: Message) -> list[Message]:
        id = str(message.get("id"))
        if id in self._over:
            return []
        if message["type"] != "token":
            return [message]
        if id not in self._cancelled:
            self._text[id] = self._text.get(id, "") + message["text"]
            return [message]
        self._over.add(id)
        return [cancelled(id, message["seq"] - message["n"] + 1, self._text[id])]


def cancelled(id: str, seq: int, text: str) -> Message:
    """Return a `done` that looks like a true one."""
    usage = {"prompt_tokens": 9, "cached_tokens": 0, "completion_tokens": seq}
    ended = {"reason": "cancelled", "phase": "decode", "usage": usage, "timings": {"total": 9.0, "stop": 0.1}}
    digest = sha256(text.encode()).hexdigest()
    return {"type": "done", "id": id, "seq": seq, **ended, "chars": len(text), "sha256": digest}


class LateCancelSilent(Fault):
    rule = "6.7"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "error" and message["code"] == "already_done" else [message]


# --- bad input


class UnknownFieldAccepted(Fault):
    rule = "2.3/1"

    FIELDS: ClassVar = {
        "generate": {"type", "id", "prompt", "messages", "raw", "params", "on_detach_ms"},
        "ping": {"type", "nonce"},
        "cancel": {"type", "id", "all"},
    }

    def asked(self, message: Message) -> list[Message]:
        known = self.FIELDS.get(str(message.get("type")))
        return [{key: value for key, value in message.items() if known is None or key in known}]


class ErrorsSwallowed(Fault):
    rule = "2.3/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "error" and message["code"] == "bad_json" else [message]


class ErrorCloses(Fault):
    """Closes the connection after any error."""

    rule = "2.3/2"

    def __init__(self) -> None:
        self._broken = False

    def said(self, message: Message) -> list[Message]:
        if self._broken:
            raise HangUp
        self._broken = message["type"] == "error"
        return [message]


class NeverCloses4400(Fault):
    """Accepts any number of bad frames."""

    rule = "2.4/1"
    keep_open = True


class ClosesWithAnotherCode(Fault):
    rule = "2.4/1"

    def close_code(self, code: int) -> int:
        return 1011 if code == 4400 else code


class AnySubprotocol(Fault):
    rule = "2.1/1"
    any_subprotocol = True


class WrongCode(Fault):
    """Reports every mistake in a field as bad_json."""

    rule = "2.3/1"

    def said(self, message: Message) -> list[Message]:
        wrong = message["type"] == "error" and message["code"] == "invalid_field"
        return [{**message, "code": "bad_json"}] if wrong else [message]


class BothSourcesTaken(Fault):
    rule = "4.2/1"

    def asked(self, message: Message) -> list[Message]:
        if message["type"] == "generate" and "prompt" in message and message.get("messages") is not None:
            return [{key: value for key, value in message.items() if key != "messages"}]
        return [message]


class DropsUntold(Fault):
    rule = "4.2/6"

    def said(self, message: Message) -> list[Message]:
        return [{key: value for key, value in message.items() if key != "dropped"}]


class DropsUntoldAtTheEnd(Fault):
    rule = "4.2/6"

    def said(self, message: Message) -> list[Message]:
        return [{key: value for key, value in message.items() if message["type"] != "done" or key != "dropped"}]


class NeverDrops(Fault):
    rule = "4.2/4"

    def asked(self, message: Message) -> list[Message]:
        return [{**message, "truncation": "disabled"}] if message["type"] == "generate" else [message]


class TakesAnyModel(Fault):
    rule = "4.2/7"

    def asked(self, message: Message) -> list[Message]:
        return [{key: value for key, value in message.items() if key != "model" or value == ""}]


class ModelUnasked(Fault):
    """Sends a change of a model to a client that does not watch."""

    rule = "5.12"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "accepted":
            return [message]
        return [{"type": "model", "name": "Scripted", "state": "loaded", "context": 2048}, message]


# --- ping, attach, ids


class WrongNonce(Fault):
    rule = "4.7/1"

    def said(self, message: Message) -> list[Message]:
        return [{**message, "nonce": "0"}] if message["type"] == "pong" else [message]


class NoPong(Fault):
    rule = "4.7/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "pong" else [message]


class AttachReplaysAll(Fault):
    """Replays from 0, but reports that it resumes at the cursor."""

    rule = "6.2/1"

    def __init__(self) -> None:
        self._after: dict[str, int] = {}

    def asked(self, message: Message) -> list[Message]:
        if message["type"] == "attach" and isinstance(message.get("after"), int) and message["after"] < 1000:
            self._after[str(message.get("id"))] = message["after"]
            return [{**message, "after": 0}]
        return [message]

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "attached" and message["recovered"]:
            return [{**message, "from": min(self._after.pop(message["id"], 0), max(0, message["to"] - 1))}]
        return [message]


class AttachLosesSome(Fault):
    """Resumes one number too late, and reports that number."""

    rule = "6.8"

    def asked(self, message: Message) -> list[Message]:
        after = message.get("after")
        if message["type"] == "attach" and isinstance(after, int) and 0 < after < 1000:
            return [{**message, "after": after + 1}]
        return [message]


class NoSnapshot(Fault):
    rule = "5.6/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "snapshot" else [message]


class EpochIgnored(Fault):
    """Replays from a cursor of another log."""

    rule = "6.8/1"

    def asked(self, message: Message) -> list[Message]:
        if message["type"] == "attach" and isinstance(message.get("epoch"), str):
            return [{key: value for key, value in message.items() if key != "epoch"}]
        return [message]


class ConflictIgnored(Fault):
    """Returns the old answer for the same id with another body."""

    rule = "4.2/2"
    _bodies: ClassVar[dict[str, Message]] = {}

    def asked(self, message: Message) -> list[Message]:
        if message["type"] == "generate" and isinstance(message.get("id"), str):
            return [self._bodies.setdefault(message["id"], message)]
        return [message]


class UnknownIdsDiffer(Fault):
    """Reveals by its error that an id belongs to another client."""

    rule = "6.7/1"

    def said(self, message: Message) -> list[Message]:
        theirs = message["type"] == "error" and str(message.get("id")).endswith("theirs")
        return [{**message, "message": "not yours"}] if theirs else [message]


class UnknownIdSilent(Fault):
    rule = "6.7"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "error" and message["code"] == "unknown_id" else [message]


class DetachIgnored(Fault):
    rule = "4.5"

    def asked(self, message: Message) -> list[Message]:
        return [] if message["type"] == "detach" else [message]


class ClosingCancels(Fault):
    """Cancels the generations of a socket that closes."""

    rule = "6.5"

    def asked(self, message: Message) -> list[Message]:
        return [{**message, "on_detach_ms": 0}] if message["type"] == "generate" else [message]


class NobodyStays(Fault):
    """Ignores on_detach_ms: a generation without readers continues."""

    rule = "6.5"

    def asked(self, message: Message) -> list[Message]:
        return [{**message, "on_detach_ms": None}] if message["type"] == "generate" else [message]


# --- the ends of a connection


class NeverIdle(Fault):
    """Ignores close_when_idle."""

    rule = "3.5/1"

    def close_code(self, code: int) -> int:
        return 1006 if code == 1000 else code


class PlainWithoutEnd(Fault):
    rule = "10.3/1"

    def outgoing(self, frame: Frame) -> list[Frame]:
        return [] if self.plain and frame == "\n\n" else [frame]


class PlainBlankPieces(Fault):
    """Sends a blank frame inside an answer, which looks like its end to a person."""

    rule = "10.3"

    def outgoing(self, frame: Frame) -> list[Frame]:
        return [frame, "\n"] if self.plain and frame != "\n\n" else [frame]


class PlainSpeaksJson(Fault):
    rule = "10.5"

    def outgoing(self, frame: Frame) -> list[Frame]:
        return [dumps({"type": "token", "text": frame})] if self.plain and frame != "\n\n" else [frame]


# --- tools


class DraftAnswered(Fault):
    """Takes a draft for a request."""

    rule = "4.10/1"

    def asked(self, message: Message) -> list[Message]:
        return [{**message, "type": "generate"} if message["type"] == "draft" and "messages" in message else message]


class DraftErrorsLost(Fault):
    """Says nothing about a wrong draft."""

    rule = "4.10"

    def said(self, message: Message) -> list[Message]:
        wrong = message["type"] == "error" and message.get("re") == "draft" and message["code"] != "unknown_id"
        return [] if wrong else [message]


class CallNotForced(Fault):
    rule = "15.1/1"

    def asked(self, message: Message) -> list[Message]:
        return [{key: value for key, value in message.items() if key != "tool_choice"}]


class ArgumentsDisobey(Fault):
    """Forces a call, but none of its schema."""

    rule = "15.1/2"

    def asked(self, message: Message) -> list[Message]:
        if message["type"] != "generate" or not isinstance(message.get("tools"), list):
            return [message]
        functions = (tool["function"] for tool in message["tools"])
        return [{**message, "tools": [{"function": {"name": function["name"]}} for function in functions]}]


class CallNamedTwice(Fault):
    """Repeats the id of a call in its second part."""

    rule = "15.3/1"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "token" or "tool_calls" not in message:
            return [message]
        parts: list[Message] = []
        for part in message["tool_calls"]:
            parts += [part, {**part, "function": {"arguments": ""}}] if "id" in part else [part]
        return [{**message, "tool_calls": parts}]


class CallLosesArguments(Fault):
    rule = "15.3/2"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "token" or "tool_calls" not in message:
            return [message]
        parts = [{**part, "function": {**part["function"], "arguments": ""}} for part in message["tool_calls"]]
        return [{**message, "tool_calls": parts}]


class ResultWithoutCall(Fault):
    rule = "15.2/1"

    def asked(self, message: Message) -> list[Message]:
        if message["type"] != "generate" or not isinstance(message.get("messages"), list):
            return [message]
        turns = [{"tool_call_id": "x", **turn} if turn.get("role") == "tool" else turn for turn in message["messages"]]
        return [{**message, "messages": turns}]


class TemporaryShown(Fault):
    """Takes temporary generations for usual ones, and names them in `welcome`."""

    rule = "6.11/3"

    def asked(self, message: Message) -> list[Message]:
        return [{name: value for name, value in message.items() if name != "temporary"}]


def _all(base: type[Fault]) -> list[type[Fault]]:
    return [found for child in base.__subclasses__() for found in (child, *_all(child))]


FAULTS: Final[list[type[Fault]]] = _all(Fault)
