"""The artificial vocabulary, and its model of random weights."""

import contextlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest

from server.bench.bench_error import BenchError
from server.bench.gguf_facts import read_facts
from server.bench.prompts import WORDS, Prompts
from server.bench.synthetic import SHAPES, SyntheticShape, make, write
from server.bench.synthetic_vocabulary import SPECIAL, byte_letters, make_vocabulary
from server.chat.template import ChatTemplate
from server.engine.base import Finished, GenerationRequest, Piece, SamplingParams, Update
from server.engine.llama import LlamaModel
from server.engine.worker import BatchingEngine
from server.starter import MODEL_PATH
from tests.server.transports.peer import DEADLINE

TINY = SyntheticShape(name="tiny", layers=2, heads=2, kv_heads=1, feed_forward=256, vocabulary=8192, context=1024)
TEXT = "Once upon a time the Größe was 12.5 m; 漢字 🙂\n\n\tDon't ask again, little bird."


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("synthetic") / "tiny.gguf"
    write(TINY, path)
    return path


@pytest.mark.parametrize("size", [512, 1024, 151_936])
def test_every_token_can_be_reached(size: int) -> None:
    vocabulary = make_vocabulary(size)
    assert len(vocabulary.tokens) == len(set(vocabulary.tokens)) == size
    known = set(byte_letters())
    for merge in vocabulary.merges:
        left, right = merge.split(" ")
        assert {left, right} <= known
        known.add(left + right)
    assert known | set(SPECIAL) == set(vocabulary.tokens)


def test_llama_cpp_reads_it(path: Path) -> None:
    model = LlamaModel(path, context=256, parallel=1)
    try:
        facts = model.facts
        assert (facts.architecture, facts.vocabulary, facts.eos) == ("qwen2", 8192, "<|im_end|>")
        tokens = model.tokenize(TEXT)
        assert b"".join(model.piece(token) for token in tokens).decode() == TEXT
        words = Prompts("words", 1.0).fresh(100)
        assert len(model.tokenize(words)) < 110
        assert [model.is_end(token) for token in model.tokenize("<|im_end|> bird")] == [True, False]
        with contextlib.closing(ChatTemplate(facts.chat_template, facts.special_tokens)) as template:
            prompt = template.render([{"role": "user", "content": "Hi"}])
        assert prompt.text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        assert len(model.tokenize(prompt.text, prompt.quoted)) < 30
    finally:
        model.close()


def generated(path: Path) -> str:
    news: SimpleQueue[Sequence[Update]] = SimpleQueue()
    engine = BatchingEngine(LlamaModel(path, context=256, parallel=1))
    engine.start(lambda updates: news.put(updates))
    try:
        prompt = tuple(engine.tokenize("about above across"))
        sampling = SamplingParams(temperature=0, max_tokens=20)
        engine.submit(GenerationRequest(id="g", prompt=prompt, sampling=sampling, received=0.0))
        updates: list[Update] = []
        while not updates or not isinstance(updates[-1], Finished):
            updates += news.get(timeout=DEADLINE)
        assert updates[-1].error is None
        return "".join(update.text for update in updates if isinstance(update, Piece))
    finally:
        engine.close()


def test_synthetic_model_repeats_the_same_words(path: Path) -> None:
    text = generated(path)
    assert len(set(text)) > 5
    assert generated(path) == text


def test_the_facts_in_its_header(path: Path) -> None:
    facts = read_facts(path)
    assert (facts.name, facts.context) == ("Synthetic tiny", 1024)
    assert [make_vocabulary(8192).tokens[token] for token in facts.ends] == ["<|endoftext|>", "<|im_end|>"]


def test_the_facts_of_the_starter_model() -> None:
    facts = read_facts(MODEL_PATH)
    model = LlamaModel(MODEL_PATH, context=64, parallel=1)
    try:
        ends = tuple(token for token in range(model.facts.vocabulary) if model.is_end(token))
        assert (facts.name, facts.ends) == (model.facts.name, ends)
    finally:
        model.close()
    assert facts.context == 2048


@pytest.mark.parametrize(("data", "told"), [(b"text", "not a GGUF"), (b"GGUF", "broken"), (None, "no such")])
def test_a_file_that_is_no_model(tmp_path: Path, data: bytes | None, told: str) -> None:
    path = tmp_path / "broken.gguf"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BenchError, match=told):
        read_facts(path)


def test_synthetic_model_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHAPES, "tiny", TINY)
    said: list[str] = []
    made = make("tiny", None, tmp_path / "data", said.append)
    assert made.parent == tmp_path / "data"
    before = made.stat()
    assert make("tiny", None, tmp_path / "data", said.append) == made
    assert made.stat().st_mtime_ns == before.st_mtime_ns
    assert len(said) == 1
    assert list(made.parent.iterdir()) == [made]
    here = tmp_path / "here.gguf"
    assert make("tiny", here, tmp_path / "data", said.append) == here
    assert here.read_bytes() == made.read_bytes()


def test_an_unknown_size_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"--synthetic 7b: .*0\.5b"):
        make("7b", None, tmp_path, print)


def test_a_missing_package_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("gguf") is not None
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BenchError, match=r"pip install 'streamui\[bench\]'"):
        make("0.5b", None, tmp_path, print)
    assert list(tmp_path.iterdir()) == []


def test_prompts_are_the_same_for_a_seed_and_new_each_time() -> None:
    one, same, other = Prompts("a", 2.0), Prompts("a", 2.0), Prompts("b", 2.0)
    first = one.fresh(40)
    assert len(first.split()) == 20
    assert set(first.split()) <= set(WORDS)
    assert first == same.fresh(40) != other.fresh(40)
    assert one.fresh(40) != first
