"""Short spinning of OpenMP's threads: set before the runtime reads it, unless the user has chosen otherwise."""

import os
import subprocess
import sys

import pytest

from server.engine.llama.openmp import SHORT_SPINNING, shorten_spinning

LOOK = """
import os, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "llama_cpp":
            print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("KMP_BLOCKTIME"))
sys.meta_path.insert(0, Watch())
import server.engine.llama.probe
"""


def seen_when_llama_cpp_is_imported(**chosen: str) -> str:
    """Return the two variables as they are when the bindings, and with them the runtime, begin to load."""
    kept = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", *SHORT_SPINNING)}
    command = [sys.executable, "-c", LOOK]
    return subprocess.run(command, env={**kept, **chosen}, capture_output=True, text=True, check=True).stdout.strip()


def test_spinning_is_short_when_llama_cpp_is_loaded() -> None:
    assert seen_when_llama_cpp_is_imported() == "1000 1"


@pytest.mark.parametrize("chosen", [{"OMP_WAIT_POLICY": "passive"}, {"GOMP_SPINCOUNT": "7"}, {"KMP_BLOCKTIME": "0"}])
def test_a_chosen_way_of_waiting_is_kept(chosen: dict[str, str]) -> None:
    environment = dict(chosen)
    shorten_spinning(environment)
    assert environment == chosen


def test_the_processes_of_users_keep_what_they_chose() -> None:
    assert seen_when_llama_cpp_is_imported(GOMP_SPINCOUNT="7") == "7 None"
