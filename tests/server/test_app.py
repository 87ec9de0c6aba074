"""The composition root: the application stops everything that it starts."""

import dataclasses
import threading

import pytest

from server.app import create_app
from server.chat.template import ChatTemplateError
from server.chat.wellknown import chosen
from server.engine.worker import BatchingEngine
from server.serving import configuration
from server.writers.local import local_writer
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import serving


def engine_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "engine"]


async def test_the_end_of_the_application_is_the_end_of_the_engine() -> None:
    before = engine_threads()
    async with serving(ScriptedModel()) as server:
        assert len(engine_threads()) == len(before) + 1
    assert engine_threads() == before
    assert not server.engine.stats().alive


async def test_a_chosen_template_takes_the_place_of_the_models(model: ScriptedModel) -> None:
    model.facts = dataclasses.replace(model.facts, chat_template="{% for m in messages %}")
    app = create_app(local_writer(BatchingEngine(model), chosen("gemma")))
    template = app.state.registry.writer.chat_template
    assert (template.origin, template.stop) == ("chosen", ("<end_of_turn>",))
    model.close()


def test_a_broken_template_is_reported_before_anything_starts(model: ScriptedModel) -> None:
    model.facts = dataclasses.replace(model.facts, chat_template="{% for m in messages %}")
    before = engine_threads()
    with pytest.raises(ChatTemplateError):
        create_app(local_writer(BatchingEngine(model)))
    assert engine_threads() == before


def test_an_idle_connection_outlives_that_of_an_http_client(model: ScriptedModel) -> None:
    app = create_app(local_writer(BatchingEngine(model)))
    assert configuration(app).timeout_keep_alive > 60
    model.close()
