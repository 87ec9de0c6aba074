"""Requests of the Python client with one answer each: `ping`, `status` and `alternatives`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from protocol.client_errors import RequestError
from protocol.messages import Alternatives, AlternativesRequest, Ping, Pong, Status, StatusRequest

Asked = Ping | StatusRequest | AlternativesRequest
Answer = Pong | Status | Alternatives


@dataclass(slots=True, eq=False)
class Question:
    """A request that awaits its answer. ``sent`` is in seconds on the loop's clock."""

    message: Asked
    answer: asyncio.Future[Answer]
    sent: float = 0.0


class Questions:
    """Owns the questions of one client that have no answer yet. ``send`` sends a message on the current connection."""

    def __init__(self, send: Callable[[Asked], None]) -> None:
        self._open: list[Question] = []
        self._send = send

    async def ask(self, message: Asked) -> Question:
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

    def answer(self, message: Answer) -> None:
        """Give ``message`` to the first question that it answers, if any."""
        for question in self._open:
            if not question.answer.done() and _answers(message, question.message):
                question.answer.set_result(message)
                return

    def refuse(self, problem: RequestError) -> None:
        """Let the first question that ``problem`` is about fail."""
        for question in self._open:
            if not question.answer.done() and _is_about(problem, question.message):
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


def _is_about(problem: RequestError, question: Asked) -> bool:
    if isinstance(question, AlternativesRequest):  # the answers of one connection come in order (PROTOCOL 4.12)
        return problem.re == "alternatives" and problem.id == question.id
    return problem.re == "status" and question == StatusRequest(id=problem.id)


def _answers(message: Answer, question: Asked) -> bool:
    if isinstance(message, Pong):
        return isinstance(question, Ping) and question.nonce == message.nonce
    if isinstance(message, Alternatives):
        return isinstance(question, AlternativesRequest) and (message.id, message.seq) == (question.id, question.seq)
    return isinstance(question, StatusRequest) and question.id == message.id
