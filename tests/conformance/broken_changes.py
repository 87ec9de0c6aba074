"""Servers that break one rule each about changes of a running answer: instructions and parameters."""

from __future__ import annotations

from tests.conformance.proxy import Fault, Message


class SteeredWithoutSnapshot(Fault):
    rule = "5.13/1"

    def __init__(self) -> None:
        self._steered = 0

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "steered":
            self._steered = message["seq"]
        return [] if message["type"] == "snapshot" and message["seq"] == self._steered else [message]


class SteeredWithoutNumber(Fault):
    """Gives an instruction the number of the text before it."""

    rule = "6.2/2"

    def said(self, message: Message) -> list[Message]:
        return [{**message, "seq": message["seq"] - 1}] if message["type"] == "steered" else [message]


class RepeatedSteerRead(Fault):
    """Reads an instruction again that is sent again with its key."""

    rule = "4.9/2"

    def asked(self, message: Message) -> list[Message]:
        return [{name: value for name, value in message.items() if message["type"] != "steer" or name != "key"}]


class LateSteerUnanswered(Fault):
    rule = "4.9/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "error" and message.get("re") == "steer" else [message]


class TunedWithoutSnapshot(Fault):
    rule = "5.14/1"

    def __init__(self) -> None:
        self._tuned = 0

    def said(self, message: Message) -> list[Message]:
        if message["type"] == "tuned":
            self._tuned = message["seq"]
        return [] if message["type"] == "snapshot" and message["seq"] == self._tuned else [message]


class TunedWithoutNumber(Fault):
    """Gives a change the number of the text before it."""

    rule = "6.2/2"

    def said(self, message: Message) -> list[Message]:
        return [{**message, "seq": message["seq"] - 1}] if message["type"] == "tuned" else [message]


class LateTuneUnanswered(Fault):
    rule = "4.11/1"

    def said(self, message: Message) -> list[Message]:
        return [] if message["type"] == "error" and message.get("re") == "tune" else [message]


class TuneIgnored(Fault):
    """Confirms a change, but the answer continues with the old parameters."""

    rule = "4.11"

    def asked(self, message: Message) -> list[Message]:
        return [_with_limit(message, 4000) if message["type"] == "tune" and _limit(message) == 1 else message]

    def said(self, message: Message) -> list[Message]:
        return [_with_limit(message, 1) if message["type"] == "tuned" and _limit(message) == 4000 else message]


def _limit(message: Message) -> object:
    return message.get("params", {}).get("max_tokens")


def _with_limit(message: Message, limit: int) -> Message:
    return {**message, "params": {**message["params"], "max_tokens": limit}}
