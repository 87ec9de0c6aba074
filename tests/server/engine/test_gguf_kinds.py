"""Model files that can't chat are recognised by kind."""

from pathlib import Path
from typing import Any

import gguf
import pytest

from server.engine.base import ModelError
from server.engine.gguf_kinds import check_kind, problem_with
from server.engine.llama import LlamaModel
from server.engine.probing import ModelProbe
from server.starter import MODEL_PATH
from tests.server.test_main import assert_told_in_one_line, run

NO_CHAT_MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "bert": ({"general.architecture": "bert", "bert.pooling_type": 2}, "embedding model (architecture bert)"),
    "bert without pooling": ({"general.architecture": "nomic-bert-moe"}, "embedding model"),
    "an embedding model of a chat family": (
        {"general.architecture": "qwen3", "general.type": "model", "qwen3.pooling_type": 3},
        "an embedding model (architecture qwen3)",
    ),
    "gemma's": ({"general.architecture": "gemma-embedding"}, "an embedding model"),
    "llama's": ({"general.architecture": "llama-embed"}, "an embedding model"),
    "a reranker": ({"general.architecture": "qwen3", "qwen3.pooling_type": 4}, "a reranking model"),
    "an encoder": ({"general.architecture": "t5encoder"}, "an embedding model"),
    "a translator": ({"general.architecture": "t5"}, "a translation model"),
    "a model in both directions": (
        {"general.architecture": "new", "new.attention.causal": False},
        "reads in both directions",
    ),
    "a diffusion model": ({"general.architecture": "dream"}, "a diffusion model"),
    "a projector": ({"general.architecture": "clip", "general.type": "mmproj"}, "projector (mmproj)"),
    "an older projector": ({"general.architecture": "clip"}, "projector (mmproj)"),
    "an adapter": ({"general.architecture": "llama", "general.type": "adapter"}, "a LoRA adapter"),
    "an older adapter": ({"general.architecture": "llama", "adapter.type": "lora"}, "a LoRA adapter"),
    "a control vector": ({"general.architecture": "controlvector"}, "a control vector"),
    "an importance matrix": ({"general.type": "imatrix"}, "an importance matrix"),
    "a further part": ({"general.architecture": "llama", "split.no": 1, "split.count": 3}, "part 2 of 3"),
}

CHAT_MODELS: dict[str, dict[str, Any]] = {
    "llama": {"general.architecture": "llama", "general.type": "model"},
    "no pooling": {"general.architecture": "qwen3", "qwen3.pooling_type": 0, "qwen3.attention.causal": True},
    "embedded": {"general.architecture": "pangu-embedded"},
    "the first part": {"general.architecture": "llama", "split.no": 0, "split.count": 3},
    "nothing known": {},
}


def written(path: Path, keys: dict[str, Any]) -> Path:
    """Write a file with only a header."""
    writer = gguf.GGUFWriter(path, keys.get("general.architecture", "unknown"))
    for key, value in keys.items():
        if key == "general.architecture":
            continue
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_uint32(key, value)
        else:
            writer.add_string(key, value)
    writer.add_token_list(["a", "b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


@pytest.mark.parametrize("name", NO_CHAT_MODELS)
def test_files_without_a_chat_model_are_named(name: str, tmp_path: Path) -> None:
    keys, said = NO_CHAT_MODELS[name]
    path = written(tmp_path / "file.gguf", keys)
    with pytest.raises(ModelError) as told:
        LlamaModel(path)
    assert str(told.value).startswith(f"{path}: this is ")
    assert said in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", CHAT_MODELS)
def test_possible_chat_models_are_left_to_llama_cpp(name: str, tmp_path: Path) -> None:
    assert problem_with(CHAT_MODELS[name]) is None
    check_kind(written(tmp_path / "file.gguf", CHAT_MODELS[name]))


def test_the_starter_is_a_chat_model() -> None:
    check_kind(MODEL_PATH)


@pytest.mark.parametrize("part", [4, 20, 100, 1000])
def test_a_header_that_can_not_be_read_is_left_to_llama_cpp(part: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(MODEL_PATH.read_bytes()[:part])
    check_kind(path)


def test_the_process_that_looks_first_says_so_too(tmp_path: Path) -> None:
    path = written(tmp_path / "bert.gguf", NO_CHAT_MODELS["bert"][0])
    with pytest.raises(ModelError, match="choose a chat model"), ModelProbe(path) as probe:
        probe.verdict()


def test_the_command_says_so_in_one_line(tmp_path: Path) -> None:
    path = written(tmp_path / "lora.gguf", NO_CHAT_MODELS["an adapter"][0])
    ended = run("serve", "--port=0", "--data", str(tmp_path / "data"), "--model", str(path))
    assert_told_in_one_line(ended, str(path), "LoRA adapter", "choose a chat model")
