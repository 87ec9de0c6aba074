"""Prints the features of the llama.cpp build: ``python -m server.engine.llama.features``.

Runs in its own process: a build for another processor ends it with an illegal instruction.
"""

from __future__ import annotations

import llama_cpp as ll

if __name__ == "__main__":
    print(ll.llama_print_system_info().decode("utf-8", "replace"))
