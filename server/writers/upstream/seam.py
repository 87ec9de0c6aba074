"""The seam between the text that was shown and the text with which an upstream continues it."""

from __future__ import annotations


class Seam:
    """Drops what comes a second time. Owns the part of the answer that is still expected again.

    An upstream continues the text without the white space at its end, since templates remove that. So it may send
    this white space again. With ``echoes`` it may also send the whole text again first.
    """

    def __init__(self, written: str, *, echoes: bool) -> None:
        self.sent = written.rstrip()
        """Text to send to the upstream."""
        self._echo = self.sent if echoes else ""
        self._held = ""
        self._white = written[len(self.sent) :]

    def fed(self, text: str) -> str:
        """Return the new part of ``text``, which may be empty."""
        if self._echo:
            self._held += text
            if len(self._held) < len(self._echo) and self._echo.startswith(self._held):
                return ""
            text = self._held.removeprefix(self._echo)
            self._echo = self._held = ""
        return self._without_white(text) if self._white else text

    def ended(self) -> str:
        """Return text that was held back as the beginning of an echo. Call it at the end of the stream."""
        held, self._echo, self._held = self._held, "", ""
        return self._without_white(held)

    def _without_white(self, text: str) -> str:
        place = 0
        while place < min(len(text), len(self._white)) and text[place] == self._white[place]:
            place += 1
        whole = place == len(text)
        self._white = self._white[place:] if whole else ""
        return text[place:]
