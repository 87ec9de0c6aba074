"""Effort of thinking as a setting of a conversation (PROTOCOL 14.1, 15.4)."""

import json
from dataclasses import replace

import pytest
from msgspec.structs import replace as replaced

from protocol.messages import Generate, Welcome
from server.conversations.turn_prompt import asked
from server.conversations.turns import Turn
from server.conversations.values import ConversationSettings
from server.writers.writer_port import ServedModel
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer, serving
from tests.server.transports.test_context import size
from tests.server.transports.test_full_conversation import AT, filled

TEMPLATE = (
    "{% for m in messages %}{{ m.content }}{% endfor %}{% if enable_thinking is false %}<think></think>{% endif %}"
)


def thinking_model() -> ScriptedModel:
    model = ScriptedModel()
    model.facts = replace(model.facts, chat_template=TEMPLATE)
    return model


async def test_welcome_names_the_efforts_of_a_model_and_an_empty_list_without_any() -> None:
    for model, expected in ((thinking_model(), ["none"]), (ScriptedModel(), [])):
        async with serving(model) as server, server.socket() as socket:
            welcome = await Peer(socket).next()
            assert isinstance(welcome, Welcome)
            assert [list(each.efforts or ()) for each in welcome.models] == [expected]
            assert welcome.models[0].efforts is not None


async def test_setting_of_a_conversation_applies_to_its_prompts_and_is_exported() -> None:
    async with serving(thinking_model()) as server:
        await filled(server, turns=1)
        before = (await size(server, content="Hi"))["tokens"]
        await set_effort(server, "none")
        after = (await size(server, content="Hi"))["tokens"]
        assert after > before
        file = await server.ask("GET", f"{AT}/c/export?format=json")
        assert json.loads(file.body)["conversations"][0]["settings"]["reasoning_effort"] == "none"
        await server.ask("DELETE", f"{AT}/c")
        copy = json.loads(file.body)
        copy["conversations"][0]["id"] = "copy"
        assert (await server.ask("POST", f"{AT}/import", json.dumps(copy))).status == 200
        assert (await size(server, "copy", content="Hi"))["tokens"] == after


async def test_empty_effort_is_refused_with_its_path() -> None:
    async with serving(thinking_model()) as server:
        await filled(server, turns=1)
        answer = await server.ask("PATCH", f"{AT}/c", json.dumps({"settings": {"reasoning_effort": ""}}))
        assert (answer.status, "settings.reasoning_effort" in json.loads(answer.body)["message"]) == (400, True)


async def set_effort(server: RunningServer, effort: str) -> None:
    answer = await server.ask("PATCH", f"{AT}/c", json.dumps({"settings": {"reasoning_effort": effort}}))
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(("features", "expected"), [((), None), (("reasoning",), "low")])
def test_setting_is_left_out_for_a_model_that_takes_none(features: tuple[str, ...], expected: str | None) -> None:
    models = [ServedModel("one", 64, None, 1), ServedModel("two", 64, None, 1, features=features)]
    settings = ConversationSettings(model="two", reasoning_effort="low")
    turn = Turn(settings=settings, branch=(), parent=None, content="Hi", continued=None)
    body = Generate(conversation="c", content="Hi")
    assert asked(body, turn, models).reasoning_effort == expected
    assert asked(replaced(body, reasoning_effort="high"), turn, models).reasoning_effort == "high"
    assert asked(replaced(body, model="one"), turn, models).reasoning_effort == "low"
