"""Ids of models, and the model that a request names."""

from typing import Any

import pytest

from server.openai.models import listed_models, model_id, wanted_model
from server.writers.writer_port import ServedModel

MODELS = [ServedModel(name, 8192, None, 4) for name in ("Small Model", "Small-Model", "big")]


def test_a_models_name_becomes_part_of_an_address() -> None:
    assert (model_id("My Model (v2)"), model_id("a-b.c"), model_id("  ")) == ("My-Model-v2", "a-b.c", "model")


def test_ids_are_unique() -> None:
    assert [model.id for model in listed_models(MODELS)] == ["Small-Model", "Small-Model-2", "big"]
    assert [model.id for model in listed_models(MODELS, "file")] == ["file", "Small-Model", "big"]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("big", "big"),
        ("Small-Model-2", "Small-Model"),
        ("Small Model", "Small Model"),
        ("gpt-4o", "Small Model"),
        (None, "Small Model"),
        (7, "Small Model"),
        (["big"], "Small Model"),
    ],
)
def test_a_request_names_a_model_or_gets_the_default_one(wanted: Any, name: str) -> None:
    assert wanted_model(listed_models(MODELS), wanted).served.name == name
