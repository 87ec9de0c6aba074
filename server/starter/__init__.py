"""The built-in model: a tiny chat model that the project trains itself. See README.md."""

from pathlib import Path

MODEL_PATH = Path(__file__).parent / "starter.gguf"
