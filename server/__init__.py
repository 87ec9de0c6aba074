"""StreamUI's server: the engine, the generations and the doors to them."""

from importlib import metadata

__version__ = metadata.version("streamui")
