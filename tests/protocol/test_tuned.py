"""Values of tuned parameters: what a message sets, what holds after several, and how cursors follow them."""

import pytest
from msgspec import UNSET

from protocol import codec
from protocol.checks import check
from protocol.cursor import Cursor
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Attached, Params, Snapshot, Token, Tune, Tuned, TunedValues
from protocol.tuned import from_json, to_json, values_of, with_tuned

COLD, WARM = TunedValues(params={"temperature": 0.2}), TunedValues(params={"temperature": 1.0, "top_k": 3})
FOREVER = TunedValues(params={}, on_detach_ms=None)


def test_values_are_those_of_the_message_as_plain_json() -> None:
    message = Tune(id="g1", params=Params(stop=("a",), logit_bias={"7": 1.5}), on_detach_ms=None)
    assert values_of(message) == TunedValues(params={"stop": ["a"], "logit_bias": {"7": 1.5}}, on_detach_ms=None)
    assert values_of(Tune(id="g1", params=Params(top_k=3))).on_detach_ms is UNSET


@pytest.mark.parametrize("values", [COLD, WARM, FOREVER, TunedValues(params={}, on_detach_ms=0)])
def test_values_survive_as_json(values: TunedValues) -> None:
    assert from_json(to_json(values)) == values


def test_newer_values_replace_older_ones_and_leave_the_others() -> None:
    assert with_tuned(None, COLD) == COLD
    assert with_tuned(WARM, COLD) == TunedValues(params={"temperature": 0.2, "top_k": 3})
    assert with_tuned(FOREVER, COLD) == TunedValues(params={"temperature": 0.2}, on_detach_ms=None)
    newer = Tuned(id="g1", seq=3, params={}, on_detach_ms=0)
    assert with_tuned(FOREVER, newer) == TunedValues(params={}, on_detach_ms=0)


def test_the_body_of_a_tune_is_its_values() -> None:
    assert codec.decode_tune('{"params":{"top_k":3}}', "g1") == Tune(id="g1", params=Params(top_k=3))
    assert codec.decode_tune('{"on_detach_ms":null}', "g1") == Tune(id="g1", on_detach_ms=None)
    for body, code in (
        ("{}", ErrorCode.MISSING_FIELD),
        ('{"params":{"top_k":-1}}', ErrorCode.INVALID_FIELD),
        ('{"params":{"top_k":3},"id":"g2"}', ErrorCode.UNKNOWN_FIELD),
        ('{"params":{"top_k":3},"params":{"top_k":4}}', ErrorCode.INVALID_FIELD),
    ):
        with pytest.raises(RemoteProtocolError) as caught:
            codec.decode_tune(body, "g1")
        assert caught.value.code is code


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        (Tune(id="g1"), ErrorCode.MISSING_FIELD, "params"),
        (Tune(id="g1", params=Params(json_schema={})), ErrorCode.UNSUPPORTED, "params.json_schema"),
    ],
)
def test_a_tune_has_values_that_can_be_tuned(message: Tune, code: ErrorCode, field: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        check(message)
    assert (caught.value.code, caught.value.re, caught.value.id, caught.value.field) == (code, "tune", "g1", field)


def reader() -> Cursor:
    cursor = Cursor("g1", "e1")
    cursor.apply(Token(id="g1", seq=2, n=2, text="ab"))
    return cursor


def test_a_cursor_has_the_values_up_to_its_number() -> None:
    cursor = reader()
    for seq, values in ((3, WARM), (4, COLD)):
        cursor.apply(Tuned(id="g1", seq=seq, params=values.params))
    cursor.apply(Token(id="g1", seq=5, n=1, text="c"))
    assert cursor.text == "abc"
    assert cursor.tuned == with_tuned(WARM, COLD)
    cursor.attach(Attached(id="g1", epoch="e1", recovered=True, from_=3, to=5), chars=2)
    assert cursor.tuned == WARM
    with pytest.raises(RemoteProtocolError, match="tuned has number 6, 4 is next"):
        cursor.apply(Tuned(id="g1", seq=6, params={}))


def test_a_snapshot_brings_the_values_of_its_log() -> None:
    cursor = reader()
    cursor.apply(Tuned(id="g1", seq=3, params=WARM.params))
    cursor.attach(Attached(id="g1", epoch="e2", recovered=False, from_=0, to=4), chars=0)
    assert cursor.tuned is None
    cursor.apply(Snapshot(id="g1", epoch="e2", seq=4, text="xy", tuned=COLD))
    assert cursor.tuned == COLD
