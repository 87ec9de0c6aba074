"""Random faults of a server and its clients, in any order: each generation has one text and one end (PROTOCOL 6)."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine_verbs import VerbMachine
from tests.faults.scale import SOAK, scaled

MACHINE = settings(
    max_examples=scaled(40, 300),
    stateful_step_count=scaled(30, 50),
    deadline=None,
    derandomize=not SOAK,
    phases=[phase for phase in Phase if phase is not Phase.shrink],  # a failure may be a wait of a minute, each time
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.usefixtures("no_errors_logged")
def test_whatever_happens_each_generation_has_one_text_and_one_end() -> None:
    VerbMachine.stalls.clear()
    run_state_machine_as_test(VerbMachine, settings=MACHINE)
    print("what became of those who stalled:", dict(VerbMachine.stalls))
    assert VerbMachine.stalls["held back"] + VerbMachine.stalls["let go"], "no stall has held anything back"
