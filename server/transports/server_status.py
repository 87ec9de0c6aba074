"""The `status` of the whole server."""

from __future__ import annotations

import time

from protocol.messages import Status
from server.generations.registry import Registry


def server_status(registry: Registry) -> Status:
    """Return the status of the server. It names the cores of this machine only where an engine of this process uses
    them."""
    stats, measurements = registry.writer.stats(), registry.measurements
    busy = measurements.others.busy_cores() if stats.kv_cells else None
    return Status(
        running=stats.running,
        queued=stats.queued,
        tokens_per_second=round(measurements.speed.per_second(time.monotonic()), 1),
        kv_used=stats.kv_tokens,
        kv_tokens=stats.kv_cells,
        cores=None if busy is None else measurements.others.cores,
        busy_cores=None if busy is None else round(busy, 1),
    )
