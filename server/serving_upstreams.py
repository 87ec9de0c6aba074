"""The upstreams of ``streamui serve``."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from server.engine.base import ModelError
from server.settings import Settings
from server.writers.upstream.asking import UpstreamAwayError
from server.writers.upstream.known_upstream import KnownUpstream
from server.writers.upstream.option import key_variable
from server.writers.upstream.upstream import Address
from server.writers.upstream.writer import UpstreamWriter

logger = logging.getLogger(__name__)


def upstream_writers(settings: Settings) -> Sequence[tuple[str, UpstreamWriter]]:
    """Ask each upstream what it is. Returns its writer with the beginning of its models' names.

    One that can't be reached now is asked again later, if there are other models. Raises ModelError.
    """
    known = [_known(settings, name, url) for name, url in settings.upstreams]
    away: list[ModelError] = []
    for each in known:
        try:
            each.ask()
        except UpstreamAwayError as error:
            away.append(error)
    if len(away) == len(known) and not settings.models:
        raise away[0]
    for reason in away:
        logger.warning("%s", reason)
    return [(each.prefix, UpstreamWriter(each)) for each in known]


def _known(settings: Settings, name: str, url: str) -> KnownUpstream:
    key = os.environ.get(key_variable(name)) or None
    address = Address(url=url, key=key, patience=settings.upstream_patience)
    kind, model = settings.upstream_kind, settings.upstream_model
    return KnownUpstream(address, name=name, kind=kind, model=model, slots=settings.parallel)
