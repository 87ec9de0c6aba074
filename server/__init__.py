"""StreamUI's server: the engine, the generations and their endpoints."""

from importlib import metadata

__version__ = metadata.version("streamui")
