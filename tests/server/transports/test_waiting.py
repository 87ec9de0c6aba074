"""Work that ends early when something else comes first."""

import asyncio

import pytest

from server.transports.socket import Disconnected
from server.transports.waiting import cancel_if


async def test_work_returns_its_result_and_nothing_waits_any_more() -> None:
    before = asyncio.all_tasks()
    assert await cancel_if(asyncio.Event().wait(), asyncio.Event().wait(), work=asyncio.sleep(0, "result")) == "result"
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("first", [0, 1])
async def test_work_is_cancelled_by_the_first_of_its_ends(first: int) -> None:
    ends, cancelled = (asyncio.Event(), asyncio.Event()), []

    async def work() -> None:
        try:
            ends[first].set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(first)
            raise

    with pytest.raises(Disconnected):
        await cancel_if(*(end.wait() for end in ends), work=work())
    assert cancelled == [first]


async def test_an_error_of_the_work_is_raised() -> None:
    async def work() -> None:
        raise ValueError("of the work")

    with pytest.raises(ValueError, match="of the work"):
        await cancel_if(asyncio.Event().wait(), work=work())


async def test_all_of_it_ends_with_its_caller() -> None:
    before = asyncio.all_tasks()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await cancel_if(asyncio.Event().wait(), work=asyncio.Event().wait())
    assert asyncio.all_tasks() == before
