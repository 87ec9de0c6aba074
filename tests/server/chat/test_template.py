"""Choice of a model's chat template."""

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
        made.append(ChatTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"}))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_the_models_own_template_is_used(template: Maker) -> None:
    own = template("{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m['content'] }}{{ eos_token }}{% endfor %}")
    assert (own.origin, own.stop) == ("gguf", ())
    assert own.render(HI).text == "<s>[user] Hi</s>"


def test_a_model_without_one_gets_chatml_and_its_mark_as_a_stop(template: Maker) -> None:
    chatml = template(None)
    assert (chatml.origin, chatml.stop) == ("chatml", ("<|im_end|>",))
    dialogue = [{"role": "system", "content": "Be brief."}, *HI]
    assert chatml.render(dialogue).text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    )


def test_our_own_templates_need_no_process_and_all_others_have_one(template: Maker) -> None:
    assert isinstance(template(None)._renderer, SandboxedTemplate)
    assert isinstance(template(CHAT_TEMPLATE)._renderer, SandboxedTemplate)
    assert isinstance(template(CHAT_TEMPLATE + " ")._renderer, RenderProcess)


def test_starter_template_equals_the_one_in_its_file() -> None:
    model = LlamaModel(MODEL_PATH, context=64, parallel=1)
    assert model.facts.chat_template == CHAT_TEMPLATE
    model.close()


def test_a_broken_one_is_reported_at_once(template: Maker) -> None:
    with pytest.raises(ChatTemplateError, match="can't be read"):
        template("{% for m in messages %}")


def said(form: str) -> list[dict[str, str]]:
    """Parse a dialogue: ``s1 u2`` is a system message "1" and a user's message "2"."""
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [{"role": roles[word[0]], "content": word[1:]} for word in form.split()]


PARTS = (
    "{% for m in messages %}[{{ m.role }}]{% for p in m.content %}{% if p.type == 'text' %}{{ p.text }}{% endif %}"
    "{% endfor %}{% endfor %}"
)
USER_PARTS = (
    "{% for m in messages %}[{{ m.role }}]{% if m.role == 'user' %}{{ m.content[0]['text'] }}{% else %}{{ m.content }}"
    "{% endif %}{% endfor %}"
)


@pytest.mark.parametrize("source", [PARTS, USER_PARTS])
def test_a_template_that_reads_typed_parts_is_given_them(template: Maker, source: str) -> None:
    assert template(source).render(said("s1 u2 a3 u4")).text == "[system]1[user]2[assistant]3[user]4"


def test_template_for_both_forms_gets_plain_text(template: Maker) -> None:
    source = "{% for m in messages %}{{ m.content if m.content is string else m.content[0].text ~ '!' }}{% endfor %}"
    assert template(source).render(said("s1 u2")).text == "12"


def refusing(condition: str) -> str:
    return (
        f"{{% for m in messages %}}{{% if {condition} %}}{{{{ raise_exception('no') }}}}{{% endif %}}"
        "[{{ m.role }}]{{ m.content }}{% endfor %}"
    )


REFUSALS = {
    "no system role": (refusing("m.role == 'system'"), "s1 u2 a3 u4", "[user]1\n\n2[assistant]3[user]4"),
    "a system message alone": (refusing("m.role == 'system'"), "s1 a2 u3", "[user]1[assistant]2[user]3"),
    "a later system message": (refusing("m.role == 'system'"), "u1 a2 s3 u4", "[user]1[assistant]2[user]3\n\n4"),
    "the system not first": (
        refusing("m.role == 'system' and not loop.first"),
        "u1 a2 s3 u4",
        "[system]3[user]1[assistant]2[user]4",
    ),
    "two system messages": (refusing("m.role == 'system' and not loop.first"), "s1 s2 u3", "[system]1\n\n2[user]3"),
    "two of one role": (
        refusing("loop.previtem and loop.previtem.role == m.role"),
        "u1 u2 a3 u4",
        "[user]1\n\n2[assistant]3[user]4",
    ),
    "no alternation": (
        refusing("(m.role == 'user') != (loop.index0 % 2 == 0)"),
        "s1 u2 u3 a4 u5",
        "[user]1\n\n2\n\n3[assistant]4[user]5",
    ),
    "the user first": (refusing("loop.first and m.role != 'user'"), "a1 u2", "[user]Hello.[assistant]1[user]2"),
    "an empty answer": (refusing("not m.content"), "u1 a u2", "[user]1[user]2"),
    "an empty answer, and alternation": (
        refusing("not m.content or (m.role == 'user') != (loop.index0 % 2 == 0)"),
        "u1 a u2",
        "[user]1\n\n2",
    ),
}
"""A template, a dialogue that it refuses, and its result for the other form of that dialogue."""


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refused_dialogue_is_written_in_another_way(template: Maker, name: str) -> None:
    source, form, expected = REFUSALS[name]
    assert template(source).render(said(form)).text == expected


SILENT = {
    "no system role": (
        "{% for m in messages if m.role != 'system' %}[{{ m.content }}]{% endfor %}",
        "s1 u2",
        "[1\n\n2]",
    ),
    "only the last message": ("{{ messages[-1].content }}", "s1 u2", "1\n\n2"),
    "a later system message": (
        "{% for m in messages %}{% if loop.first or m.role != 'system' %}[{{ m.content }}]{% endif %}{% endfor %}",
        "u1 s2 u3",
        "[2][1\n\n3]",
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_a_template_that_leaves_a_message_out_in_silence_is_given_it_in_another_one(template: Maker, name: str) -> None:
    source, form, expected = SILENT[name]
    assert template(source).render(said(form)).text == expected


def test_a_command_to_the_template_is_not_shown(template: Maker) -> None:
    source = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ 'brief ' if '/no_think' in m.content }}"
        "{{ m.content.replace('/no_think', '') }}{% else %}[{{ m.content }}]{% endif %}{% endfor %}"
    )
    own = template(source)
    assert own.render(said("s/no_think u1")).text == "brief [1]"
    assert own.render(said("s2 u1")).text == "2[1]"


def test_left_out_messages_are_logged(template: Maker, caplog: pytest.LogCaptureFixture) -> None:
    assert template("{{ messages[-1].content }}").render(said("u1 a2 u3")).text == "3"
    assert "left out" in caplog.text


def test_a_dialogue_that_no_way_helps_is_refused_with_the_templates_own_words(template: Maker) -> None:
    with pytest.raises(ChatTemplateError, match="not today"):
        template("{% if messages[0].content != 'Hello' %}{{ raise_exception('not today') }}{% endif %}").render(HI)


def test_the_log_says_once_what_was_changed_and_nothing_of_what_was_written(
    template: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    own = template(
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception(m.content) }}{% endif %}"
        "{{ m.content }}{% endfor %}"
    )
    for _ in range(3):
        own.render(said("ssecret u2"))
    told = [record for record in caplog.records if record.name == "server.chat.template"]
    assert len(told) == 1
    assert "merged into the user's" in told[0].getMessage()
    assert "secret" not in caplog.text


def test_a_dialogue_that_a_template_takes_is_rendered_as_it_is(
    template: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    own = template("{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}")
    assert own.render(said("u1 u2 s3 a4 a5 u6")).text == "[user]1[user]2[system]3[assistant]4[assistant]5[user]6"
    assert not caplog.records


@pytest.mark.parametrize("space", ["\n", " ", "\n\n  "])
def test_no_space_is_left_in_front_of_the_bos(template: Maker, space: str) -> None:
    prompt = template(space + "{{ bos_token }}\n{{ messages[0].content }}").render(said("uHi"))
    assert (prompt.text, prompt.quoted) == ("<s>\nHi", ((4, 6),))


@pytest.mark.parametrize("start", ["<s>{{ bos_token }}", "{{ bos_token }}\n{{ bos_token }}", "\ufeff{{ bos_token }}"])
def test_a_bos_is_written_once(template: Maker, start: str) -> None:
    prompt = template(start + "{{ messages[0].content }}").render(said("u<s>"))
    assert (prompt.text, prompt.quoted) == ("<s><s>", ((3, 6),))


def test_a_bos_that_somebody_wrote_is_not_one(template: Maker) -> None:
    prompt = template(" {{ messages[0].content }}").render(said("u<s>"))
    assert (prompt.text, prompt.quoted) == (" <s>", ((1, 4),))


def test_a_broken_template_names_the_option_that_helps(template: Maker) -> None:
    with pytest.raises(ChatTemplateError, match=r"can't be read.*--chat-template FILE or NAME"):
        template("{% for m in messages %}")


def test_a_template_that_can_not_do_without_a_list_of_tools_is_given_an_empty_one(template: Maker) -> None:
    source = "{% for t in tools %}{{ t }}{% endfor %}{% for m in messages %}[{{ m.content }}]{% endfor %}"
    assert template(source).render(said("s1 u2")).text == "[1][2]"
    assert template("{{ messages[0].content ~ tools }}").render(HI).text == "HiNone"
