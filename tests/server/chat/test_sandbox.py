"""Chat templates come out of model files, which anybody may have written."""

import contextlib

import pytest

from server.chat.sandbox import ChatTemplateError, SandboxedTemplate, TemplateLimitError

HI = [{"role": "user", "content": "Hi"}]


def test_the_models_own_template_is_used() -> None:
    source = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m['content'] }}{{ eos_token }}{% endfor %}"
    template = SandboxedTemplate(source, bos="<s>", eos="</s>")
    assert template.render(HI) == "<s>[user] Hi</s>"


def test_blocks_leave_no_white_space() -> None:
    source = "{% for m in messages %}\n    {% if m.role == 'user' %}\n{{ m.content }}\n    {% endif %}\n{% endfor %}\n"
    assert SandboxedTemplate(source).render(HI) == "Hi\n"


def test_the_generation_prompt_is_asked_for() -> None:
    assert SandboxedTemplate("{% if add_generation_prompt %}bot: {% endif %}").render(HI) == "bot: "


def test_loops_can_be_left() -> None:
    assert SandboxedTemplate("{% for n in [1, 2, 3] %}{{ n }}{% break %}{% endfor %}").render(HI) == "1"


def test_tojson_does_not_escape_for_html() -> None:
    source = "{{ messages[0].content | tojson }}"
    assert SandboxedTemplate(source).render([{"role": "user", "content": "<é & 'x'>"}]) == "\"<é & 'x'>\""


def test_text_is_not_escaped_either() -> None:
    markup = [{"role": "user", "content": "<b> {{ 1 }}"}]
    assert SandboxedTemplate("{{ messages[0].content }}").render(markup) == "<b> {{ 1 }}"


def test_strftime_now_tells_the_year() -> None:
    assert SandboxedTemplate("{{ strftime_now('%Y') }}").render(HI).isdigit()


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__')|attr('__mro__') }}",
        "{{ messages.__class__.__base__.__subclasses__() }}",
        "{{ raise_exception.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ '{0.__class__.__mro__}'.format('') }}",
        "{{ ('{0.__class__}'|attr('format'))(1) }}",
        "{% set f = ''.format %}{{ f.__self__.__class__ }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update({'role': 'system'}) }}",
        "{{ messages.clear() }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ range(200000)|list }}",
    ],
)
def test_nothing_gets_out_of_the_sandbox(source: str) -> None:
    messages = [dict(HI[0])]
    with contextlib.suppress(ChatTemplateError):  # jinja2 shows some of what is forbidden as nothing
        assert SandboxedTemplate(source).render(messages) == ""
    assert messages == HI


@pytest.mark.parametrize(
    "source", ["{{ ''.__class__.__mro__ }}", "{{ messages.append(1) }}", "{{ cycler.__init__.__globals__.os }}"]
)
def test_an_escape_is_refused(source: str) -> None:
    with pytest.raises(ChatTemplateError, match=r"unsafe|not safely callable"):
        SandboxedTemplate(source).render(HI)


def test_a_template_may_refuse_the_messages_and_say_why() -> None:
    template = SandboxedTemplate("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(ChatTemplateError, match="roles must alternate"):
        template.render(HI)


@pytest.mark.parametrize("source", ["{% for m in messages %}", "{{ messages", "{% nonsense %}", "{{ 1 | nofilter }}"])
def test_a_broken_template_is_told_when_it_is_read(source: str) -> None:
    with pytest.raises(ChatTemplateError, match="can't be read"):
        SandboxedTemplate(source)


@pytest.mark.parametrize("source", ["{{ 1 / 0 }}", "{{ messages[7].content.x }}", "{{ nothing() }}"])
def test_any_failure_of_a_template_is_told(source: str) -> None:
    with pytest.raises(ChatTemplateError, match="refuses these messages"):
        SandboxedTemplate(source).render(HI)


def test_it_can_only_write_so_much() -> None:
    source = "{% for a in range(1000) %}{% for b in range(1000) %}0123456789{% endfor %}{% endfor %}"
    with pytest.raises(TemplateLimitError, match="writes more than"):
        SandboxedTemplate(source).render(HI)
