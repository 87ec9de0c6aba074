"""Check of the upstreams: they are asked as at the start of the server."""

from __future__ import annotations

import os
from collections.abc import Iterator

from server.doctor.finding import Finding, fault, ok
from server.engine.base import ModelError
from server.settings import Settings
from server.writers.upstream.option import key_variable, name_fault
from server.writers.upstream.upstream import Address

NAMES_SHOWN = 3


def upstreams(settings: Settings) -> Iterator[Finding]:
    """Ask each upstream what it is and which models it has."""
    if text := name_fault(settings.upstreams, others=bool(settings.models)):
        yield fault("upstream", *text.split("; "))
    if settings.upstreams:
        from server.writers.upstream.asking import ask_upstream  # here: most installations don't need its HTTP client
    for name, url in settings.upstreams:
        address = Address(url=url, key=os.environ.get(key_variable(name)) or None, patience=0)
        try:
            found = ask_upstream(address, settings.upstream_kind, settings.upstream_model)
        except ModelError as error:
            yield fault("upstream", str(error), "mend that, or leave --upstream out")
            continue
        names = [model.name for model in found.models]
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        yield ok("upstream", f"{url}: {found.kind.title} with {', '.join(names[:NAMES_SHOWN])}{more}")
