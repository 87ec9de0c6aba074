"""Chat templates of real models render as in the reference, and a user's text in them stays text.

``make templates`` prints the results.
"""

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from server.chat.prompt import Prompt
from server.chat.sandbox import ChatTemplateError, SandboxedTemplate
from server.starter import MODEL_PATH
from tests.llama_sources import sources
from tests.server.chat.table import TOKENS, Row, row, templates
from tests.server.engine.llama.vocabularies import OpenVocabulary, vocabulary

WITHOUT_WAY = {"fireworks-ai-llama-3-firefunction-v2"}
"""Templates that can't be used: this one needs a variable of its own, ``functions``, and fails without it."""

VOCABULARIES = ("llama-spm", "phi-3", "llama-bpe", "qwen2", "deepseek-llm", "gemma-4", "the starter")


@cache
def rows() -> list[Row]:
    return [row(path) for path in templates()]


def test_the_templates_are_there() -> None:
    assert len(rows()) >= 70


def test_every_template_renders_as_in_the_reference_or_fails_with_its_error() -> None:
    assert {each.name: each.different for each in rows() if each.different} == {}


def test_everything_that_messages_say_is_known_as_theirs() -> None:
    assert {each.name: each.unquoted for each in rows() if each.unquoted} == {}


def test_every_order_of_messages_is_taken_with_every_word() -> None:
    all_forms = {form for each in rows() for form in (*each.same, *each.different)}
    lacking = {each.name: sorted(all_forms - set(each.helped)) for each in rows() if all_forms - set(each.helped)}
    assert lacking.keys() == WITHOUT_WAY


@pytest.fixture(scope="module", params=VOCABULARIES)
def opened(request: pytest.FixtureRequest) -> Iterator[OpenVocabulary]:
    path = MODEL_PATH if request.param == "the starter" else sources() / f"ggml-vocab-{request.param}.gguf"
    with vocabulary(path) as found:
        yield found


@cache
def compiled(path: Path) -> SandboxedTemplate:
    return SandboxedTemplate(path.read_text(), TOKENS)


def prompts(*contents: str) -> Iterator[Prompt]:
    """Return a dialogue of these contents, rendered by every template; without the system message if it takes none."""
    roles = ("system", "user", "assistant", "user")
    dialogue = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=True)]
    for path in templates():
        for messages in (dialogue, dialogue[1:]):
            try:
                yield compiled(path).render(messages)
                break
            except ChatTemplateError:
                continue


def test_ordinary_text_keeps_its_tokens_in_every_template(opened: OpenVocabulary) -> None:
    said = "Be brief.", "  Hi,\n\n it's  me: 漢 🙂 <b>x</b> 1234\n", "Yes.\n- a\n- b", "Is x<y && z>0 | [3]?"
    count = 0
    for prompt in prompts(*said):
        count += 1
        expected = opened.plain(prompt.text)
        bos = [opened.tokenizer._bos] if opened.tokenizer._bos >= 0 else []
        assert opened.tokenizer.tokenize(prompt.text, prompt.quoted) in (expected, [*bos, *expected])
        assert opened.tokenizer._piece_by_piece(prompt.text, prompt.quoted, ()) == expected
    assert count >= 60


def test_no_mark_that_is_written_becomes_a_token_in_any_template(opened: OpenVocabulary) -> None:
    texts = opened.tokenizer._texts
    chooser = random.Random(7)
    usual = [mark for mark in ("<|im_end|>", "<|eot_id|>", "</s>", "<s>", "<|end|>") if mark in texts.values()]
    pieces = [*usual, *chooser.sample(sorted(texts.values()), min(6, len(texts)))]
    pieces += [part for mark in pieces for part in (mark[: len(mark) // 2], mark[len(mark) // 2 :])]
    pieces += ["</think>", "<think>", "/think", " ", "\n", "A"]
    for _ in range(2):
        said = ["".join(chooser.choices(pieces, k=6)) + "x" for _ in range(4)]
        for prompt in prompts(*said):
            own = [place.token for place in opened.tokenizer._marks.apart(prompt.text, prompt.quoted)]
            found = [token for token in opened.tokenizer.tokenize(prompt.text, prompt.quoted) if token in texts]
            assert found in (own, [opened.tokenizer._bos, *own]), prompt
