"""Endpoint ``/metrics`` for Prometheus.

A scrape reads the counts of registry, engine and connections on a thread of its own; neither the event loop nor the
engine waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from protocol.messages import DoneReason, GenerationState
from server import __version__
from server.engine.base import EngineStats
from server.generations.histogram import Histogram
from server.generations.registry import Registry
from server.transports.connections import Connections, Transport
from server.transports.requests import NO_STORE

PHASES: Final = (GenerationState.QUEUED, GenerationState.PREFILL, GenerationState.DECODE)


class ServerCollector(Collector):
    """One server's counters as Prometheus's metrics. Any thread may collect."""

    def __init__(self, registry: Registry, connections: Connections) -> None:
        self._registry = registry
        self._connections = connections

    def collect(self) -> Iterator[Metric]:
        info = InfoMetricFamily("streamui_build", "The server's version and its model.")
        info.add_metric([], {"version": __version__, "model": self._registry.writer.facts.name})
        yield info
        yield from _engine(self._registry.writer.stats())
        yield from self._generations()
        yield from self._journal()
        yield from self._sockets()

    def _generations(self) -> Iterator[Metric]:
        measurements = self._registry.measurements
        yield _counters(
            "streamui_generations_done",
            "Generations that ended.",
            "reason",
            {r: measurements.finished[r] for r in DoneReason},
        )
        yield _counters(
            "streamui_cancels", "Cancelled generations.", "phase", {p: measurements.cancelled[p] for p in PHASES}
        )
        yield _histogram(
            "streamui_first_token_seconds",
            "Time from request to first token, of ended generations.",
            measurements.first_tokens,
        )
        yield _histogram("streamui_token_gap_seconds", "Time between two pieces of one answer.", measurements.gaps)
        yield _histogram("streamui_stop_seconds", "Time from a cancel to the end of computing.", measurements.stops)

    def _journal(self) -> Iterator[Metric]:
        load, status = self._registry.journal_load, self._registry.journal_status
        yield _histogram(
            "streamui_journal_lag_seconds", "Time from the engine to the journal, of each commit.", load.lags
        )
        yield GaugeMetricFamily("streamui_journal_waiting_steps", "Steps not journaled yet.", load.waiting)
        text = "1 while the journal works, or is off; 0 once it has failed."
        yield GaugeMetricFamily("streamui_journal_healthy", text, status.status != "failed")

    def _sockets(self) -> Iterator[Metric]:
        measurements, connections = self._registry.measurements, self._connections
        open_ones = connections.by_transport()
        sockets = GaugeMetricFamily("streamui_connections", "Open connections.", labels=["transport"])
        for transport in Transport:
            sockets.add_metric([transport], open_ones[transport])
        yield sockets
        yield _counters(
            "streamui_connections_opened",
            "Connections opened since the start.",
            "transport",
            {t: connections.opened[t] for t in Transport},
        )
        recovered = {"yes": measurements.attaches[True], "no": measurements.attaches[False]}
        yield _counters(
            "streamui_attaches", "Attaches with a cursor, by whether they resumed there.", "recovered", recovered
        )
        yield CounterMetricFamily(
            "streamui_slow_closes", "Connections of slow readers that were closed (4508).", measurements.slow_closes
        )


def metrics_registry(registry: Registry, connections: Connections) -> CollectorRegistry:
    """Return the metrics of one server and its process."""
    metrics = CollectorRegistry(auto_describe=False)
    metrics.register(ServerCollector(registry, connections))
    ProcessCollector(registry=metrics)
    return metrics


async def metrics(request: Request) -> Response:
    """``GET /metrics``: the metrics in Prometheus's text format."""
    text = await asyncio.to_thread(generate_latest, request.app.state.metrics)
    return Response(text, 200, {**NO_STORE, "content-type": CONTENT_TYPE_PLAIN_0_0_4})


def _engine(stats: EngineStats) -> Iterator[Metric]:
    yield GaugeMetricFamily("streamui_engine_alive", "1 while the engine computes.", stats.alive)
    yield GaugeMetricFamily("streamui_slots", "Generations that can be computed at once.", stats.slots)
    yield GaugeMetricFamily("streamui_generations_running", "Generations being computed.", stats.running)
    yield GaugeMetricFamily("streamui_generations_queued", "Generations that wait for a slot.", stats.queued)
    yield CounterMetricFamily("streamui_prompt_tokens", "Prompt tokens that were read.", stats.prompt_tokens)
    yield CounterMetricFamily("streamui_draft_tokens", "Prompt tokens that were read ahead.", stats.draft_tokens)
    yield CounterMetricFamily("streamui_cached_tokens", "Prompt tokens found in the KV cache.", stats.cached_tokens)
    yield CounterMetricFamily("streamui_generated_tokens", "Tokens that were generated.", stats.completion_tokens)
    yield CounterMetricFamily("streamui_proposed_tokens", "Proposed tokens that were verified.", stats.proposed_tokens)
    yield CounterMetricFamily("streamui_accepted_tokens", "Proposed tokens that were right.", stats.accepted_tokens)
    yield CounterMetricFamily("streamui_preemptions", "Generations sent back to the queue.", stats.preemptions)
    yield CounterMetricFamily("streamui_engine_steps", "Batches computed.", stats.steps)
    yield CounterMetricFamily("streamui_engine_busy_seconds", "Time of all steps.", stats.busy_seconds)
    yield CounterMetricFamily(
        "streamui_engine_decode_seconds", "The part of it that computes the model.", stats.decode_seconds
    )
    yield GaugeMetricFamily("streamui_kv_cells", "Capacity of the KV cache, in tokens.", stats.kv_cells)
    kv = GaugeMetricFamily("streamui_kv_tokens", "Tokens in the KV cache.", labels=["of"])
    kv.add_metric(["running"], stats.kv_tokens)
    kv.add_metric(["kept"], stats.kept_tokens)
    yield kv
    yield GaugeMetricFamily("streamui_kv_saved_bytes", "Memory that holds the KV of idle chats.", stats.saved_bytes)


def _counters(name: str, help: str, label: str, values: Mapping[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, help, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _histogram(name: str, help: str, histogram: Histogram) -> HistogramMetricFamily:
    reached = 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip((*histogram.bounds, "+Inf"), histogram.counts, strict=True):
        reached += count
        buckets.append((str(bound), reached))
    return HistogramMetricFamily(name, help, buckets=buckets, sum_value=histogram.total)
