"""Models of other programs are found in their folders; files whose header is not a chat model's are left out."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from server.engine.base import ModelError
from server.models.catalogue import Catalogue, UnknownModelError, catalogue
from server.models.memory import Network
from server.starter import MODEL_PATH
from tests.server.models.headers import EMBEDDING, LLAMA, PROJECTOR, header, in_hugging_face, in_ollama, write

STARTER = "built-in/starter"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def here(home: Path, **environ: str) -> Catalogue:
    return catalogue(home / "own", {"HOME": str(home), **environ})


def full_names(found: Catalogue) -> list[str]:
    return [model.full_name for model in found.models if model.full_name != STARTER]


def reasons(found: Catalogue) -> dict[str, str]:
    return {each.full_name: each.reason for each in found.left_out}


def test_only_the_starter_is_there_without_any_folder(home: Path) -> None:
    found = here(home)
    assert [model.path for model in found.models] == [MODEL_PATH]
    assert found.find("starter").full_name == STARTER


def test_the_models_folder_is_listed(home: Path) -> None:
    write(home / "own" / "Tiny-Q4_K_M.gguf", size=1 << 20)
    (model,) = (model for model in here(home).models if model.place == "streamui")
    assert (model.name, model.size, model.leads_out) == ("Tiny-Q4_K_M", 1 << 20, False)
    facts = model.header
    assert (facts.title, facts.parameters, facts.quantization) == ("Tiny", "15M", "Q4_K_M")
    assert (facts.context, facts.architecture) == (4096, "llama")
    assert facts.network == Network(keys=64, values=64, heads=4, width=64, vocabulary=3)


def lmstudio(folder: Path) -> None:
    write(folder / "maker" / "Tiny-GGUF" / "Tiny-Q8_0.gguf")


def jan(folder: Path) -> None:
    write(folder / "maker" / "tiny" / "model.gguf")


LAID: dict[str, tuple[str, dict[str, str], Callable[[Path], object], str]] = {
    "Hugging Face": (
        ".cache/huggingface/hub",
        {},
        lambda folder: in_hugging_face(folder, "maker/repo", "tiny.gguf"),
        "huggingface/maker/repo/tiny",
    ),
    "Hugging Face by HF_HOME": (
        "x/hub",
        {"HF_HOME": "x"},
        lambda folder: in_hugging_face(folder, "maker/repo", "sub/tiny.gguf"),
        "huggingface/maker/repo/sub/tiny",
    ),
    "Hugging Face by HF_HUB_CACHE": (
        "x",
        {"HF_HUB_CACHE": "x"},
        lambda folder: in_hugging_face(folder, "repo", "tiny.gguf"),
        "huggingface/repo/tiny",
    ),
    "Ollama": (
        ".ollama/models",
        {},
        lambda folder: in_ollama(folder, "registry.ollama.ai/library/tiny/latest"),
        "ollama/tiny:latest",
    ),
    "Ollama by OLLAMA_MODELS": (
        "x",
        {"OLLAMA_MODELS": "x"},
        lambda folder: in_ollama(folder, "hf.co/maker/tiny/Q4_0"),
        "ollama/hf.co/maker/tiny:Q4_0",
    ),
    "LM Studio": (".lmstudio/models", {}, lmstudio, "lmstudio/maker/Tiny-GGUF/Tiny-Q8_0"),
    "an older LM Studio": (".cache/lm-studio/models", {}, lmstudio, "lmstudio/maker/Tiny-GGUF/Tiny-Q8_0"),
    "llama.cpp": (".cache/llama.cpp", {}, lambda folder: write(folder / "maker_tiny.gguf"), "llama.cpp/maker_tiny"),
    "llama.cpp by LLAMA_CACHE": (
        "x",
        {"LLAMA_CACHE": "x"},
        lambda folder: write(folder / "tiny.gguf"),
        "llama.cpp/tiny",
    ),
    "GPT4All": (
        ".local/share/nomic.ai/GPT4All",
        {},
        lambda folder: write(folder / "tiny.Q4_0.gguf"),
        "gpt4all/tiny.Q4_0",
    ),
    "GPT4All by XDG_DATA_HOME": (
        "x/nomic.ai/GPT4All",
        {"XDG_DATA_HOME": "x"},
        lambda folder: write(folder / "tiny.gguf"),
        "gpt4all/tiny",
    ),
    "Jan": (".local/share/Jan/data/llamacpp/models", {}, jan, "jan/maker/tiny"),
}


@pytest.mark.parametrize("program", LAID)
def test_a_program_s_models_are_found(home: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    folder, environ, lay, expected = LAID[program]
    lay(home / folder)
    found = here(home, **{name: str(home / value) for name, value in environ.items()})
    assert full_names(found) == [expected]


def test_a_mac_has_its_own_folders(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    write(home / "Library/Caches/llama.cpp/a.gguf")
    write(home / "Library/Application Support/nomic.ai/GPT4All/b.gguf")
    jan(home / "Library/Application Support/Jan/data/llamacpp/models")
    assert full_names(here(home)) == ["llama.cpp/a", "gpt4all/b", "jan/maker/tiny"]


def test_lm_studio_s_folder_may_have_been_moved(home: Path) -> None:
    lmstudio(home / "elsewhere" / "models")
    (home / ".lmstudio-home-pointer").write_text(f"{home / 'elsewhere'}\n")
    assert full_names(here(home)) == ["lmstudio/maker/Tiny-GGUF/Tiny-Q8_0"]


def test_ollama_s_further_layers_are_named(home: Path) -> None:
    in_ollama(home / ".ollama/models", "registry.ollama.ai/library/tiny/1b", template="{{ .Prompt }}", params="{}")
    model = here(home).find("tiny:1b")
    assert {kind: path.read_text() for kind, path in model.layers.items()} == {
        "template": "{{ .Prompt }}",
        "params": "{}",
    }


def test_models_of_ollama_with_the_same_weights_are_all_listed(home: Path) -> None:
    folder = home / ".ollama/models"
    in_ollama(folder, "registry.ollama.ai/library/tiny/latest", params='{"temperature": 0.1}')
    in_ollama(folder, "registry.ollama.ai/me/mario/latest", params='{"temperature": 0.9}')
    other = home / ".lmstudio/models/a/b/tiny.gguf"
    other.parent.mkdir(parents=True)
    other.hardlink_to(here(home).find("tiny").path)
    found = here(home)
    assert full_names(found) == ["ollama/tiny:latest", "ollama/me/mario:latest"]
    assert [found.find(name).header.recommended.sampling.temperature for name in ("tiny", "mario")] == [0.1, 0.9]


def test_the_quantization_may_be_in_a_tag_or_a_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    keys = {key: value for key, value in LLAMA.items() if key != "general.file_type"}
    in_ollama(home / ".ollama/models", "registry.ollama.ai/library/tiny/1b-instruct-q5_K_M", keys)
    write(home / ".local/share/Jan/data/llamacpp/models/tiny-IQ4_XS/model.gguf", keys)
    assert [model.header.quantization for model in here(home).models[1:]] == ["Q5_K_M", "IQ4_XS"]


def test_ollama_s_latest_needs_no_tag(home: Path) -> None:
    in_ollama(home / ".ollama/models", "registry.ollama.ai/library/tiny/latest")
    assert here(home).find("tiny").full_name == "ollama/tiny:latest"


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        "{",
        '{"layers": 1}',
        '{"layers": [1, {}]}',
        "[" * 100_000,
        '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:../../../etc/passwd"}]}',
        '{"layers": [{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:%s"}]}' % ("0" * 64),
    ],
)
def test_a_broken_manifest_is_passed_over(home: Path, manifest: str) -> None:
    path = home / ".ollama/models/manifests/registry.ollama.ai/library/tiny/latest"
    path.parent.mkdir(parents=True)
    path.write_text(manifest)
    assert full_names(here(home)) == []


def test_an_older_snapshot_of_a_split_model_is_passed_over(home: Path) -> None:
    hub = home / ".cache/huggingface/hub"
    for commit in ("aaa", "bbb"):
        for number in (1, 2):
            in_hugging_face(hub, "maker/repo", f"big-0000{number}-of-00002.gguf", commit=commit)
    found = here(home)
    assert [(model.full_name, len(model.parts)) for model in found.models[1:]] == [("huggingface/maker/repo/big", 2)]
    assert (found.models[1].path.parent.name, found.left_out) == ("bbb", ())


def test_main_is_the_snapshot_that_counts(home: Path) -> None:
    hub = home / ".cache/huggingface/hub"
    in_hugging_face(hub, "maker/repo", "tiny.gguf", commit="aaa")
    in_hugging_face(hub, "maker/repo", "tiny.gguf", {**LLAMA, "general.name": "Newest"}, commit="bbb")
    assert [model.header.title for model in here(home).models[1:]] == ["Newest"]


def test_a_split_model_is_one(home: Path) -> None:
    for number in (1, 2, 3):
        write(home / "own" / f"Big-Q4_0-0000{number}-of-00003.gguf", size=1000 + number)
    model = here(home).find("Big-Q4_0")
    assert (model.path.name, len(model.parts), model.size) == ("Big-Q4_0-00001-of-00003.gguf", 3, 3006)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_split_model_that_lacks_a_part_is_left_out(home: Path, missing: int) -> None:
    for number in {1, 2, 3} - {missing}:
        write(home / "own" / f"Big-0000{number}-of-00003.gguf")
    found = here(home)
    assert full_names(found) == []
    assert reasons(found) == {"streamui/Big": f"part {missing} of 3 is missing"}


def test_what_is_no_chat_model_is_left_out_with_the_reason(home: Path) -> None:
    own = home / "own"
    write(own / "embed.gguf", EMBEDDING)
    write(own / "mmproj.gguf", PROJECTOR)
    (own / "text.gguf").write_bytes(b"# a text")
    (own / "cut.gguf").write_bytes(header()[:100])
    (own / "empty.gguf").write_bytes(b"")
    (own / "nowhere.gguf").symlink_to("nothing")
    (own / "long.gguf").write_bytes(b"GGUF" + b"\xff" * 1000)
    os.mkfifo(own / "pipe.gguf")
    found = here(home)
    assert full_names(found) == []
    assert reasons(found) == {
        "streamui/cut": "the header of the model file is broken",
        "streamui/embed": "it is an embedding model",
        "streamui/empty": "this is not a GGUF file (it doesn't begin with the letters GGUF)",
        "streamui/long": "the header of the model file is broken",
        "streamui/mmproj": "it is an image or audio projector (mmproj), which only adds to a model",
        "streamui/nowhere": "the file is missing",
        "streamui/pipe": "it is not a regular file",
        "streamui/text": "this is not a GGUF file (it doesn't begin with the letters GGUF)",
    }


def test_unfinished_downloads_are_not_listed(home: Path) -> None:
    write(home / ".local/share/nomic.ai/GPT4All/incomplete-tiny.gguf")
    write(home / "own" / ".downloads" / "tiny.gguf")
    write(home / "own" / "tiny.gguf.part")
    found = here(home)
    assert (full_names(found), reasons(found)) == ([], {})


def test_a_file_that_two_programs_share_is_listed_once(home: Path) -> None:
    write(home / "own" / "tiny.gguf")
    other = home / ".lmstudio/models/a/b/tiny.gguf"
    other.parent.mkdir(parents=True)
    other.hardlink_to(home / "own" / "tiny.gguf")
    (other.parent / "again.gguf").symlink_to(home / "own" / "tiny.gguf")
    assert full_names(here(home)) == ["streamui/tiny"]


def test_a_link_that_leads_out_of_its_folder_is_marked(home: Path) -> None:
    outside = write(home / "outside.gguf")
    (home / "own").mkdir()
    (home / "own" / "linked.gguf").symlink_to(outside)
    assert here(home).find("linked").leads_out


def test_links_to_folders_are_not_followed(home: Path) -> None:
    write(home / "outside" / "tiny.gguf")
    (home / "own").mkdir()
    (home / "own" / "folder").symlink_to(home / "outside")
    (home / "own" / "loop").symlink_to(home / "own")
    assert full_names(here(home)) == []


def test_two_files_of_one_name_need_their_whole_names(home: Path) -> None:
    write(home / "own" / "tiny.gguf")
    write(home / ".lmstudio/models/maker/repo/tiny.gguf")
    found = here(home)
    assert [model.name for model in found.models] == ["starter", "streamui/tiny", "repo/tiny"]
    with pytest.raises(UnknownModelError, match=r"several models.*streamui/tiny, lmstudio/maker/repo/tiny"):
        found.find("tiny")
    assert found.find("streamui/tiny").place == "streamui"
    assert found.find("maker/repo/tiny").place == "lmstudio"


def test_a_full_name_counts_before_the_end_of_another(home: Path) -> None:
    write(home / "own" / "lmstudio" / "a" / "b" / "tiny.gguf")
    write(home / ".lmstudio/models/a/b/tiny.gguf")
    found = here(home)
    assert [found.find(model.name).full_name for model in found.models] == [
        *(STARTER, "streamui/lmstudio/a/b/tiny", "lmstudio/a/b/tiny")
    ]
    assert found.find("LMStudio/a/b/tiny").place == "lmstudio"


def test_two_files_of_one_full_name_are_told_apart_by_their_paths(home: Path) -> None:
    first = write(home / ".lmstudio/models/a/b/tiny.gguf")
    second = write(home / ".cache/lm-studio/models/a/b/tiny.gguf")
    write(home / "own" / "tiny.GGUF")
    upper = write(home / "own" / "tiny.gguf")
    found = here(home)
    assert found.find("lmstudio/a/b/tiny").path == first
    reason = "has the same name; to use this file, give --model its path"
    assert [(each.path, each.reason) for each in found.left_out] == [
        (upper, f"{home / 'own' / 'tiny.GGUF'} {reason}"),
        (second, f"{first} {reason}"),
    ]


def test_a_message_names_five_models_and_counts_the_others(home: Path) -> None:
    for number in range(7):
        write(home / "own" / str(number) / "tiny.gguf")
    with pytest.raises(UnknownModelError, match=r"streamui/4/tiny and 2 more, see `streamui models`$"):
        here(home).find("tiny")


def test_case_decides_only_between_two_names(home: Path) -> None:
    write(home / "own" / "Tiny.gguf")
    write(home / "own" / "tiny.gguf")
    write(home / "own" / "Other.gguf")
    found = here(home)
    assert found.find("Tiny").path.name == "Tiny.gguf"
    assert found.find("tiny").path.name == "tiny.gguf"
    assert found.find("OTHER").path.name == "Other.gguf"


def test_an_unknown_name_is_answered_with_the_nearest(home: Path) -> None:
    for name in ("qwen3-4b", "gemma-3-1b", "llama-3.2-1b", "mistral-7b", "phi-4"):
        write(home / "own" / f"{name}.gguf")
    with pytest.raises(
        UnknownModelError, match=r"qwen3-8b: there is no model .* similar names: qwen3-4b, .* and 1 more"
    ):
        here(home).find("qwen3-8b")


def test_names_that_contain_the_wanted_one_are_nearest(home: Path) -> None:
    for name in ("queen", "Qwen3-4B-Instruct-2507-Q4_K_M", "gwen"):
        write(home / "own" / f"{name}.gguf")
    with pytest.raises(UnknownModelError, match="similar names: Qwen3-4B-Instruct-2507-Q4_K_M, gwen, queen, starter"):
        here(home).find("qwen")


def test_a_name_of_a_file_that_is_left_out_is_answered_with_the_reason(home: Path) -> None:
    write(home / "own" / "embed.gguf", EMBEDDING)
    with pytest.raises(ModelError, match="embed: this file can't be used as a chat model: it is an embedding model"):
        here(home).find("embed")


def test_a_name_cannot_drive_the_terminal(home: Path) -> None:
    write(home / "own" / "a\x1b[2Jb.gguf", {**LLAMA, "general.name": "\x1b]0;x\x07"})
    model = here(home).models[1]
    assert (model.name, model.header.title) == ("a?[2Jb", "?]0;x?")


def test_nothing_in_the_folders_is_changed(home: Path) -> None:
    hub, ollama = home / ".cache/huggingface/hub", home / ".ollama/models"
    in_hugging_face(hub, "maker/repo", "tiny.gguf")
    in_ollama(ollama, "registry.ollama.ai/library/tiny/latest")

    def state() -> list[tuple[str, int]]:
        return [(str(path), path.lstat().st_mtime_ns) for path in sorted(home.rglob("*"))]

    before = state()
    assert len(here(home).models) == 3
    assert state() == before
