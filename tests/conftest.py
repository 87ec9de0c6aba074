"""What every test stands on."""

import signal

from hypothesis import HealthCheck, settings

# A shell that runs the tests in the background has them ignore SIGINT, and so would every program that they start: then
# nothing that is said here of Ctrl-C could be seen.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Hypothesis without a stopwatch: a busy machine is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
