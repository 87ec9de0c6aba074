"""Both ends of two connections, with events in any order (machine.py)."""

import os

from hypothesis import settings

from tests.protocol.machine import Machine

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "300"))  # `make fuzz` asks for more

TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=EXAMPLES, stateful_step_count=50)
