"""Control tokens that an answer shows."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from server.engine.llama import LlamaModel
from server.engine.thinking_marks import PAIRS
from tests.server.engine.llama.small_model import END, write_model

HARMONY = ("<|channel|>", "<|message|>", "<|start|>", "<|constrain|>", "<|end|>", "<|return|>", "<|call|>")
SOLAR = ("<|think|>", "<|content|>", "<|begin|>", "<|end|>", "<|flush|>", "<|calls|>")


@contextmanager
def model_with(folder: Path, control: Sequence[str], user_defined: Sequence[str] = ()) -> Iterator[LlamaModel]:
    path = write_model(folder / "small.gguf", control=control, user_defined=user_defined)
    with closing(LlamaModel(path, context=64, parallel=1)) as model:
        yield model


def shown(model: LlamaModel, text: str) -> str:
    return b"".join(model.piece(token) for token in model.tokenize(text)).decode()


@pytest.mark.parametrize(("begin", "end"), PAIRS)
def test_marks_of_thinking_are_text_though_they_are_control_tokens(tmp_path: Path, begin: str, end: str) -> None:
    with model_with(tmp_path, (begin, end, "<|tool|>")) as model:
        assert len(model.tokenize(begin)) == 1
        assert shown(model, f"{begin}a{end}b<|tool|><|im_start|>{END}") == f"{begin}a{end}b"


@pytest.mark.parametrize("kind", ["control", "user_defined"])
def test_the_headers_of_gpt_oss_are_text_and_its_end_of_a_part_ends_no_answer(tmp_path: Path, kind: str) -> None:
    text = "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b"
    control, user_defined = (HARMONY, ()) if kind == "control" else (HARMONY[5:], HARMONY[:5])
    with model_with(tmp_path, control, user_defined) as model:
        assert shown(model, f"{text}<|return|>") == text
        ends = [mark for mark in HARMONY if model.is_end(model.tokenize(mark)[0])]
        assert ends == ["<|return|>", "<|call|>"]


def test_the_headers_of_solar_are_text(tmp_path: Path) -> None:
    text = "<|think|>a<|end|><|begin|>assistant<|content|>b"
    with model_with(tmp_path, SOLAR) as model:
        assert shown(model, text) == text
        assert not model.is_end(model.tokenize("<|end|>")[0])


def test_the_same_names_stay_silent_in_a_vocabulary_that_has_no_such_headers(tmp_path: Path) -> None:
    with model_with(tmp_path, ("<|system|>", "<|content|>", "<|begin|>", "<|end|>")) as model:
        assert shown(model, "a<|system|><|content|><|begin|>b") == "ab"
        assert model.is_end(model.tokenize("<|end|>")[0])
