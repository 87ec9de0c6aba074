"""Requests of the Python client with one answer each: `ping` and `status`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from protocol.client_errors import RequestError
from protocol.messages import Ping, Pong, Status, StatusRequest


@dataclass(slots=True, eq=False)
class Question:
    """A `ping` or `status` that awaits its answer. ``sent`` is in seconds on the loop's clock."""

    message: Ping | StatusRequest
    answer: asyncio.Future[Pong | Status]
    sent: float = 0.0


class Questions:
    """Owns the questions of one client that have no answer yet. ``send`` sends a message on the current connection."""

    def __init__(self, send: Callable[[Ping | StatusRequest], None]) -> None:
        self._open: list[Question] = []
        self._send = send

    async def ask(self, message: Ping | StatusRequest) -> Question:
        """Send ``message`` and return it with its answer. Raises what ``refuse`` and ``fail`` are given."""
        question = Question(message, asyncio.get_running_loop().create_future())
        self._open.append(question)
        try:
            self._ask(question)
            await question.answer
        finally:
            self._open.remove(question)
        return question

    def repeat(self) -> None:
        """Send every open question again, on a new connection."""
        for question in self._open:
            self._ask(question)

    def answer(self, message: Pong | Status) -> None:
        """Give ``message`` to the first question that it answers, if any."""
        for question in self._open:
            if not question.answer.done() and _answers(message, question.message):
                question.answer.set_result(message)
                return

    def refuse(self, problem: RequestError) -> None:
        """Let the first `status` that ``problem`` is about fail."""
        for question in self._open:
            if not question.answer.done() and question.message == StatusRequest(id=problem.id):
                question.answer.set_exception(problem)
                return

    def fail(self, problem: Exception) -> None:
        """Let every open question fail."""
        for question in self._open:
            if not question.answer.done():
                question.answer.set_exception(problem)

    def _ask(self, question: Question) -> None:
        question.sent = asyncio.get_running_loop().time()
        self._send(question.message)


def _answers(message: Pong | Status, question: Ping | StatusRequest) -> bool:
    if isinstance(message, Pong):
        return isinstance(question, Ping) and question.nonce == message.nonce
    return isinstance(question, StatusRequest) and question.id == message.id
