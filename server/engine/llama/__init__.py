"""llama.cpp through llama-cpp-python's low-level functions. Only this package imports llama_cpp.

The C functions are called directly: the bindings' own context class turns every outcome into a RuntimeError.
"""

from server.engine.llama.openmp import shorten_spinning

shorten_spinning()

from server.engine.llama.llama_model import LlamaModel  # noqa: E402 - after the variables

__all__ = ["LlamaModel"]
