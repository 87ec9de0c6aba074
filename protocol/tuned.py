"""Values of the parameters that were tuned in an answer (PROTOCOL 5.14). Pure."""

import msgspec
from msgspec import UNSET

from protocol.messages import Tune, Tuned, TunedValues


def values_of(message: Tune) -> TunedValues:
    """Return the values that ``message`` sets, with those of `params` as plain JSON values."""
    params = msgspec.json.decode(msgspec.json.encode(message.params))
    return TunedValues(params=params, on_detach_ms=message.on_detach_ms)


def to_json(values: TunedValues) -> str:
    return msgspec.json.encode(values).decode()


def from_json(text: str) -> TunedValues:
    """Return the values of ``to_json``. Raises msgspec.MsgspecError for another text."""
    return msgspec.json.decode(text, type=TunedValues)


def with_tuned(earlier: TunedValues | None, newer: Tuned | TunedValues) -> TunedValues:
    """Return the values after ``newer``, which replaces those of ``earlier`` that it has too."""
    if earlier is None:
        return TunedValues(params=newer.params, on_detach_ms=newer.on_detach_ms)
    kept = earlier.on_detach_ms if newer.on_detach_ms is UNSET else newer.on_detach_ms
    return TunedValues(params={**earlier.params, **newer.params}, on_detach_ms=kept)
