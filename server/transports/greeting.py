"""The first message of a connection: `welcome`."""

from __future__ import annotations

from typing import Final

from protocol.codec import MAX_FRAME_BYTES
from protocol.messages import PROTOCOL, ActiveGeneration, Limits, ModelEntry, ModelFacts, RecommendedSampling, Welcome
from server import __version__
from server.generations.registry import Registry
from server.guard.connection_access import ConnectionAccess

LOADED: Final = "loaded"
"""State of every model: all are loaded before the server listens."""


def welcome(registry: Registry, name: str, access: ConnectionAccess) -> Welcome:
    """Return the `welcome` of connection ``name``. Before a needed `hello` it names no generations."""
    facts, models, journal = registry.writer.facts, registry.writer.models, registry.journal_status
    return Welcome(
        protocol=PROTOCOL,
        server=f"streamui/{__version__}",
        connection=name,
        auth=not access.admitted,
        model=ModelFacts(
            name=models[0].name,
            architecture=facts.architecture,
            parameters=facts.parameters,
            context=facts.context,
            template=registry.writer.template,
            sampling=RecommendedSampling(
                temperature=facts.sampling.temperature,
                top_p=facts.sampling.top_p,
                top_k=max(0, facts.sampling.top_k),
                min_p=facts.sampling.min_p,
                repeat_penalty=facts.sampling.repeat_penalty,
            ),
        ),
        limits=Limits(
            frame_bytes=MAX_FRAME_BYTES,
            active=registry.places.active_limit,
            queued=registry.places.queue_limit,
            parallel=registry.writer.slots,
            sockets=access.limits.sockets,
            messages_per_second=access.limits.messages,
        ),
        active=tuple(
            ActiveGeneration(id=g.id, epoch=g.log.epoch, seq=g.log.seq, state=g.state)
            for g in registry.active_of(access.principal)
        ),
        models=tuple(ModelEntry(name=m.name, state=LOADED, context=m.context, size=m.size) for m in models),
        warnings=(f"journal: {journal.error}",) if journal.error else (),
    )
