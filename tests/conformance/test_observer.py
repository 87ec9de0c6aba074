"""The checks that the kit applies to every message of a server."""

import json
from hashlib import sha256
from typing import Any

import pytest

from protocol.conformance.observer import Ledger, Observer, Violation
from protocol.messages import SERVER_TYPES

LIMITS = {"frame_bytes": 1024, "active": 1, "queued": 1, "parallel": 1}
MODEL = {"name": "m", "parameters": 1, "context": 9, "template": "gguf"}
FACTS: dict[str, Any] = {"connection": "c", "auth": False, "model": MODEL, "limits": LIMITS, "active": []}
WELCOME: dict[str, Any] = {"type": "welcome", "protocol": "streamui.v1", "server": "x/1", **FACTS}
LOADED = {"name": "m", "state": "loaded", "features": ["steer"]}
WITHOUT_STEER = {**WELCOME, "models": [LOADED], "features": ["draft"]}
ASKED = {**WELCOME, "model": {**MODEL, "stop": "asked"}}
ACCEPTED = {"type": "accepted", "id": "g", "epoch": "e", "position": 0}
ATTACHED = {"type": "attached", "id": "g", "epoch": "e", "recovered": True, "from": 0, "to": 3}
GOODBYE = {"type": "goodbye", "code": 1012, "reconnect_ms": 9}


def token(seq: int, text: str, n: int = 1) -> dict[str, Any]:
    return {"type": "token", "id": "g", "seq": seq, "n": n, "text": text}


def done(seq: int, text: str, **changes: Any) -> dict[str, Any]:
    usage = {"prompt_tokens": 2, "cached_tokens": 0, "completion_tokens": 2}
    sums = {"chars": len(text), "sha256": sha256(text.encode()).hexdigest()}
    facts = {"reason": "stop", "phase": "decode", "usage": usage, "timings": {"total": 5.0}}
    return {"type": "done", "id": "g", "seq": seq, **facts, **sums, **changes}


def observe(*messages: dict[str, Any], ledger: Ledger | None = None) -> Observer:
    observer = Observer(ledger or Ledger())
    for message in messages:
        observer.received(json.dumps(message))
    return observer


def broken(*messages: dict[str, Any], ledger: Ledger | None = None) -> str:
    with pytest.raises(Violation) as violation:
        observe(*messages, ledger=ledger)
    return violation.value.rule


def test_a_right_story() -> None:
    ledger = Ledger()
    observe(WELCOME, ACCEPTED, token(1, "a"), token(3, "bc", n=2), done(4, "abc"), ledger=ledger)
    observer = observe(WELCOME, {**ATTACHED, "from": 1}, token(3, "bc", n=2), done(4, "abc"), ledger=ledger)
    assert observer.readers["g"].text == "abc"


def test_unknown_types_and_fields_belong_to_later_versions() -> None:
    observe(WELCOME, {"type": "novelty", "id": "g"}, {**ACCEPTED, "novelty": 1})


@pytest.mark.parametrize(
    ("messages", "rule"),
    [
        ([GOODBYE, ACCEPTED], "3.3/1"),
        ([WITHOUT_STEER], "5.1"),
        ([{"type": "accepted", "id": "g"}], "5.2"),
        ([ACCEPTED, token(1, "")], "5.4"),
        ([ACCEPTED, ACCEPTED], "4.2"),
        ([{**ATTACHED, "from": 2}], "6.8"),
        ([{**ATTACHED, "from": 4}], "5.6"),
        ([{**ATTACHED, "recovered": False, "from": 1}], "5.6"),
        ([{"type": "status", "id": "h", "state": "decode"}], "5.3"),
        ([{"type": "status", "id": "g", "state": "decode", "upstream": "busy"}], "5.3"),
        ([{"type": "error", "code": "busy", "message": "m", "retryable": False}], "8"),
        ([{"type": "error", "code": "busy", "message": " ", "retryable": True}], "5.8"),
        ([ACCEPTED, done(1, "", reason="failed")], "5.7"),
        ([ACCEPTED, done(1, "", timings={"total": 5.0, "stop": 1.0})], "5.7"),
        ([ACCEPTED, done(1, "", timings={"total": 5.0, "decode": 50.0})], "5.7"),
        ([ASKED, ACCEPTED, done(1, "", reason="cancelled", timings={"total": 5.0, "stop": 1.0})], "6.6"),
        ([ACCEPTED, done(1, "", usage={"prompt_tokens": 1, "cached_tokens": 2, "completion_tokens": 0})], "5.7"),
        (
            [
                ACCEPTED,
                token(1, "a"),
                done(2, "a", usage={"prompt_tokens": 1, "cached_tokens": 0, "completion_tokens": 0}),
            ],
            "5.7",
        ),
    ],
)
def test_what_is_wrong(messages: list[dict[str, Any]], rule: str) -> None:
    assert broken(*([] if messages[0]["type"] == "welcome" else [WELCOME]), *messages) == rule


def test_two_readers_of_one_log() -> None:
    ledger = Ledger()
    observe(WELCOME, ACCEPTED, token(1, "a"), token(2, "b"), done(3, "ab"), ledger=ledger)
    assert broken(WELCOME, ATTACHED, token(2, "ax", n=2), ledger=ledger) == "1"
    assert broken(WELCOME, ATTACHED, token(1, "ab"), ledger=ledger) == "1"
    assert broken(WELCOME, ATTACHED, token(2, "ab", n=2), done(3, "ab", reason="length"), ledger=ledger) == "6.4/1"


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        (b"{}", "2.2"),
        ("nonsense", "2.2"),
        ("[]", "2.2"),
        ('{"type":7}', "2.2"),
        ("[" * 100_000, "2.2"),
        ('{"id":"g","type":"pong"}', "2.9/1"),
        ('{"type":"pong","nonce":"\\ud83d"}', "2.8/1"),
        ('{"type":"pong","nonce":null}', "2.9"),
    ],
)
def test_frames_that_are_none(frame: str | bytes, rule: str) -> None:
    with pytest.raises(Violation) as violation:
        observe(WELCOME).received(frame)
    assert violation.value.rule == rule


def test_the_close_is_the_one_announced() -> None:
    observe(WELCOME, GOODBYE).closed(1012)
    observe(WELCOME).closed(1000)
    with pytest.raises(Violation):
        observe(WELCOME, GOODBYE).closed(1000)


def test_every_message_of_the_server_has_its_section() -> None:
    from protocol.conformance.observer import _SECTIONS

    assert set(_SECTIONS) == set(SERVER_TYPES)
