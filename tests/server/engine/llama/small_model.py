"""A model file of random weights, some hundred KiB long, with chosen special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import gguf
import numpy

from server.bench import synthetic
from server.bench.synthetic_vocabulary import SPECIAL, make_vocabulary

SHAPE = synthetic.SyntheticShape(
    name="small", layers=1, heads=2, kv_heads=1, feed_forward=256, vocabulary=512, context=1024
)
END = "<|im_end|>"


def write_model(
    path: Path, *, control: Sequence[str] = (), user_defined: Sequence[str] = (), template: str = ""
) -> Path:
    """Write the file. Its vocabulary: 512 normal tokens, END among them, then ``control`` and ``user_defined``."""
    usual = make_vocabulary(SHAPE.vocabulary)
    tokens = [*usual.tokens, *control, *user_defined]
    kinds = gguf.TokenType
    types = [kinds.NORMAL] * (SHAPE.vocabulary - len(SPECIAL)) + [kinds.CONTROL] * (len(SPECIAL) + len(control))
    shape = replace(SHAPE, vocabulary=len(tokens))
    writer = gguf.GGUFWriter(path, "qwen2")
    synthetic._write_facts(writer, shape)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types + [kinds.USER_DEFINED] * len(user_defined))
    writer.add_token_merges(usual.merges)
    writer.add_eos_token_id(tokens.index(END))
    writer.add_add_bos_token(False)
    if template:
        writer.add_chat_template(template)
    random = numpy.random.default_rng(0)
    for tensor in synthetic._tensors(shape):
        writer.add_tensor(tensor.name, random.standard_normal(tensor.shape, numpy.float32) * (tensor.deviation or 1.0))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
