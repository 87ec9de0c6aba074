"""The first message of a connection: `welcome`."""

from __future__ import annotations

from typing import Final

from protocol.codec import MAX_FRAME_BYTES
from protocol.messages import PROTOCOL, ActiveGeneration, Limits, ModelFacts, Welcome
from server import __version__
from server.generations.registry import Registry
from server.guard.connection_access import ConnectionAccess
from server.transports.model_news import entry_of, greeted_models, sampling_of
from server.writers.writer_port import Writer

TOOL_RESULTS: Final = "tool_results"
"""Name of the part of the protocol by which conversations have calls and results."""

DRAFT: Final = "draft"
"""Name of the part of the protocol by which messages are read while they are written."""

TEMPORARY: Final = "temporary"
"""Name of the part of the protocol by which a generation is kept in memory only."""


def features(writer: Writer) -> tuple[str, ...]:
    """Return the optional parts of the protocol that this server has (PROTOCOL 11)."""
    own = writer.models[0].features
    calls = (TOOL_RESULTS,) if "tools" in own else ()
    drafts = (DRAFT,) if writer.reads_ahead else ()
    return (*own, *calls, *drafts, TEMPORARY)


def welcome(registry: Registry, name: str, access: ConnectionAccess) -> Welcome:
    """Return the `welcome` of connection ``name``. Before a needed `hello` it names no generations, and only
    the default model."""
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
            stop=None if models[0].confirms_stop else "asked",
            sampling=sampling_of(facts.sampling),
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
            if not g.body.temporary
        ),
        models=tuple(map(entry_of, greeted_models(registry, access))),
        features=features(registry.writer),
        warnings=(f"journal: {journal.error}",) if journal.error else (),
    )
