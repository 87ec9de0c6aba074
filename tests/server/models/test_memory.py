"""The memory need is that of llama.cpp."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from server.engine.llama import LlamaModel
from server.kv_types import BYTES, KvTypes
from server.model_options import ModelOptions
from server.models.header_facts import read_header
from server.models.memory import SERVER_MEMORY, ChatSizes, MemoryNeed, fits, memory_need
from server.starter import MODEL_PATH
from tests.server.engine.llama.small_model import write_model

MIB = 1 << 20
USUAL = (ChatSizes(1024, 1), ChatSizes(8192, 1), ChatSizes(2048, 4), ChatSizes(2048, 4, shared=4096))
TYPES = (*(KvTypes(name, "f16") for name in BYTES), *(KvTypes(name, name) for name in BYTES))
SIZES = (
    *((False, each) for each in (*USUAL, *(ChatSizes(4096, 2, kv=each) for each in TYPES))),
    *((True, each) for each in (*USUAL, ChatSizes(4096, 2, kv=KvTypes("q8_0", "q8_0")))),
)


def measured(caplog: pytest.LogCaptureFixture, kind: str) -> float:
    """Return the sum of the buffers of a kind that llama.cpp has reported, in bytes."""
    text = "\n".join(record.getMessage() for record in caplog.records)
    return sum(float(size) * MIB for size in re.findall(rf"{kind} buffer size = +([\d.]+) MiB", text))


@pytest.mark.parametrize(("wide", "sizes"), SIZES, ids=str)
def test_the_need_covers_llama_cpp_s_buffers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sizes: ChatSizes, wide: bool
) -> None:
    # A large vocabulary needs more than the layers.
    path = write_model(tmp_path / "a.gguf", user_defined=[f"<{n}>" for n in range(8000)]) if wide else MODEL_PATH
    caplog.set_level("DEBUG", "llama.cpp")
    options = ModelOptions(context=sizes.context, parallel=sizes.parallel, kv=sizes.kv)
    LlamaModel(path, kv_tokens=sizes.shared, options=options).close()
    network = read_header(path).network
    assert network
    need = memory_need(path.stat().st_size, network, None, sizes)
    kv, compute = measured(caplog, "KV"), measured(caplog, "compute")
    assert kv == pytest.approx(need.kv, rel=0.01, abs=0.02 * MIB)
    assert 0 < compute <= need.compute <= 1.3 * compute + 7 * MIB


def test_a_model_fits_if_the_rest_of_the_server_fits_too() -> None:
    need = MemoryNeed(5 * MIB, 3 * MIB, 2 * MIB)
    assert need.total == 10 * MIB
    assert fits(need, 10 * MIB + SERVER_MEMORY) is True
    assert fits(need, 10 * MIB + SERVER_MEMORY - 1) is False
    assert fits(None, 1) is fits(need, None) is None


def test_a_model_s_own_options_count_before_those_of_all_models() -> None:
    every = ChatSizes(4096, 4)
    assert every.of(ModelOptions()) == every
    own = ModelOptions(context=1024, parallel=2, kv=KvTypes("q8_0", "q8_0"))
    assert every.of(own) == ChatSizes(1024, 2, kv=own.kv)
    assert (replace(every, context=None).tokens(2048), replace(every, context=None).tokens(None)) == (2048, 8192)
