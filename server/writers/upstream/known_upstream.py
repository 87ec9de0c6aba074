"""The facts about one upstream as this server knows them now: its kind, its models, and if it can be reached."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from protocol.messages import ModelState
from server.writers.upstream.asking import LONGEST_NAME, UpstreamAwayError, ask_upstream, find_upstream, limit_named
from server.writers.upstream.kinds import AUTO, KINDS, Kind
from server.writers.upstream.upstream import Address, Upstream, UpstreamModel
from server.writers.writer_port import ServedModel

SLOTS: Final = 64
"""Requests sent to an upstream at the same time, when it doesn't tell how many it computes."""

logger = logging.getLogger(__name__)


class _Known(NamedTuple):
    """``found`` None: it was never reached. ``error``: why it can't be reached; None while it can. ``served``: its
    models under the names that clients use."""

    found: Upstream | None
    error: str | None
    served: tuple[ServedModel, ...]


class KnownUpstream:
    """Owns what is known of one upstream. Every method may be called from any thread.

    ``name`` stands before the names of its models, with a slash; empty: nothing does. ``model``: the only one that is
    served; None: all. ``slots``: requests at the same time; None: what the upstream computes, or SLOTS.
    """

    def __init__(
        self, address: Address, *, name: str = "", kind: str = AUTO, model: str | None = None, slots: int | None = None
    ) -> None:
        self.address = address
        self.name = name
        self.models_changed: Callable[[], None] = lambda: None
        self._kind = kind
        self._model = model
        self._slots = slots
        self._now = self._known(None, None)

    @property
    def prefix(self) -> str:
        """Beginning of its models' names."""
        return f"{self.name}/" if self.name else ""

    @property
    def found(self) -> Upstream | None:
        return self._now.found

    @property
    def error(self) -> str | None:
        """Sentence that says why it can't be reached; None while it can."""
        return self._now.error

    @property
    def models(self) -> tuple[ServedModel, ...]:
        """Its models for clients. One that was never reached has one that has failed, with the upstream's name."""
        return self._now.served

    @property
    def slots(self) -> int:
        return self._slots or (self.found and self.found.slots) or SLOTS

    @property
    def confirms_stop(self) -> bool:
        return bool(self.found and self.found.confirms_stop)

    @property
    def title(self) -> str:
        return self.found.kind.title if self.found else "a server that was never reached"

    def kind(self, name: str = "") -> Kind:
        """Return its kind, or the kind of this name if it was never reached."""
        return self.found.kind if self.found else limit_named(KINDS.get(name, KINDS["openai"]), self.address)

    def model_id(self, name: str) -> str | None:
        """Return the id in its API of the model with this name for clients; None if it has no such model."""
        each = self.found.models if self.found else ()
        return next((model.id for model in each if self._name(model) == name), None)

    def ask(self, *, patient: bool = True) -> None:
        """Ask it for its kind and its models, as at the start. Raises ModelError with one line that names the remedy;
        UpstreamAwayError if it can't be reached. ``patient``: wait for one that is loading."""
        address = self.address if patient else replace(self.address, patience=0)
        try:
            self._set(ask_upstream(address, self._kind, self._model), None)
        except UpstreamAwayError as error:
            self._set(self.found, _lost(error.reason))
            raise

    async def ask_again(self) -> None:
        """Ask it again. Raises UpstreamError, and keeps what was known then."""
        self._set(await find_upstream(self.address, self._kind, self._model), None)

    def lost(self, reason: str) -> None:
        """Record that it can't be reached, with the reason as a sentence."""
        if self.error is None:
            logger.warning("upstream %s: %s", self.address.url, reason)
        self._set(self.found, _lost(reason))

    def reached(self) -> None:
        """Record that it can be reached."""
        if self.error is not None and self.found is not None:
            self._set(self.found, None)

    def _set(self, found: Upstream | None, error: str | None) -> None:
        before, self._now = self._now, self._known(found, error)
        if before.error is not None and error is None:
            logger.info("upstream %s can be reached", self.address.url)
        if before.served != self._now.served:
            self.models_changed()

    def _known(self, found: Upstream | None, error: str | None) -> _Known:
        state = ModelState.LOADED if error is None else ModelState.FAILED
        slots = self._slots or (found and found.slots) or SLOTS
        if found is None:
            only = ServedModel(self.name or "upstream", None, None, slots, state, error=error, template="upstream")
            return _Known(None, error, (only,))
        served = tuple(
            ServedModel(
                self._name(model),
                model.context,
                model.size,
                slots,
                state,
                error=error,
                parameters=model.parameters,
                template="upstream",
                confirms_stop=found.confirms_stop,
                features=_features(found.kind, model),
            )
            for model in found.models
        )
        return _Known(found, error, served)

    def _name(self, model: UpstreamModel) -> str:
        return f"{self.prefix}{model.name}"[:LONGEST_NAME]


def _features(kind: Kind, model: UpstreamModel) -> tuple[str, ...]:
    reasoning = ("reasoning",) if kind.template_variables else ()
    context = ("context",) if kind.native and model.context is not None else ()
    return ("tools", *reasoning, *context)


def _lost(reason: str) -> str:
    return f"the model's server can't be used: {reason}"
