"""The built-in model: a tiny chat model that the project trains itself. See training/README.md."""

from pathlib import Path

MODEL_PATH = Path(__file__).parent / "starter.gguf"

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] | trim + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""Chat template in the model file. It writes no `<s>`: the tokenizer adds it
(tokenizer.ggml.add_bos_token)."""
