"""Export of the trained network as a GGUF file for llama.cpp: Q8_0 matrices, vocabulary and chat template."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy
import sentencepiece

from server.starter import CHAT_TEMPLATE
from server.starter.training.network import Layer, Llama

SAMPLING = {"temp": 0.3, "top_p": 0.95, "min_p": 0.1}
TOP_K = 40
DESCRIPTION = "A tiny chat model for trying StreamUI, trained from scratch on generated dialogues."


def token_type(pieces: sentencepiece.SentencePieceProcessor, token: int) -> gguf.TokenType:
    if pieces.is_unknown(token):
        return gguf.TokenType.UNKNOWN
    if pieces.is_control(token):
        return gguf.TokenType.CONTROL
    if pieces.is_byte(token):
        return gguf.TokenType.BYTE
    return gguf.TokenType.USER_DEFINED if pieces.id_to_piece(token) in ("\n", "\n\n") else gguf.TokenType.NORMAL


def write_vocabulary(writer: gguf.GGUFWriter, model: bytes) -> None:
    """Write pieces, scores and kinds. `<s>` is added before every prompt, a space is not."""
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model)
    tokens = range(pieces.get_piece_size())
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(token).encode() for token in tokens])
    writer.add_token_scores([pieces.get_score(token) for token in tokens])
    writer.add_token_types([token_type(pieces, token) for token in tokens])
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_eot_token_id(pieces.eos_id())
    writer.add_unk_token_id(pieces.unk_id())
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def write_facts(writer: gguf.GGUFWriter, network: Llama) -> None:
    """Write names, dimensions and suitable sampling."""
    shape = network.shape
    writer.add_name("StreamUI Starter")
    writer.add_author("StreamUI")
    writer.add_version("1")
    writer.add_description(DESCRIPTION)
    writer.add_size_label("5M")
    writer.add_languages(["en"])
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_dimension_count(shape.head_size)
    writer.add_rope_freq_base(shape.rope_theta)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for name, value in SAMPLING.items():
        writer.add_float32(f"general.sampling.{name}", value)
    writer.add_int32("general.sampling.top_k", TOP_K)


def matrices(block: Layer, index: int) -> dict[str, numpy.ndarray]:
    """Return a layer's weights under llama.cpp's names. Rotary pairs are adjacent already, so no rows are permuted."""
    attention = block.attention
    named = {
        "attn_norm": block.attention_norm,
        "attn_q": attention.q,
        "attn_k": attention.k,
        "attn_v": attention.v,
        "attn_output": attention.out,
        "ffn_norm": block.feed_norm,
        "ffn_gate": block.gate,
        "ffn_up": block.up,
        "ffn_down": block.down,
    }
    return {f"blk.{index}.{name}.weight": module.weight.detach().float().numpy() for name, module in named.items()}


def export(network: Llama, model: bytes, path: Path) -> None:
    """Write the GGUF. The output matrix is the embedding, so it is stored once."""
    writer = gguf.GGUFWriter(path, "llama")
    write_facts(writer, network)
    write_vocabulary(writer, model)
    tensors = {
        "token_embd.weight": network.embedding.weight.detach().float().numpy(),
        "output_norm.weight": network.norm.weight.detach().float().numpy(),
    }
    for index, block in enumerate(network.blocks):
        tensors |= matrices(block, index)
    for name, values in tensors.items():
        kind = gguf.GGMLQuantizationType.Q8_0 if values.ndim == 2 else gguf.GGMLQuantizationType.F32
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
