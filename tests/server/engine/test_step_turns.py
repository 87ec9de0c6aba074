"""The fair lock between engines."""

import threading
from collections.abc import Callable

from server.engine.step_turns import StepTurns

LIMIT = 60.0
"""Time limit of every wait, in seconds."""


def test_threads_get_their_turns_in_the_order_of_arrival() -> None:
    turns, order, leave = StepTurns(), list[str](), threading.Event()
    arrived = threading.Semaphore(0)

    def first() -> None:
        with turns:
            order.append("first")
            arrived.release()
            assert leave.wait(LIMIT)
        with turns:  # at once: a plain lock would let it in before the others
            order.append("first again")

    def later(name: str) -> Callable[[], None]:
        def take() -> None:
            with turns:
                order.append(name)

        return take

    threads = [threading.Thread(target=first)]
    threads[0].start()
    assert arrived.acquire(timeout=LIMIT)
    for number, name in enumerate(("second", "third"), start=2):
        threads.append(threading.Thread(target=later(name)))
        threads[-1].start()
        with turns._changed:
            while turns._next < number:
                turns._changed.wait(0.001)
    leave.set()
    for thread in threads:
        thread.join(LIMIT)
    assert order == ["first", "second", "third", "first again"]


def test_an_error_in_a_turn_lets_the_next_one_begin() -> None:
    turns = StepTurns()
    for _ in range(2):
        try:
            with turns:
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
    with turns:
        pass
