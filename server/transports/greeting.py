"""What a new connection is told of the server."""

from __future__ import annotations

import secrets

from protocol.codec import MAX_FRAME_BYTES
from protocol.messages import PROTOCOL, ActiveGeneration, Limits, ModelFacts, Welcome
from server import __version__
from server.generations.registry import QUEUE_LIMIT, Registry


def welcome(registry: Registry) -> Welcome:
    """The first message of every connection."""
    facts, journal = registry.model, registry.journal_status
    return Welcome(
        protocol=PROTOCOL,
        server=f"streamui/{__version__}",
        connection=secrets.token_hex(6),
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
            active=QUEUE_LIMIT + registry.parallel,
            queued=QUEUE_LIMIT,
            parallel=registry.parallel,
        ),
        active=tuple(
            ActiveGeneration(id=g.id, epoch=g.log.epoch, seq=g.log.seq, state=g.state) for g in registry.active
        ),
        warnings=(f"journal: {journal.error}",) if journal.error else (),
    )
