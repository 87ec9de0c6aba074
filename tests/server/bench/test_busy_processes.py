"""Busy processes beside a measurement."""

import asyncio

import psutil
import pytest

from server.bench.busy_processes import busy_processes


async def test_processes_are_busy_for_a_block_and_end_with_its_error() -> None:
    children = set(psutil.Process().children())
    with pytest.raises(ZeroDivisionError):
        async with busy_processes(2):
            started = set(psutil.Process().children()) - children
            assert len(started) == 2
            before = {each: sum(each.cpu_times()[:2]) for each in started}
            async with asyncio.timeout(60):
                while any(sum(each.cpu_times()[:2]) < spent + 0.1 for each, spent in before.items()):
                    await asyncio.sleep(0.01)
            raise ZeroDivisionError
    assert not any(each.is_running() for each in started)
