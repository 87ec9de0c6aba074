"""A user's text is tokenized as text. A prompt has one BOS if the model wants one, and never an EOS at its end."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.starter import MODEL_PATH
from tests.server.engine.llama.vocabularies import MARKS, OpenVocabulary, vocabulary, write_bpe, write_spm

MAKERS = {
    "bytes": lambda folder: write_bpe(folder / "bpe.gguf"),
    "sentencepiece": lambda folder: write_spm(folder / "spm.gguf"),
    "sentencepiece without a space in front": lambda folder: write_spm(folder / "bare.gguf", add_space_prefix=False),
    "the starter": lambda folder: MODEL_PATH,
}


@pytest.fixture(scope="module", params=MAKERS)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenVocabulary]:
    with vocabulary(MAKERS[request.param](tmp_path_factory.mktemp("vocabulary"))) as found:
        yield found


def marks_of(opened: OpenVocabulary) -> list[str]:
    return sorted(opened.tokenizer._texts.values())


def prompt(*parts: str) -> tuple[str, list[tuple[int, int]]]:
    """Return a prompt of alternating template text and quoted text; the template's comes first."""
    ranges, length = [], 0
    for place, part in enumerate(parts):
        if place % 2 and part:
            ranges.append((length, length + len(part)))
        length += len(part)
    return "".join(parts), ranges


def marks_in(opened: OpenVocabulary, tokens: Sequence[int]) -> list[str]:
    texts = opened.tokenizer._texts
    return [texts[token] for token in tokens if token in texts][opened.tokenizer._bos >= 0 :]


def test_a_quoted_mark_is_text_and_the_templates_own_is_a_token(opened: OpenVocabulary) -> None:
    for mark in marks_of(opened):
        text, quoted = prompt(f"he{mark}", f"A{mark}B", mark)
        tokens = opened.tokenizer.tokenize(text, quoted)
        assert marks_in(opened, tokens) == [mark, mark]
        assert f"A{mark}B" in opened.text(tokens)


def test_without_ranges_every_mark_is_a_token(opened: OpenVocabulary) -> None:
    text = "he" + "A".join(marks_of(opened))
    assert marks_in(opened, opened.tokenizer.tokenize(text)) == marks_of(opened)


def test_no_mark_comes_of_a_piece_of_the_template_and_a_quoted_one(opened: OpenVocabulary) -> None:
    for mark in marks_of(opened):
        for cut in range(1, len(mark)):
            for parts in ((mark[:cut], mark[cut:]), ("", mark[:cut], mark[cut:]), ("", mark[:cut], "", mark[cut:])):
                assert marks_in(opened, opened.tokenizer.tokenize(*prompt(*parts))) == []


def test_marks_that_overlap_are_all_text(opened: OpenVocabulary) -> None:
    for mark in marks_of(opened):
        text, quoted = prompt(f"he{mark}", mark[:-1] + mark + mark[1:], mark)
        assert marks_in(opened, opened.tokenizer.tokenize(text, quoted)) == [mark, mark]


def test_text_without_a_mark_has_the_tokens_that_llama_cpp_gives_it(opened: OpenVocabulary) -> None:
    mark = marks_of(opened)[-1]
    for content in ("Hi there", "  he\n\n he    he", "<b>he</b> 漢🙂é\x00", "", "\ud800", "a<b && c>d | [x]"):
        text, quoted = prompt(f"{mark}\n", content, f"{mark} he\n", content)
        expected = opened.plain(text)
        assert opened.tokenizer.tokenize(text, quoted)[opened.tokenizer._bos >= 0 :] == expected
        assert opened.tokenizer._piece_by_piece(text, quoted, ()) == expected


def test_runs_of_spaces_and_tags_of_html_stay_the_tokens_that_they_are(tmp_path: Path) -> None:
    with vocabulary(write_bpe(tmp_path / "bpe.gguf")) as opened:
        text, quoted = prompt("<|im_start|>", "a   b\n\n<b><think>", "<think>")
        tokens = opened.tokenizer.tokenize(text, quoted)
        plain = [opened.plain(each)[0] for each in ("   ", "\n\n", "<b>")]
        assert [token for token in tokens if token in plain] == plain
        assert marks_in(opened, tokens) == ["<|im_start|>", "<think>"]


def test_no_space_comes_between_the_pieces_of_a_quoted_text(tmp_path: Path) -> None:
    with vocabulary(write_spm(tmp_path / "spm.gguf")) as opened:
        for content in ("he<think>he", "he</s>he", "<think><think>", "<s>"):
            text, quoted = prompt("<|im_start|>", content, "<|im_end|>")
            assert opened.text(opened.tokenizer.tokenize(text, quoted)) == f"<|im_start|> {content}<|im_end|>"


def test_text_beside_a_mark_that_merges_would_make_keeps_its_tokens(tmp_path: Path) -> None:
    """In this vocabulary ``<s`` and ``>`` merge to the control token."""
    with vocabulary(write_spm(tmp_path / "spm.gguf")) as opened:
        text, quoted = prompt("<|im_start|>", "he he <s>he he")
        tokens = opened.tokenizer.tokenize(text, quoted)
        assert opened.id("<s>") not in tokens
        assert tokens.count(opened.plain("a he", special=False)[-1]) == 3


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.lists(st.sampled_from([*MARKS, "<|im_", "end|>", "<", "think>", "he", " ", "\n", "é"])), max_size=6
    )
)
def test_whatever_is_quoted_the_marks_are_those_of_the_template(opened: OpenVocabulary, parts: list[list[str]]) -> None:
    mark = marks_of(opened)[-1]
    pieces = [f"he{mark}"]
    for part in parts:
        pieces += ["".join(part), mark]
    tokens = opened.tokenizer.tokenize(*prompt(*pieces))
    assert marks_in(opened, tokens) == [mark] * (len(parts) + 1)


def test_space_after_a_mark_is_dropped_where_llama_cpp_drops_it(tmp_path: Path) -> None:
    """llama.cpp does this for models named Phi-3, whatever the file says about its tokens."""
    path = write_spm(tmp_path / "phi.gguf", name="phi-3")
    with vocabulary(path) as opened:
        text, quoted = prompt("<|im_end|>\n", "he", "<|im_end|> \n<|im_start|> ", "he<|im_end|>")
        assert opened.plain(text[:-10]) == opened.tokenizer._piece_by_piece(text[:-10], quoted[:1], ())
        assert opened.tokenizer.tokenize(text, quoted)[: len(opened.plain(text[:-10]))] == opened.plain(text[:-10])


@pytest.mark.parametrize("write", [write_bpe, write_spm])
def test_a_prompt_has_one_bos_if_the_model_wants_one_and_no_eos(write: Callable[..., Path], tmp_path: Path) -> None:
    for add_bos in (False, True):
        path = write(tmp_path / f"{add_bos}.gguf", add_bos=add_bos, add_eos=True)
        with vocabulary(path) as opened:
            bos = [opened.id("<s>")]
            plain = opened.plain("he")
            assert opened.tokenizer.tokenize("he") == bos * add_bos + plain
            assert opened.tokenizer.tokenize("<s>he") == bos + plain
            assert opened.tokenizer.tokenize("he", [(0, 2)]) == bos * add_bos + plain
            typed = opened.tokenizer.tokenize("<s>he", [(0, 5)])
            assert typed[:1] != bos or add_bos
            assert bos[0] not in typed[1:]
            assert opened.tokenizer.tokenize("") == bos * add_bos
