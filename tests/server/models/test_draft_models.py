"""The draft model of a model: by --draft-model or models.toml, found by path or name, and counted in the memory."""

import logging
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from server.__main__ import with_models
from server.doctor import place
from server.doctor.finding import State
from server.engine import speculation
from server.engine.base import EngineStats, GenerationRequest, ModelError, SamplingParams
from server.engine.llama import LlamaModel
from server.engine.model_defaults import ModelDefaults
from server.models.catalogue import Catalogue, catalogue
from server.models.memory import ChatSizes, MemoryNeed
from server.models.model_facts import all_facts_of, lines_of, need_of
from server.models.models_file import ModelsFile, read_models_file
from server.models.sources import ModelSource, chosen_source, listed_sources
from server.serving_models import ModelFiles
from server.settings import Settings
from server.starter import MODEL_PATH
from server.writers.local import LocalWriter
from server.writers.model_loader import _without_path
from tests.server.engine.llama.small_model import write_model
from tests.server.engine.recorder import Recorder
from tests.server.engine.test_draft_model import AlwaysProposed, NoMatches
from tests.server.models.headers import EMBEDDING, LLAMA, write
from tests.server.test_main import assert_told_in_one_line, run
from tests.server.test_settings import read

LARGE = {**LLAMA, "llama.block_count": 20, "general.name": "Large"}
SIZES = ChatSizes(1000, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The models folder, with a large and a small model."""
    write(tmp_path / "models" / "large.gguf", LARGE, 50_000)
    write(tmp_path / "models" / "small.gguf", LLAMA, 20_000)
    return tmp_path / "models"


def options(folder: Path, text: str) -> ModelsFile:
    (folder.parent / "models.toml").write_text(text)
    return read_models_file(None, folder.parent)


def here(folder: Path, file: ModelsFile) -> Catalogue:
    return catalogue(folder, {"HOME": str(folder / "nowhere")}, file)


def chosen(folder: Path, text: str, draft_model: str | None = None, sizes: ChatSizes = SIZES) -> ModelSource:
    """Return the large model, with ``text`` as models.toml and the value of --draft-model."""
    file = options(folder, text)
    path = Path(draft_model) if draft_model else None
    return chosen_source(folder / "large.gguf", here(folder, file), ModelDefaults(), sizes, file, path)


@pytest.mark.parametrize("text", ["small", "streamui/small", "FOLDER/small.gguf"])
def test_it_is_found_by_path_and_by_name(folder: Path, text: str) -> None:
    wanted = text.replace("FOLDER", str(folder))
    for source in (chosen(folder, "", wanted), chosen(folder, f'[large]\ndraft_model = "{wanted}"')):
        assert source.draft is not None
        assert (source.draft.path, source.draft.size, source.draft.problem) == (folder / "small.gguf", 20_000, None)


def test_models_toml_counts_before_the_option(folder: Path) -> None:
    write(folder / "other.gguf")
    source = chosen(folder, '[large]\ndraft_model = "other"', "small")
    assert source.draft is not None
    assert source.draft.path == folder / "other.gguf"


def test_its_memory_is_that_of_one_chat_with_the_context_of_the_larger_model(folder: Path) -> None:
    alone, both, small = chosen(folder, ""), chosen(folder, "", "small"), here(folder, ModelsFile()).find("small")
    draft = need_of(small, ChatSizes(1000, 1))
    assert alone.draft is None
    assert draft == MemoryNeed(20_000, 1000 * 256, draft.compute if draft else 0)
    assert both.need == alone.need.plus(draft)
    assert both.needs > alone.needs


def test_every_list_counts_it_by_models_toml(folder: Path) -> None:
    file = options(folder, '[large]\ndraft_model = "small"\ncontext = 500')
    found = here(folder, file)
    model = found.find("large")
    (source,) = [each for each in listed_sources(found, SIZES) if each.name == "large"]
    assert source.draft == model.draft is not None
    assert source.need == need_of(model, SIZES) == chosen(folder, '[large]\ndraft_model = "small"\ncontext = 500').need
    without = need_of(here(folder, options(folder, "[large]\ncontext = 500")).find("large"), SIZES)
    assert without is not None
    assert source.need.kv == without.kv + 500 * 256
    lines = list(lines_of(model, all_facts_of(model, SIZES, None), SIZES, None))
    assert [line for line in lines if line.startswith("draft model") and str(folder / "small.gguf") in line]


def test_with_a_shared_kv_cache_there_is_none(folder: Path) -> None:
    shared = ChatSizes(1000, 4, shared=2000)
    source = chosen(folder, '[large]\ndraft_model = "small"', sizes=shared)
    assert (source.draft, source.need) == (None, chosen(folder, "", sizes=shared).need)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("smal", "draft model smal: there is no model of this name here; similar names: small"),
        ("/nowhere/a.gguf", "/nowhere/a.gguf: "),
        ("FOLDER/text.gguf", "not a GGUF file"),
        ("vectors", "this file can't be used as a chat model"),
    ],
)
def test_a_draft_model_that_cannot_be_used_has_a_problem_and_the_list_goes_on(
    folder: Path, text: str, words: str
) -> None:
    (folder / "text.gguf").write_text("text")
    write(folder / "vectors.gguf", EMBEDDING)
    wanted = text.replace("FOLDER", str(folder))
    source = chosen(folder, f'[large]\ndraft_model = "{wanted}"')
    assert source.draft is not None
    assert words in (source.draft.problem or "")
    assert source.need == chosen(folder, "").need


def test_its_path_is_none_of_the_clients_business(folder: Path) -> None:
    source = chosen(folder, "", "small")
    assert source.draft is not None
    error = f"{source.draft.path}: this can't be the draft model of {source.path}"
    assert _without_path(error, source) == "small: this can't be the draft model of large"


def test_it_needs_a_model_of_this_machine(tmp_path: Path) -> None:
    asked = ["--data", str(tmp_path), "--upstream", "http://127.0.0.1:9", "--draft-model", "small"]
    with pytest.raises(ModelError, match="--draft-model is for a model of this machine"):
        with_models(read(asked))


def test_doctor_checks_it_and_counts_its_memory(tmp_path: Path) -> None:
    settings = read(["--data", str(tmp_path)])
    alone, with_draft = (place.model(settings, MODEL_PATH, ModelsFile(), draft) for draft in (None, Path("starter")))
    assert (alone[0].state, with_draft[0].state) == (State.OK, State.OK)
    assert f"draft model {MODEL_PATH}" in with_draft[0].text
    assert alone[1] is not None
    assert with_draft[1] is not None
    assert with_draft[1].kv == alone[1].kv * 5 // 4
    finding, need = place.model(settings, MODEL_PATH, ModelsFile(), Path("missing"))
    assert (finding.state, need) == (State.FAULT, None)
    assert "draft model missing" in finding.text


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        ("nothing", ("draft model nothing", "similar names: starter")),
        ("FOLDER/missing.gguf", ("missing.gguf",)),
        ("FOLDER/other.gguf", ("other.gguf", str(MODEL_PATH), "choose a smaller model of the same family")),
    ],
)
def test_serve_refuses_a_wrong_one_in_one_line(tmp_path: Path, draft: str, words: tuple[str, ...]) -> None:
    write_model(tmp_path / "other.gguf")
    environ = {"HOME": str(tmp_path), "OLLAMA_MODELS": str(tmp_path)}
    path = draft.replace("FOLDER", str(tmp_path))
    ended = run("serve", "--port=0", "--data", str(tmp_path / "data"), "--draft-model", path, **environ)
    assert_told_in_one_line(ended, *words)


def loaded(settings: Settings) -> LocalWriter:
    here = catalogue(settings.models_folder, {}, ModelsFile())
    source = chosen_source(MODEL_PATH, here, ModelDefaults(), settings.chat_sizes, ModelsFile(), settings.draft_model)
    return ModelFiles(settings, None).load(source, lambda part: True)


def answered(writer: LocalWriter) -> EngineStats:
    """Return the counters after an answer of 40 tokens."""
    recorder = Recorder()
    writer.start(recorder.listen)
    prompt = tuple(writer.tokenize("starter", "Tell me a story."))
    sampling = SamplingParams(max_tokens=40, seed=1, logit_bias=dict.fromkeys(ends(), -100.0))
    writer.submit(GenerationRequest(id="a", prompt=prompt, sampling=sampling, received=0.0, repeatable=False))
    recorder.finished("a")
    return writer.stats()


def ends() -> list[int]:
    """Return the starter's tokens that end an answer."""
    with closing(LlamaModel(MODEL_PATH, context=64, parallel=1)) as model:
        return [token for token in range(model.facts.vocabulary) if model.is_end(token)]


@pytest.mark.parametrize("speculative", ["auto", "off"])
def test_the_model_is_loaded_with_it_unless_nothing_is_proposed(
    tmp_path: Path, speculative: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(speculation, "DraftModelControl", AlwaysProposed)
    monkeypatch.setattr(speculation, "SpeculationControl", NoMatches)
    draft = str(shutil.copy(MODEL_PATH, tmp_path / "small.gguf"))
    asked = ["--data", str(tmp_path), "--draft-model", draft, "--speculative", speculative, "--context", "512"]
    with caplog.at_level(logging.WARNING), closing(loaded(read(asked))) as writer:
        stats = answered(writer)
    remarks = [record.getMessage() for record in caplog.records]
    if speculative == "auto":
        assert 0 < stats.accepted_tokens <= stats.proposed_tokens
        assert not remarks
    else:
        assert stats.proposed_tokens == 0
        assert remarks == [f"{draft}: the draft model is not loaded: --speculative is off"]
