"""StreamUI's server: the engine, the generations and their endpoints."""

__version__ = "0.1.0"
"""Version of the package; hatchling reads it here. Every process imports this, and importlib.metadata takes 70 ms."""
