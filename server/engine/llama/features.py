"""Prints what llama.cpp was built for: ``python -m server.engine.llama.features``.

In a process of its own, since a build for another processor ends it with an illegal instruction.
"""

from __future__ import annotations

import llama_cpp as ll

if __name__ == "__main__":
    print(ll.llama_print_system_info().decode("utf-8", "replace"))
