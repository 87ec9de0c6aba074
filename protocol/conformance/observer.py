"""Rules that every message of a server must satisfy, whatever the client sent; checked in every case.

An Observer sees one socket. All sockets of a case share the Ledger: two readers of one log must see the same text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import msgspec

from protocol.conformance.matching import show
from protocol.errors import ERRORS
from protocol.messages import SERVER_TYPES, ServerMessage

_SCHEMA: Final = msgspec.json.Decoder(ServerMessage)
_SECTIONS: Final = {type: f"5.{number}" for number, type in enumerate(SERVER_TYPES, 1)}
_EVENTS: Final = ("accepted", "attached", "token", "steered", "tuned", "snapshot", "done")
_OF_MODELS: Final = {"tools", "reasoning", "steer", "tune", "alternatives", "fork", "context"}
"""Optional parts of the protocol that may differ between models."""
_SLACK_MS: Final = 5.0
_SAME_STATUS: Final = 5


class Violation(Exception):
    """The server broke ``rule``, a section of PROTOCOL.md or the key of a MUST."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(rule, text)
        self.rule = rule
        self.text = text


@dataclass
class Ledger:
    """Known facts about the logs, by id and epoch: the longest text seen, its length at each number, and the end."""

    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    cuts: dict[tuple[str, str], dict[int, int]] = field(default_factory=dict)
    ends: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def note(self, log: tuple[str, str], seq: int, text: str) -> None:
        """Record that one reader has seen ``text`` up to number ``seq``. Raises Violation when two readers differ."""
        known = self.texts.setdefault(log, text)
        if self.cuts.setdefault(log, {}).setdefault(seq, len(text)) != len(text) or not _agree(known, text):
            seen = known[: self.cuts[log][seq]]
            raise Violation("1", f"{log[0]}: up to number {seq} one reader got {show(seen)}, another {show(text)}")
        if len(text) > len(known):
            self.texts[log] = text

    def text_at(self, log: tuple[str, str], seq: int) -> str | None:
        """Return the text up to number ``seq``; None when no reader has stopped there."""
        cut = 0 if seq == 0 else self.cuts.get(log, {}).get(seq)
        return None if cut is None else self.texts.get(log, "")[:cut]

    def end(self, log: tuple[str, str], done: dict[str, Any]) -> None:
        if self.ends.setdefault(log, done) != done:
            raise Violation("6.4/1", f"{log[0]} has two ends: {show(self.ends[log])} and {show(done)}")


@dataclass
class ObservedLog:
    """One generation as one socket has seen it.

    ``watched``: accepted or attached, and not done. ``hollow``: its text is missing until a snapshot arrives.
    """

    epoch: str
    seq: int = 0
    text: str = ""
    watched: bool = True
    hollow: bool = False
    marked: str | None = None
    """Type of a `steered` or `tuned` whose snapshot must come next."""
    calls: list[dict[str, Any]] | None = field(default_factory=list)
    """The calls so far; None for a reader that did not begin at the first event."""


class Observer:
    """Checker for one socket, owned by its task in the runner: call ``sent`` for each frame out, ``received`` for each
    in."""

    def __init__(self, ledger: Ledger) -> None:
        self.readers: dict[str, ObservedLog] = {}
        self._ledger = ledger
        self._greeted = False
        self._confirms_stop = True
        self._has_upstream = False
        self._leaving: int | None = None
        self._asked: set[str] = set()
        self._last_status: dict[str, tuple[dict[str, Any], int]] = {}

    def sent(self, frame: str) -> None:
        """Record the ids whose status the client requested: these need not be watched (PROTOCOL 5.3)."""
        for line in frame.split("\n"):
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict) and message.get("type") == "status" and isinstance(message.get("id"), str):
                self._asked.add(message["id"])

    def received(self, frame: str | bytes) -> list[dict[str, Any]]:
        """Decode and check ``frame``; returns its messages. Raises Violation."""
        if isinstance(frame, bytes):
            raise Violation("2.2", f"a binary frame of {len(frame)} bytes")
        messages = [self._read(line) for line in frame.split("\n") if line.strip()]
        for message in messages:
            self._look_at(message)
        return messages

    def closed(self, code: int) -> None:
        if self._leaving is not None and code != self._leaving:
            raise Violation("5.10", f"goodbye announced {self._leaving}, the socket was closed with {code}")

    def _read(self, line: str) -> dict[str, Any]:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise Violation("2.2", f"not JSON: {problem}: {show(line)}") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Violation("2.2", f"not an object with a `type`: {show(line)}")
        if next(iter(message)) != "type":
            raise Violation("2.9/1", f"`type` is not the first field: {show(line)}")
        _whole_code_points(message)
        if message["type"] in SERVER_TYPES:
            _has_its_fields(message, line)
        return message

    def _look_at(self, message: dict[str, Any]) -> None:
        kind, id = message["type"], message.get("id")
        if self._leaving is not None:
            raise Violation("3.3/1", f"{kind} after goodbye")
        if not self._greeted and kind != "welcome":
            raise Violation("3.1/1", f"the first message is {kind}, not welcome")
        if kind in _EVENTS:
            self._look_at_event(message, message["id"])
        elif kind == "welcome":
            if self._greeted:
                raise Violation("3.1/2", "a second welcome")
            self._confirms_stop = message["model"].get("stop") != "asked"
            for model in (message["model"], *message.get("models", ())):
                self._note_model(model)
            _default_features(message)
            self._greeted = True
        elif kind == "model":
            self._note_model(message)
        elif kind == "goodbye":
            self._leaving = message["code"]
        elif kind == "error":
            _error(message)
        elif kind == "status" and id is not None:
            self._status(message, id)

    def _note_model(self, model: dict[str, Any]) -> None:
        self._has_upstream = self._has_upstream or model.get("template") == "upstream"

    def _look_at_event(self, message: dict[str, Any], id: str) -> None:
        kind = message["type"]
        if kind == "accepted":
            self._accepted(message, id)
        elif kind == "attached":
            self._attached(message, id)
        else:
            reader = self._watched(message, id)
            kinds = {"token": self._token, "snapshot": self._snapshot, "done": self._done}
            kinds.get(kind, self._marked)(message, reader)

    def _watched(self, message: dict[str, Any], id: str) -> ObservedLog:
        reader = self.readers.get(id)
        if reader is None:
            raise Violation("6.1/1", f"{id}: {message['type']} before accepted or attached")
        if not reader.watched:
            rule = "6.4/1" if message["type"] == "done" else "6.4/2"
            raise Violation(rule, f"{id}: {message['type']} after done")
        if reader.hollow and message["type"] != "snapshot":
            raise Violation("5.6/1", f"{id}: {message['type']} where a snapshot must come first")
        if reader.marked and (message["type"], message["seq"]) != ("snapshot", reader.seq):
            rule = "5.13/1" if reader.marked == "steered" else "5.14/1"
            raise Violation(rule, f"{id}: {message['type']} {message['seq']} right after {reader.marked} {reader.seq}")
        return reader

    def _accepted(self, message: dict[str, Any], id: str) -> None:
        known = self.readers.get(id)
        if known is not None and (known.watched or known.epoch == message["epoch"]):
            raise Violation("4.2", f"{id}: accepted twice")
        self.readers[id] = ObservedLog(message["epoch"])

    def _attached(self, message: dict[str, Any], id: str) -> None:
        epoch, after, recovered = message["epoch"], message["from"], message["recovered"]
        if not recovered and after != 0:
            raise Violation("5.6", f"{id}: recovered is false, and `from` is {after}")
        if after > message["to"]:
            raise Violation("5.6", f"{id}: `from` {after} lies beyond `to` {message['to']}")
        text = self._ledger.text_at((id, epoch), after)
        if text is None:
            raise Violation("6.8", f"{id}: attached from {after}, a cursor that no reader had")
        calls: list[dict[str, Any]] | None = [] if recovered and after == 0 else None
        self.readers[id] = ObservedLog(epoch, after, text, hollow=not recovered, calls=calls)

    def _token(self, token: dict[str, Any], reader: ObservedLog) -> None:
        id, seq, count = token["id"], token["seq"], token["n"]
        if not token["text"]:
            raise Violation("5.4", f"{id}: a token without text")
        if seq - count != reader.seq:
            fault = "numbers are missing" if seq - count > reader.seq else "numbers come twice"
            raise Violation("6.2/1", f"{id}: {fault}: a token of {seq - count + 1} to {seq} after {reader.seq}")
        self._advance(token["id"], reader, seq, reader.text + token["text"])
        if reader.calls is not None:
            _join_calls(id, reader.calls, token.get("tool_calls", ()))

    def _marked(self, mark: dict[str, Any], reader: ObservedLog) -> None:
        """Check `steered` and `tuned`, which have a number and no text."""
        id, kind, seq = mark["id"], mark["type"], mark["seq"]
        if seq != reader.seq + 1:
            raise Violation("6.2/2", f"{id}: {kind} has number {seq} after {reader.seq}")
        self._advance(id, reader, seq, reader.text)
        reader.marked = kind

    def _snapshot(self, snapshot: dict[str, Any], reader: ObservedLog) -> None:
        if snapshot["epoch"] != reader.epoch:
            raise Violation("5.5", f"{snapshot['id']}: a snapshot of epoch {snapshot['epoch']}, not {reader.epoch}")
        reader.hollow, reader.marked = False, None
        self._advance(snapshot["id"], reader, snapshot["seq"], snapshot["text"])

    def _advance(self, id: str, reader: ObservedLog, seq: int, text: str) -> None:
        reader.seq, reader.text = seq, text
        self._ledger.note((id, reader.epoch), seq, text)

    def _done(self, done: dict[str, Any], reader: ObservedLog) -> None:
        id = done["id"]
        if done["seq"] != reader.seq + 1:
            raise Violation("6.2/2", f"{id}: done has number {done['seq']} after {reader.seq}")
        if done["chars"] != len(reader.text):
            raise Violation("5.7", f"{id}: done counts {done['chars']} code points, {len(reader.text)} came")
        if done["sha256"] != sha256(reader.text.encode()).hexdigest():
            raise Violation("5.7", f"{id}: done.sha256 is not that of the text that came")
        if reader.calls is not None and reader.calls != done.get("tool_calls", []):
            raise Violation("15.3/2", f"{id}: the parts of calls make {show(reader.calls)}, not {show(done)}")
        _plausible(done, reader.text)
        if "stop" in done["timings"] and not self._confirms_stop:
            raise Violation("6.6", f"{id}: timings.stop, and welcome.model.stop is asked")
        reader.watched = False
        self._ledger.end((id, reader.epoch), done)

    def _status(self, status: dict[str, Any], id: str) -> None:
        reader = self.readers.get(id)
        if reader is None and id not in self._asked:
            raise Violation("5.3", f"{id}: a status of a generation that is not watched here")
        if "upstream" in status and not self._has_upstream:
            raise Violation("5.3", f"{id}: `upstream`, and no model is behind another server: {show(status)}")
        before, times = self._last_status.get(id, ({}, 0))
        times = times + 1 if before == status and id not in self._asked else 1
        if times > _SAME_STATUS:
            raise Violation(
                "5.3", f"{id}: the same status {times} times in a row, with nothing changed: {show(status)}"
            )
        self._last_status[id] = (status, times)


def _default_features(welcome: dict[str, Any]) -> None:
    """Check that `welcome.features` has what the default model has, and of the parts of models nothing else."""
    first: dict[str, Any] = next(iter(welcome.get("models", ())), {})
    if "features" in first and set(first["features"]) != _OF_MODELS & set(welcome.get("features", ())):
        raise Violation("5.1", f"welcome.features are not those of the default model: {show(welcome)}")


def _join_calls(id: str, calls: list[dict[str, Any]], parts: Iterable[dict[str, Any]]) -> None:
    """Add new parts of calls to ``calls``."""
    for part in parts:
        index, function = part["index"], part["function"]
        first = index == len(calls)
        if index > len(calls) or first != ("id" in part) or first != ("name" in function):
            raise Violation("15.3/1", f"{id}: part {show(part)} after {len(calls)} calls")
        if first:
            calls.append({"id": part["id"], "function": {"name": function["name"], "arguments": ""}})
        calls[index]["function"]["arguments"] += function.get("arguments", "")


def _agree(one: str, other: str) -> bool:
    """Tell whether one text is a prefix of the other."""
    return one.startswith(other) or other.startswith(one)


def _whole_code_points(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Violation("2.8/1", f"text that is not whole code points: {show(value)}") from None


def _has_its_fields(message: dict[str, Any], line: str) -> None:
    try:
        _SCHEMA.decode(line)
    except msgspec.DecodeError as problem:
        raise Violation(_SECTIONS[message["type"]], f"{message['type']}: {problem}: {show(line)}") from None
    if empty := next((key for key, value in message.items() if value is None), None):
        raise Violation("2.9", f"{message['type']}.{empty} is null and not left out: {show(line)}")


def _error(error: dict[str, Any]) -> None:
    known = {code.value: facts.retryable for code, facts in ERRORS.items()}.get(error["code"])
    if known is not None and known != error["retryable"]:
        raise Violation("8", f"{error['code']} has retryable {str(error['retryable']).lower()}")
    if not error["message"].strip():
        raise Violation("5.8", f"{error['code']} has no message")


def _plausible(done: dict[str, Any], text: str) -> None:
    """Check counts and durations for contradictions (PROTOCOL 5.7)."""
    usage, timings, id = done["usage"], done["timings"], done["id"]
    if usage["cached_tokens"] > usage["prompt_tokens"]:
        raise Violation("5.7", f"{id}: more cached tokens than prompt tokens: {show(usage)}")
    if text and not usage["completion_tokens"]:
        raise Violation("5.7", f"{id}: text without completion tokens: {show(usage)}")
    if late := [name for name, value in timings.items() if value > timings["total"] + _SLACK_MS]:
        raise Violation("5.7", f"{id}: timings.{late[0]} is longer than the total: {show(timings)}")
    if "stop" in timings and done["reason"] != "cancelled":
        raise Violation("5.7", f"{id}: timings.stop, and the reason is {done['reason']}")
    if ("error" in done) != (done["reason"] == "failed"):
        raise Violation("5.7", f"{id}: error goes with the reason failed, and with no other: {show(done)}")
