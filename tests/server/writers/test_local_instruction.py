"""Instructions in mid-answer: the tokens that the chat template writes between two answers."""

from collections.abc import Iterator

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate
from server.chat.template import ChatTemplate
from server.chat.wellknown import TemplateChoice
from server.engine.worker import BatchingEngine
from server.writers.local_instruction import make_instruction
from tests.server.engine.scripted_model import ScriptedModel

BODY = Generate(id="g1", prompt="Hi")
THINKING = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}<assistant>"
    "{% if enable_thinking is not defined or enable_thinking %}<think>\n{% endif %}"
)
LAST_ONLY = "<user>{{ messages[-1].content }}</user><assistant>"


@pytest.fixture
def engine() -> Iterator[BatchingEngine]:
    engine = BatchingEngine(ScriptedModel())  # a token is a byte
    yield engine
    engine.close()


def text_of(
    engine: BatchingEngine, source: str | None, body: Generate = BODY, content: str = "Shorter."
) -> tuple[str, str]:
    template = ChatTemplate(source, choice=None if source is None else TemplateChoice(source))
    try:
        instruction = make_instruction(body, content, engine, template)
    finally:
        template.close()
    assert instruction.content == content
    return bytes(instruction.tokens).decode(), instruction.opened


def test_the_answer_ends_the_user_speaks_and_the_next_answer_begins(engine: BatchingEngine) -> None:
    expected = "<|im_end|>\n<|im_start|>user\nShorter.<|im_end|>\n<|im_start|>assistant\n"
    assert text_of(engine, None) == (expected, "")


def test_a_thought_that_the_template_opens_begins_the_text(engine: BatchingEngine) -> None:
    assert text_of(engine, THINKING) == ("</assistant><user>Shorter.</user><assistant><think>\n", "<think>\n")
    silent = Generate(id="g1", prompt="Hi", reasoning_effort="none")
    assert text_of(engine, THINKING, silent) == ("</assistant><user>Shorter.</user><assistant>", "")


def test_a_template_without_earlier_answers_is_refused(engine: BatchingEngine) -> None:
    with pytest.raises(RemoteProtocolError, match="shows no earlier answers") as caught:
        text_of(engine, LAST_ONLY)
    assert caught.value.code is ErrorCode.UNSUPPORTED


def test_a_template_that_refuses_the_dialogue_is_unsupported(engine: BatchingEngine) -> None:
    source = "{% if messages | length > 1 %}{{ raise_exception('one only') }}{% endif %}{{ messages[0].content }}"
    with pytest.raises(RemoteProtocolError) as caught:
        text_of(engine, source)
    assert caught.value.code is ErrorCode.UNSUPPORTED
