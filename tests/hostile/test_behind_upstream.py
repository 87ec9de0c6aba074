"""The attacks on servers whose models are behind another server, here scripted upstreams."""

from __future__ import annotations

from typing import Final

from tests.faults.scale import scaled
from tests.hostile.attack import Attack, Http, Socket
from tests.hostile.test_hostile import ATTACKS, GROWTH, POOLED, Usage, assert_alice_has_hers, assert_answers
from tests.hostile.test_hostile import besieged_with_alice as besieged

STEP: Final = scaled(3, 1)
"""Every third attack in `make test`, all of them in `make soak`: most rules are those of a local model."""

JUDGED: Final = (
    "context_overflow",
    "context_length_exceeded",
    "prompt is too long",
    "text.format",
    *(f'"param":"{name}"' for name in ("logit_bias", "prompt", "tokens", "response_format")),
)
"""Texts of errors about tokens, prompt lengths and JSON schemas. Behind an upstream, only the upstream finds these."""


def is_judged_elsewhere(attack: Attack) -> bool:
    """Tell whether only a server with an engine of its own has the expected response. There are no drafts either."""
    match attack:
        case Http(told=told):
            return told in JUDGED
        case Socket(sent=sent, codes=codes):
            unknown = codes == ("unknown_id",) and any(isinstance(each, str) and '"draft"' in each for each in sent)
            schema = codes == ("unsupported",) and any("schema" in str(each) or "strict" in str(each) for each in sent)
            return unknown or schema or codes == ("context_overflow",)
    return False


def test_few_attacks_are_judged_by_the_upstream() -> None:
    assert 0 < sum(map(is_judged_elsewhere, ATTACKS)) <= 40


def test_behind_an_upstream_the_attacks_have_the_same_responses_and_leave_nothing_behind() -> None:
    attacks = [attack for attack in ATTACKS[::STEP] if not is_judged_elsewhere(attack)]
    with besieged("--upstream") as servers:
        for attack in attacks:
            attack.mount(servers.world)
        before = servers.usage()
        for attack in attacks[:: scaled(4, 1)]:
            attack.mount(servers.world)
        most = Usage(before.bytes + GROWTH, before.files, before.threads + POOLED)
        after = servers.settled(most)
        assert (after.files <= most.files, after.threads <= most.threads, after.bytes <= most.bytes) == (True,) * 3
        for at in ("open", "locked"):
            assert_answers(servers, at)
        assert_alice_has_hers(servers)
