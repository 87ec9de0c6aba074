"""Settings for all tests."""

import signal

import pytest
from hypothesis import HealthCheck, settings

# A shell that runs the tests in the background has them ignore SIGINT, and so would every program that they start: then
# nothing that is said here of Ctrl-C could be seen.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Hypothesis without a stopwatch: a busy machine is no failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name long bytes by their argument. Each worker must produce the same names, and a zip file's bytes contain the
    time."""
    return argname if isinstance(val, bytes) and len(val) > 64 else None
