"""Places in the newest answer of a plain connection, and the lines that name one (PROTOCOL 10.9, 10.10)."""

import json
import math
import re
from typing import Final

import msgspec

from protocol import codec
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import (
    Accepted,
    Alternative,
    Alternatives,
    ClientMessage,
    ServerMessage,
    Steered,
    Token,
    Tuned,
)

_NUMBER: Final = re.compile("-?[0-9]{1,16}", re.ASCII)


class Places:
    """Owns the id of the newest answer, and the number of the place after its text so far."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._end = 1

    def record(self, message: ServerMessage) -> None:
        """Note that ``message`` is sent."""
        match message:
            case Accepted(id=id):
                self._id, self._end = id, 1
            case Token(seq=seq) | Steered(seq=seq) | Tuned(seq=seq):
                self._end = seq + 1
            case _:
                pass

    def alternatives(self, rest: str) -> ClientMessage | RemoteProtocolError:
        """Return the request of the line ``/alternatives REST``, or the error about it. Without a place: the end so
        far."""
        place = self._place(rest or str(self._end), "/alternatives -3")
        if isinstance(place, RemoteProtocolError):
            return place
        return checked({"type": "alternatives", "id": self._id, "seq": place})

    def fork(self, rest: str) -> ClientMessage | RemoteProtocolError:
        """Return the request of the line ``/fork REST``, or the error about it."""
        number, _, text = rest.partition(" ")
        place = self._place(number, '/fork -3 " dog"')
        if isinstance(place, RemoteProtocolError):
            return place
        point = {"id": self._id, "seq": place} | ({"text": text_of(text.strip())} if text.strip() else {})
        request = checked({"type": "generate", "from": point})
        # An error about a `generate` would end the running answer (PROTOCOL 10.4), and this one starts none.
        return _refusal(request.code, request.message) if isinstance(request, RemoteProtocolError) else request

    def _place(self, number: str, example: str) -> int | RemoteProtocolError:
        """Return the event that ``number`` names: from 1, or from -1 for that many tokens back from the end."""
        if self._id is None:
            return _refusal(ErrorCode.UNKNOWN_ID, "there is no answer yet; send a prompt first")
        if not _NUMBER.fullmatch(number):
            text = f"name a place by its number, or by the number of tokens back from the end, such as {example}"
            return _refusal(ErrorCode.INVALID_FIELD, text)
        place = int(number)
        if place < 0 and -place >= self._end:
            return _refusal(ErrorCode.INVALID_FIELD, f"{number} is before the beginning of the answer")
        return place if place >= 0 else self._end + place


def described(found: Alternatives) -> str:
    """Format alternatives as lines for a person: the place, then each token with its probability."""
    return "\n".join([f"place {found.seq}", *map(alternative_text, found.tokens)])


def alternative_text(token: Alternative) -> str:
    """Format a likely token such as ``12.5 %  " dog"  chosen``."""
    marks = [mark for mark, has in (("chosen", token.chosen), ("ends the answer", token.end)) if has]
    shown = msgspec.json.encode(token.token).decode()
    return "  ".join([f"{100 * math.exp(token.logprob):5.1f} %", shown, *marks])


def text_of(given: str) -> str:
    """Return the text that a person typed: as a JSON string, or without quotes."""
    try:
        return msgspec.json.decode(given, type=str)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        return given


def checked(message: dict[str, object]) -> ClientMessage | RemoteProtocolError:
    """Return ``message``, or the error about it."""
    (result,) = codec.decode_client(json.dumps(message))
    return result


def _refusal(code: ErrorCode, text: str) -> RemoteProtocolError:
    return RemoteProtocolError(code, text)
