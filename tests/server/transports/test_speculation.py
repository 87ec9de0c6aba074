"""Answers whose proposed tokens are verified, over a WebSocket and in the metrics."""

from typing import Any

import pytest

from protocol.messages import Done, Generate, Params, Token
from server.engine import speculation
from server.engine.options import EngineOptions
from server.engine.speculation import Speculative
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.engine.test_speculation import EveryProposal
from tests.server.transports.running import serving
from tests.server.transports.test_metrics import scraped, value

SCHEMA = {
    "type": "object",
    "properties": {name: {"enum": ["a quick brown fox jumps over the lazy dog"]} for name in "abcdefgh"},
}


@pytest.mark.parametrize(
    ("params", "verified"), [({}, True), ({"seed": -1}, True), ({"seed": 7}, False), ({"temperature": 0}, False)]
)
async def test_an_answer_without_a_seed_is_verified_and_complete(
    monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], verified: bool
) -> None:
    monkeypatch.setattr(speculation, "SpeculationControl", EveryProposal)
    model, options = ScriptedModel(), EngineOptions(speculative=Speculative.AUTO)
    async with serving(model, options=options) as server, server.peer() as peer:
        await peer.send(Generate(id="g", prompt="Write it.", params=Params(json_schema=SCHEMA, **params)))
        events = await peer.until_done("g")
        found = await scraped(server)
    text = "".join(event.text for event in events if isinstance(event, Token))
    assert text == model.grammar(SCHEMA)
    (done,) = (event for event in events if isinstance(event, Done))
    assert done.usage is not None
    assert done.usage.completion_tokens == len(text)
    proposed, accepted = (value(found, f"{name}_tokens_total") for name in ("proposed", "accepted"))
    assert (proposed > 0) == verified
    assert (accepted > 200) == verified
    assert (value(found, "engine_steps_total") < len(text) / 2) == verified
