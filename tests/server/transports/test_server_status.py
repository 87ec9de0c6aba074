"""The `status` of the whole server: what it says about the machine."""

from dataclasses import replace

import pytest

from protocol.messages import Status, StatusRequest
from server.other_programs import OtherPrograms
from tests.server.transports.running import RunningServer


async def asked(server: RunningServer) -> Status:
    async with server.peer() as peer:
        await peer.send(StatusRequest())
        return await peer.take(Status, id=None)


async def test_status_says_how_many_cores_are_busy_with_other_programs(server: RunningServer) -> None:
    seconds = iter(range(100, 200))
    server.registry.measurements.others = OtherPrograms(
        lambda: next(seconds), lambda: 0.0, busy=iter([50.0, 52.34]).__next__, cores=lambda: 4
    )
    first = await asked(server)
    assert (first.cores, first.busy_cores) == (None, None)
    second = await asked(server)
    assert (second.cores, second.busy_cores) == (4, 2.3)


@pytest.mark.parametrize(("cells", "cores"), [(2048, 4), (0, None)], ids=["own engine", "behind another server"])
async def test_cores_are_those_of_an_engine_in_this_process(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, cells: int, cores: int | None
) -> None:
    seconds = iter(range(100, 200))
    measured = OtherPrograms(lambda: next(seconds), lambda: 0.0, busy=lambda: 50.0, cores=lambda: 4)
    measured.busy_cores()
    writer = server.registry.writer
    stats = replace(writer.stats(), kv_cells=cells)
    monkeypatch.setattr(server.registry.measurements, "others", measured)
    monkeypatch.setattr(writer, "stats", lambda: stats)
    status = await asked(server)
    assert (status.cores, status.busy_cores) == (cores, 0 if cores else None)
