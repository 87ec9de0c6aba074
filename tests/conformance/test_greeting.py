"""Facts of a `welcome` that decide which cases apply."""

from typing import Any

import pytest

from protocol.conformance.greeting import asks_welcome, lack, stop_time
from protocol.conformance.matching import fits
from protocol.conformance.script import load_cases

CASES = {case.id: case for case in load_cases()}
LOCAL = {"type": "welcome", "model": {"template": "gguf"}, "features": ["tools", "reasoning"]}
BEHIND = {"type": "welcome", "model": {"template": "upstream", "stop": "asked"}, "features": ["tools"]}


@pytest.mark.parametrize(
    ("case", "welcome", "reason"),
    [
        ("tool-named", LOCAL, None),
        ("tool-named", BEHIND, None),
        ("tool-named", {**LOCAL, "features": []}, "`welcome.features` has no `tools`"),
        ("tool-named", {"type": "welcome"}, "`welcome.features` has no `tools`"),
        ("tool-named", {}, None),
        ("reasoning-effort", BEHIND, "`welcome.features` has no `reasoning`"),
        ("truncation", LOCAL, None),
        ("truncation", BEHIND, "`welcome.features` has no `context`"),
        ("truncation", {**BEHIND, "features": ["context"]}, None),
        ("truncation", {}, None),
        ("truncation-refused", LOCAL, None),
        (
            "truncation-refused",
            {**BEHIND, "features": ["context"]},
            "the model is behind another server, which refuses a prompt that is too long only in its answer",
        ),
        ("cancel-in-the-answer", BEHIND, None),
    ],
)
def test_a_case_is_skipped_where_the_server_lacks_what_it_needs(
    case: str, welcome: dict[str, Any], reason: str | None
) -> None:
    assert lack(CASES[case], welcome) == reason


def test_a_stop_that_is_only_asked_has_no_time_and_any_other_has_one() -> None:
    asked, confirmed = stop_time(BEHIND), stop_time(LOCAL)
    assert (fits({"stop": asked}, {}), fits({"stop": asked}, {"stop": 1.5})) == (True, False)
    assert (fits({"stop": confirmed}, {}), fits({"stop": confirmed}, {"stop": 1.5})) == (False, True)


def test_only_cases_that_depend_on_the_server_ask_for_its_welcome() -> None:
    assert asks_welcome(CASES["tool-named"])
    assert asks_welcome(CASES["cancel-in-the-answer"])
    assert not asks_welcome(CASES["welcome-says-all"])
