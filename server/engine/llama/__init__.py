"""llama.cpp through llama-cpp-python's low-level functions: the only package that imports llama_cpp.

The C functions are called as they are: the bindings' own context class makes one RuntimeError of every outcome.
"""

from server.engine.llama.model import LlamaModel

__all__ = ["LlamaModel"]
