"""The table of the sampling parameters: complete, and described in words."""

from collections import Counter

import pytest

from protocol.parameter_table import (
    GROUPS,
    PARAMETERS,
    Biases,
    JsonObject,
    Number,
    Parameter,
    Texts,
    Values,
    Whole,
    describe_range,
)


def test_each_parameter_has_one_name_and_one_place_in_the_settings() -> None:
    placed = Counter(name for names in GROUPS.values() for name in names)
    assert placed == Counter({parameter.name: 1 for parameter in PARAMETERS})


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda each: each.name)
def test_the_settings_can_show_each_default(parameter: Parameter) -> None:
    assert parameter.shown or isinstance(parameter.default, int | float)


@pytest.mark.parametrize("parameter", [each for each in PARAMETERS if each.slider], ids=lambda each: each.name)
def test_a_slider_is_in_the_range(parameter: Parameter) -> None:
    assert parameter.slider and isinstance(parameter.values, Number | Whole)
    assert parameter.values.low <= parameter.slider.low < parameter.slider.high <= parameter.values.high


def test_openai_names_are_unique() -> None:
    names = [parameter.openai for parameter in PARAMETERS if parameter.openai is not None]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (Number(0, 2), "number, 0 to 2"),
        (Number(0.5, 2, above=True), "number above 0.5, up to 2"),
        (Whole(1), "whole, 1 to 2147483647"),
        (Texts(1, 16, 256), "list of 1 to 16 strings of 1 to 256 characters"),
        (Texts(0, 4, 8), "list of up to 4 strings of 1 to 8 characters"),
        (
            Biases(1024, -1, 1.5),
            "object of up to 1,024 entries: token id in decimal digits (up to 10) to a number, -1 to 1.5",
        ),
        (JsonObject(65_536), "object, up to 65,536 bytes"),
    ],
)
def test_range_in_words(values: Values, words: str) -> None:
    assert describe_range(values) == words
