"""What a new connection is told of the server."""

from __future__ import annotations

from protocol.codec import MAX_FRAME_BYTES
from protocol.messages import PROTOCOL, ActiveGeneration, Limits, ModelFacts, Welcome
from server import __version__
from server.generations.registry import Registry


def welcome(registry: Registry, name: str) -> Welcome:
    """The first message of the connection called ``name``."""
    facts, journal = registry.model, registry.journal_status
    return Welcome(
        protocol=PROTOCOL,
        server=f"streamui/{__version__}",
        connection=name,
        auth=False,
        model=ModelFacts(
            name=facts.name,
            architecture=facts.architecture,
            parameters=facts.parameters,
            context=facts.context,
            template=registry.template.origin,
        ),
        limits=Limits(
            frame_bytes=MAX_FRAME_BYTES,
            active=registry.queue_limit + registry.parallel,
            queued=registry.queue_limit,
            parallel=registry.parallel,
        ),
        active=tuple(
            ActiveGeneration(id=g.id, epoch=g.log.epoch, seq=g.log.seq, state=g.state) for g in registry.active
        ),
        warnings=(f"journal: {journal.error}",) if journal.error else (),
    )
