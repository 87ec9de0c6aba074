"""The facts of a GGUF file that the load depends on, read from its header without any package."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.bench.bench_error import BenchError
from server.gguf_header import BROKEN, MAGIC, entries

_END_KEYS = tuple(f"tokenizer.ggml.{name}_token_id" for name in ("eos", "eot", "eom"))

_END_TEXTS = frozenset(
    "<|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn> <|endoftext|> <|end_of_text|> "
    "<|eom_id|> <EOT> _<EOT> </s> <|end_of_sentence|> <turn|> <fim_pad> <fim_repo> <fim_suffix> <|fim_pad|> "
    "<|repo_name|> <|file_sep|> <PAD> <REPO> [EOT] [EOS]".split()
)
"""Further texts that llama.cpp treats as the end of an answer, wherever a vocabulary has them."""


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """Facts of a model. ``context``: trained length in tokens, None if unknown. ``ends``: tokens that end an answer."""

    name: str
    context: int | None
    ends: tuple[int, ...]


def read_facts(path: Path) -> GgufFacts:
    """Read the facts. Raises BenchError for a file that is not GGUF."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise BenchError(f"{path}: this is not a GGUF file (it doesn't begin with the letters GGUF)")
            values = dict(entries(file))
    except FileNotFoundError:
        raise BenchError(f"{path}: there is no such model file") from None
    except OSError as error:
        raise BenchError(f"{path}: the model file can't be read: {error.strerror}") from None
    except BROKEN:
        raise BenchError(f"{path}: the header of the model file is broken") from None
    context = values.get(f"{values.get('general.architecture')}.context_length")
    return GgufFacts(values.get("general.name") or path.stem, context, _ends(values))


def _ends(values: dict[str, Any]) -> tuple[int, ...]:
    named = {values[key] for key in _END_KEYS if key in values}
    texts = values.get("tokenizer.ggml.tokens", ())
    return tuple(sorted(named | {token for token, text in enumerate(texts) if text in _END_TEXTS}))
