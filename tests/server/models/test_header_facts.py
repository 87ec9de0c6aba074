"""The facts of a model are read from its header, whatever is in it."""

from pathlib import Path
from typing import Any

import gguf
import pytest

from server.engine.base import ModelError
from server.engine.llama import LlamaModel
from server.gguf_header import TOKENS
from server.kv_types import KvTypes
from server.models.header_facts import facts_of, network, read_header
from server.models.quantization import FILE_TYPES, quantization
from server.starter import MODEL_PATH
from tests.server.models.headers import LLAMA, header, write


def test_the_starter_s_facts_are_llama_cpp_s() -> None:
    facts, model = read_header(MODEL_PATH, whole=True), LlamaModel(MODEL_PATH, context=64, parallel=1)
    assert (facts.title, facts.architecture) == (model.facts.name, model.facts.architecture)
    assert facts.context == model.trained_context
    assert (facts.quantization, facts.parameters, facts.template) == ("Q8_0", "5M", True)
    model.close()


def test_the_whole_header_tells_of_the_template(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gguf")
    assert read_header(path).template is None
    assert read_header(path, whole=True).template is True


def test_a_list_reads_no_vocabulary(tmp_path: Path) -> None:
    content = header(vocabulary=10_000)
    (tmp_path / "a.gguf").write_bytes(content[: content.index(b"tokenizer.ggml.tokens") + 1000])
    assert read_header(tmp_path / "a.gguf").title == "Tiny"
    with pytest.raises(ModelError, match="header of the model file is broken"):
        read_header(tmp_path / "a.gguf", whole=True)


def test_the_file_types_are_those_of_the_gguf_package() -> None:
    def shown(name: str) -> str:
        return name.removeprefix("MOSTLY_").removeprefix("ALL_")

    known = {kind.value: shown(kind.name) for kind in gguf.LlamaFileType}
    assert {number: name for number, name in FILE_TYPES.items() if number in known} == {
        number: known[number] for number in FILE_TYPES if number in known
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Qwen3-4B-Q4_K_M.gguf", "Q4_K_M"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1"),
        ("gemma-3-1b-it-UD-IQ2_XXS.gguf", "IQ2_XXS"),
        ("model-f16.gguf", "F16"),
        ("model-fp16.gguf", "F16"),
        ("model-BF16-00001-of-00002.gguf", "BF16"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("llama-3.2-1b.gguf", None),
        ("qwen2.gguf", None),
    ],
)
def test_a_quantization_may_be_in_the_name_alone(name: str, expected: str | None) -> None:
    assert quantization(None, name) == expected
    assert quantization(9999, name) == expected
    assert quantization(2, name) == "Q4_0"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 256),
        ({"llama.attention.head_count_kv": None}, 512),
        ({"llama.attention.key_length": 32, "llama.attention.value_length": 8}, 2 * 40 * 4),
        ({"llama.attention.head_count_kv": (2, 0)}, 128),
        ({"llama.attention.head_count": (4, 0), "llama.attention.head_count_kv": (1, 0)}, 64),
        ({"llama.block_count": None}, None),
        ({"llama.block_count": 10**9}, None),
        ({"llama.block_count": "two"}, None),
        ({"llama.attention.head_count": ()}, None),
        ({"llama.attention.head_count": -4}, None),
        ({"llama.embedding_length": 2**63}, None),
    ],
)
def test_the_kv_cache_is_computed_from_the_header(changed: dict[str, Any], expected: int | None) -> None:
    keys = {key: value for key, value in {**LLAMA, **changed}.items() if value is not None}
    found = network(keys, "llama")
    assert (found and KvTypes().bytes(found.keys, found.values)) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [({}, 0), ({"llama.vocab_size": 7}, 7), ({"llama.vocab_size": 7, TOKENS: 9}, 9), ({TOKENS: ["a", "b"]}, 2)],
)
def test_the_size_of_the_vocabulary_is_that_of_the_tokens(changed: dict[str, Any], expected: int) -> None:
    found = network({**LLAMA, **changed}, "llama")
    assert found and found.vocabulary == expected


def test_values_of_other_types_are_unknown() -> None:
    facts = facts_of({**LLAMA, "general.name": 7, "llama.context_length": "x", "general.file_type": []}, "a.gguf")
    assert (facts.title, facts.context, facts.quantization) == (None, None, None)
    assert facts_of({"general.architecture": 7}, "a.gguf").architecture == "unknown"


@pytest.mark.parametrize("at", range(4, 400, 13))
def test_a_header_that_was_cut_or_changed_never_crashes(tmp_path: Path, at: int) -> None:
    whole, path = header(), tmp_path / "a.gguf"
    for data in (whole[:at], whole[:at] + b"\xff" * 8 + whole[at + 8 :], whole[:at] + b"\0" * 8 + whole[at + 8 :]):
        path.write_bytes(data)
        for read_all in (False, True):
            try:
                read_header(path, whole=read_all)
            except ModelError as error:
                assert "header of the model file is broken" in str(error)
