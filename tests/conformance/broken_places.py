"""Servers that break one rule each about places in answers: alternatives and forks."""

from __future__ import annotations

from tests.conformance.proxy import Fault, Frame, Message


class ChosenLeftOut(Fault):
    """Leaves the chosen token out of the alternatives."""

    rule = "5.15"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "alternatives":
            return [message]
        return [{**message, "tokens": [token for token in message["tokens"] if not token.get("chosen")]}]


class AlternativesOutOfOrder(Fault):
    """Answers the second question before the first one."""

    rule = "4.12"

    def __init__(self) -> None:
        self._asked = 0
        self._held: list[Message] = []

    def asked(self, message: Message) -> list[Message]:
        self._asked += message["type"] == "alternatives"
        return [message]

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "alternatives" or self._asked != 2:
            return [message]
        self._held.insert(0, message)
        return self._held if len(self._held) == 2 else []


class ForkWithoutText(Fault):
    """Forks an answer, but leaves out the text that the client gives."""

    rule = "6.12"

    def asked(self, message: Message) -> list[Message]:
        if message["type"] != "generate" or "text" not in message.get("from", {}):
            return [message]
        return [{**message, "from": {name: value for name, value in message["from"].items() if name != "text"}}]


class TemporaryForkStored(Fault):
    """Starts a fork of a temporary generation that is not temporary itself."""

    rule = "6.12/1"

    def asked(self, message: Message) -> list[Message]:
        return [{**message, "temporary": True} if message["type"] == "generate" and "from" in message else message]


class PlainAlternativesWithoutChosen(Fault):
    """Doesn't mark the chosen token in plain mode."""

    rule = "10.9"

    def outgoing(self, frame: Frame) -> list[Frame]:
        if not self.plain or isinstance(frame, bytes):
            return super().outgoing(frame)
        return [frame.replace("  chosen", "") if frame.lstrip().startswith("> ") else frame]


class PlainForkWithoutText(Fault):
    """Forks an answer in plain mode, but leaves out the text that the person gives."""

    rule = "10.10"

    def incoming(self, frame: Frame) -> list[Frame]:
        if not self.plain or isinstance(frame, bytes):
            return super().incoming(frame)
        return [" ".join(frame.split(" ")[:2]) if frame.startswith("/fork ") else frame]
