"""Which template a model is spoken to through."""

from collections.abc import Callable, Iterator

import pytest

from server.chat.rendering import RenderProcess
from server.chat.sandbox import SandboxedTemplate
from server.chat.template import ChatTemplate, ChatTemplateError
from server.engine.llama import LlamaModel
from server.starter import CHAT_TEMPLATE, MODEL_PATH

HI = [{"role": "user", "content": "Hi"}]
Maker = Callable[[str | None], ChatTemplate]


@pytest.fixture
def template() -> Iterator[Maker]:
    made: list[ChatTemplate] = []

    def make(source: str | None) -> ChatTemplate:
        made.append(ChatTemplate(source, bos="<s>", eos="</s>"))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_the_models_own_template_is_used(template: Maker) -> None:
    own = template("{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m['content'] }}{{ eos_token }}{% endfor %}")
    assert (own.origin, own.stop) == ("gguf", ())
    assert own.render(HI) == "<s>[user] Hi</s>"


def test_a_model_without_one_gets_chatml_and_its_mark_as_a_stop(template: Maker) -> None:
    chatml = template(None)
    assert (chatml.origin, chatml.stop) == ("chatml", ("<|im_end|>",))
    dialogue = [{"role": "system", "content": "Be brief."}, *HI]
    assert chatml.render(dialogue) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_our_own_templates_need_no_process_and_all_others_have_one(template: Maker) -> None:
    assert isinstance(template(None)._renderer, SandboxedTemplate)
    assert isinstance(template(CHAT_TEMPLATE)._renderer, SandboxedTemplate)
    assert isinstance(template(CHAT_TEMPLATE + " ")._renderer, RenderProcess)


def test_that_of_the_starter_is_the_one_in_its_file() -> None:
    model = LlamaModel(MODEL_PATH, context=64, parallel=1)
    assert model.facts.chat_template == CHAT_TEMPLATE
    model.close()


def test_a_broken_one_is_told_at_once(template: Maker) -> None:
    with pytest.raises(ChatTemplateError, match="can't be read"):
        template("{% for m in messages %}")
