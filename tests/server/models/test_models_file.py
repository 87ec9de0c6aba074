"""models.toml is read strictly, and each error names the line and the remedy."""

from pathlib import Path

import pytest

from server.kv_types import KvTypes
from server.model_options import ModelOptions
from server.models.models_file import LONGEST, ModelsFile, ModelsFileError, read_models_file

WHOLE = """
# a comment about gpu_layers
["qwen3-4b"]
context = 32768
parallel = 2
type_k = "q8_0"
type_v = "q4_0"
gpu_layers = 20
draft_model = "qwen3-0.6b"
sampling = { temperature = 1, top_k = 20 }

["huggingface/qwen3-4b".sampling]
repeat_penalty = 1.1
"""


def read(folder: Path, text: str) -> ModelsFile:
    (folder / "models.toml").write_text(text)
    return read_models_file(None, folder)


def error(folder: Path, text: str) -> str:
    with pytest.raises(ModelsFileError) as raised:
        read(folder, text)
    return str(raised.value).replace(str(folder), "DATA")


def test_every_key_is_read(tmp_path: Path) -> None:
    qwen = ModelOptions(
        context=32768,
        parallel=2,
        kv=KvTypes("q8_0", "q4_0"),
        gpu_layers=20,
        draft_model="qwen3-0.6b",
        sampling={"temperature": 1.0, "top_k": 20},
    )
    found = read(tmp_path, WHOLE)
    assert found.of("lmstudio/qwen/Qwen3-4B") == qwen
    assert found.of("huggingface/qwen3-4b") == ModelOptions(sampling={"repeat_penalty": 1.1})
    assert found.of("huggingface/other") == ModelOptions()


def test_ollama_s_latest_may_be_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, '["llama3.2"]\ncontext = 1024')
    assert found.of("ollama/llama3.2:latest").context == 1024
    assert found.of("ollama/llama3.2:1b").context is None


def test_a_name_of_no_model_is_remarked(tmp_path: Path) -> None:
    found = read(tmp_path, "[qwen]\n[starter]\n")
    assert found.unused(["built-in/starter", "streamui/qwen3-4b"]) == [
        "models.toml: no model here has the name qwen; similar names: streamui/qwen3-4b, built-in/starter"
    ]


def test_the_file_may_be_absent_unless_it_was_chosen(tmp_path: Path) -> None:
    assert read_models_file(None, tmp_path) == ModelsFile()
    chosen = tmp_path / "my.toml"
    with pytest.raises(ModelsFileError, match=r"--models-file .*my\.toml: there is no such file"):
        read_models_file(chosen, tmp_path)
    chosen.write_text("[a]\ncontext = 64")
    assert read_models_file(chosen, tmp_path).of("a").context == 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\ngpu_layer = 3", "line 2: gpu_layer: there is no such key; did you mean gpu_layers?"),
        (
            "[a]\nthreads = 3",
            "line 2: threads: there is no such key; the keys are "
            "context, parallel, gpu_layers, type_k, type_v, draft_model, sampling",
        ),
        ("[a]\n# context\ncontext = 8", "line 3: context: give a whole number from 16 to 16777216"),
        ("[a]\ncontext = 64\n[b]\ncontext = true", "line 4: context: give a whole number from 16 to 16777216"),
        ("[a]\nparallel = 0", "line 2: parallel: give a whole number from 1 to 256"),
        ("[a]\ngpu_layers = 1.5", "line 2: gpu_layers: give a whole number from 0 to 10000"),
        (
            '[a]\ntype_k = "q8"',
            "line 2: type_k: give one of f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl, in quotes",
        ),
        ("[a]\ndraft_model = 1", "line 2: draft_model: give the path or the name of a model, in quotes"),
        ('[a]\ndraft_model = " "', "line 2: draft_model: give the path or the name of a model, in quotes"),
        ("[a]\nsampling = 1", "line 2: sampling: give a table, such as { temperature = 0.7 }"),
        ("[a.sampling]\ntemprature = 1", "line 2: temprature: there is no such key; did you mean temperature?"),
        ("[a]\nsampling = {\ttemperature = 9 }", "line 2: temperature: give a number, 0 to 2"),
        ("[a.sampling]\ntop_k = 0.5", "line 2: top_k: give a whole number from 0 to 2147483647"),
        ("[a.sampling]\nrepeat_penalty = 0", "line 2: repeat_penalty: give a number above 0, up to 2"),
        ('[a]\ncontext = """\n64"""', "line 2: context: give a whole number from 16 to 16777216"),
        ("\ncontext = 64", 'line 2: context: write the name of a model as the head of a table: ["context"]'),
        ('[""]', 'line 1: : write the name of a model as the head of a table: ["NAME"]'),
        (
            "[llama3.2]\ncontext = 64",
            'line 1: 2: there is no such key; a name with a dot belongs in quotes: ["llama3.2"]',
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    assert error(tmp_path, text) == f"DATA/models.toml, {expected}"


def test_what_is_no_toml_is_named_with_its_line(tmp_path: Path) -> None:
    text = error(tmp_path, "[a]\n[Qwen/Qwen3-4B]")
    assert "line 2" in text and 'names of models belong in quotes: ["NAME"]' in text
    assert "names of models" in error(tmp_path, f"a = {'[' * 100_000}")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_bytes(b"[a]\ncontext = 64 # \xff")
    with pytest.raises(ModelsFileError, match=r"models\.toml, line 2: this is not UTF-8"):
        read_models_file(None, tmp_path)
    (tmp_path / "models.toml").write_bytes(b"#" * (LONGEST + 1))
    with pytest.raises(ModelsFileError, match="longer than 1 MiB"):
        read_models_file(None, tmp_path)
    (tmp_path / "models.toml").unlink()
    (tmp_path / "models.toml").mkdir()
    with pytest.raises(ModelsFileError, match="can't be read"):
        read_models_file(None, tmp_path)
