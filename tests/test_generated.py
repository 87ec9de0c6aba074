"""Code that is written from the protocol's tables."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from protocol.parameter_table import PARAMETERS, JsonObject, Number, Whole
from server.engine.base import SamplingParams
from tests.generated import ROOT, texts


@pytest.mark.parametrize(("path", "text"), texts().items(), ids=lambda each: getattr(each, "name", ""))
def test_generated_code_is_that_of_the_table(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text, f"{path.relative_to(ROOT)} is out of date: make spec"


def test_the_engine_has_each_parameter_with_its_default() -> None:
    engine = {each.name: each.default for each in fields(SamplingParams) if each.default is not MISSING}
    for parameter in PARAMETERS:
        if isinstance(parameter.values, Number | Whole):
            assert engine[parameter.name] == parameter.default
        elif not isinstance(parameter.values, JsonObject):
            assert parameter.name in {each.name for each in fields(SamplingParams)}
