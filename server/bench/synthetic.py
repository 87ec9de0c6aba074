"""A GGUF file of random weights in a given shape: as expensive as a real model of that shape, without a download.

The only file of the bench that needs the ``gguf`` package.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from server.bench.bench_error import BenchError
from server.bench.synthetic_vocabulary import SPECIAL, make_vocabulary

if TYPE_CHECKING:
    import gguf
    import numpy

FORMAT: Final = 1
"""Version of the written content. Increase it with every change, so that older files are not reused."""

TEMPLATE: Final = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

BLOCK: Final = 32
"""Weights per scale in Q8_0."""

DEVIATION: Final = 73.3
"""Standard deviation of integers uniformly distributed from -127 to 127."""

SHARPNESS: Final = 2.5
"""Spread of the logits, about as in a trained model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticShape:
    """A network of the qwen2 architecture, with its output tied to its embedding."""

    name: str
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int = 151_936
    head_size: int = 64
    context: int = 32_768

    @property
    def width(self) -> int:
        return self.heads * self.head_size

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head_size


SHAPES: Final = {
    "0.5b": SyntheticShape(name="0.5b", layers=24, heads=14, kv_heads=2, feed_forward=4864),  # Qwen2.5-0.5B
    "0.2b": SyntheticShape(name="0.2b", layers=12, heads=10, kv_heads=2, feed_forward=2560),
}


def make(size: str, path: Path | None, data: Path, remark: Callable[[str], None]) -> Path:
    """Return the file of that size, written if it does not exist. Raises BenchError."""
    shape = SHAPES.get(size)
    if shape is None:
        raise BenchError(f"--synthetic {size}: unknown size; use one of {', '.join(SHAPES)}")
    path = path or data / f"synthetic-{shape.name}-{FORMAT}.gguf"
    if path.exists():
        return path
    if importlib.util.find_spec("gguf") is None:
        raise BenchError("--synthetic needs the package gguf: pip install 'streamui[bench]', or pip install gguf")
    remark(f"writing {path}")
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(shape, unfinished)
        unfinished.replace(path)
    except OSError as error:
        raise BenchError(f"{path}: can't be written: {error.strerror}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def write(shape: SyntheticShape, path: Path) -> None:
    """Write the GGUF file, with one tensor in memory at a time."""
    import gguf
    import numpy

    writer = gguf.GGUFWriter(path, "qwen2")
    _write_facts(writer, shape)
    _write_vocabulary(writer, shape.vocabulary)
    tensors = list(_tensors(shape))
    for tensor in tensors:
        writer.add_tensor_info(
            tensor.name, tensor.shape, numpy.dtype(numpy.float32), tensor.bytes, raw_dtype=tensor.kind
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    random = numpy.random.default_rng(FORMAT)
    for tensor in tensors:
        writer.write_tensor_data(tensor.values(random))
    writer.close()


@dataclass(frozen=True, slots=True)
class _Tensor:
    """``deviation``: of random weights in Q8_0; None: ones (norms) or zeros (biases) in F32."""

    name: str
    shape: tuple[int, ...]
    deviation: float | None = None

    @property
    def count(self) -> int:
        return self.shape[0] * (self.shape[1] if len(self.shape) > 1 else 1)

    @property
    def kind(self) -> gguf.GGMLQuantizationType:
        import gguf

        return gguf.GGMLQuantizationType.F32 if self.deviation is None else gguf.GGMLQuantizationType.Q8_0

    @property
    def bytes(self) -> int:
        return self.count * 4 if self.deviation is None else self.count // BLOCK * (2 + BLOCK)

    def values(self, random: numpy.random.Generator) -> numpy.ndarray[Any, Any]:
        """Return the weights in the file's layout; Q8_0 blocks are written directly, since rounding floats takes
        minutes."""
        import numpy

        if self.deviation is None:
            return numpy.full(self.shape, 0.0 if self.name.endswith("bias") else 1.0, numpy.float32)
        blocks = numpy.empty(self.count // BLOCK, [("scale", "<f2"), ("weights", "i1", BLOCK)])
        blocks["scale"] = self.deviation / DEVIATION
        blocks["weights"] = random.integers(-127, 128, blocks["weights"].shape, numpy.int8)
        return blocks


def _tensors(shape: SyntheticShape) -> Iterator[_Tensor]:
    """Yield the tensors with llama.cpp's names, scaled so that each layer's output is as large as its input."""
    width, kv, feed = shape.width, shape.kv_width, shape.feed_forward
    yield _Tensor("token_embd.weight", (shape.vocabulary, width), SHARPNESS / width**0.5)
    yield _Tensor("output_norm.weight", (width,))
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        for name in ("attn_norm", "ffn_norm"):
            yield _Tensor(f"{block}.{name}.weight", (width,))
        for name, size in (("q", width), ("k", kv), ("v", kv)):
            yield _Tensor(f"{block}.attn_{name}.weight", (size, width), width**-0.5)
            yield _Tensor(f"{block}.attn_{name}.bias", (size,))
        yield _Tensor(f"{block}.attn_output.weight", (width, width), width**-0.5)
        for name in ("gate", "up"):
            yield _Tensor(f"{block}.ffn_{name}.weight", (feed, width), width**-0.5)
        yield _Tensor(f"{block}.ffn_down.weight", (width, feed), feed**-0.5)


def _write_facts(writer: gguf.GGUFWriter, shape: SyntheticShape) -> None:
    import gguf

    writer.add_name(f"Synthetic {shape.name}")
    writer.add_description("Random weights, to measure with; it writes nonsense.")
    writer.add_size_label(shape.name.upper())
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _write_vocabulary(writer: gguf.GGUFWriter, size: int) -> None:
    import gguf

    vocabulary = make_vocabulary(size)
    normal, control = gguf.TokenType.NORMAL, gguf.TokenType.CONTROL
    first = size - len(SPECIAL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types([normal] * first + [control] * len(SPECIAL))
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(first)
    writer.add_eos_token_id(first + SPECIAL.index("<|im_end|>"))
    writer.add_pad_token_id(first)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
