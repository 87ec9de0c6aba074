"""Conversations have every message that a client or a model wrote, and no others, whatever happens (PROTOCOL 14).

After any refusal, at any endpoint and any moment, the next valid message is answered, and a refused message can be sent
again.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.conversation_verbs import ConversationVerbMachine
from tests.faults.scale import SOAK, scaled

MACHINE = settings(
    max_examples=scaled(20, 400),
    stateful_step_count=scaled(30, 60),
    deadline=None,
    derandomize=not SOAK,
    phases=[phase for phase in Phase if phase is not Phase.shrink],  # a failure may be a wait of minutes, each time
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.usefixtures("no_errors_logged")
def test_whatever_is_refused_the_next_good_message_is_answered() -> None:
    run_state_machine_as_test(ConversationVerbMachine, settings=MACHINE)
