"""Tokens of a draft: those that stay whatever is written next."""

import pytest

from protocol.messages import ChatMessage, Generate
from server.engine.llama import LlamaModel
from server.engine.worker import BatchingEngine
from server.starter import MODEL_PATH
from server.writers.draft_prompt import draft_tokens
from server.writers.local_prompt import make_prompt
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.writers.templates import template_of

TRIMMING = "{% for m in messages %}[{{ m.role }}:{{ m.content | trim }}]{% endfor %}!"
REMINDING = "{% for m in messages %}[{{ m.content }}]{% endfor %}({{ messages[-1].content }})"


def said(text: str, before: str = "") -> Generate:
    system = (ChatMessage(role="system", content=before),) if before else ()
    return Generate(messages=(*system, ChatMessage(role="user", content=text)))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Why do frogs", "[user:Why do"),
        ("Why do frogs  ", "[user:Why do"),
        ("Why do\n\nfrogs", "[user:Why do"),
        ("Why", "[user:"),
        ("  Why", "[user:"),
        ("Why " + "x" * 40, "[user:Why " + "x" * 8),
        ("文" * 40, "[user:" + "文" * 8),
    ],
)
def test_it_ends_before_the_last_word(text: str, kept: str) -> None:
    engine = BatchingEngine(ScriptedModel())
    assert bytes(draft_tokens(said(text), engine, template_of(TRIMMING))).decode() == kept


def test_it_ends_where_a_template_repeats_the_message() -> None:
    engine = BatchingEngine(ScriptedModel())
    assert bytes(draft_tokens(said("Why do frogs"), engine, template_of(REMINDING))) == b"[Why do"


def test_every_later_prompt_of_a_real_vocabulary_begins_with_it() -> None:
    text = 'Héllo, why do 3.14 frogs (the green ones)\n\n  "jump"? 漢字かな and 🙂 code: `x = y[0]`  \n- end'
    engine = BatchingEngine(LlamaModel(MODEL_PATH, context=512))
    try:
        later = make_prompt(said(text, "Be brief."), engine, template_of(TRIMMING)).tokens
        for end in range(1, len(text)):
            if text[:end].strip():
                tokens = draft_tokens(said(text[:end], "Be brief."), engine, template_of(TRIMMING))
                assert later[: len(tokens)] == tokens, text[:end]
    finally:
        engine.close()
