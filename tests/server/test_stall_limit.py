"""The time limit for the reads or writes of a stream."""

import asyncio

import pytest

from server.stall_limit import StallLimit
from tests.server.transports.peer import DEADLINE


async def test_a_write_that_takes_too_long_ends_the_block() -> None:
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(TimeoutError):
            async with StallLimit(0.05) as limit:
                with limit:
                    pass
                with limit:
                    await asyncio.Event().wait()
    assert limit._timer is None


async def test_only_the_write_that_runs_counts() -> None:
    async with StallLimit(2 * DEADLINE) as limit:
        with limit:
            first = limit._timer
        limit._look()
        assert (first is not None, limit._timer, limit._limit.when()) == (True, None, None)
        with limit:
            limit._look()
            assert limit._timer not in (None, first) and limit._limit.when() is None


async def test_a_silence_ends_the_block() -> None:
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(TimeoutError):
            async with StallLimit(0.05) as limit:
                limit.restart()
                await asyncio.Event().wait()


async def test_each_restart_counts_from_then_on() -> None:
    async with StallLimit(2 * DEADLINE) as limit:
        assert limit._timer is None
        limit.restart()
        first = limit._timer
        limit.restart()
        assert limit._timer is first
        limit._look()
        assert limit._timer not in (None, first)
        assert limit._limit.when() is None
    assert limit._timer is not None and limit._timer.cancelled()
