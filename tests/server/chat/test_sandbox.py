"""Chat templates come from model files, whose authors are unknown."""

import contextlib

import jinja2
import pytest

from server.chat.sandbox import ChatTemplateError, SandboxedTemplate, TemplateLimitError

HI = [{"role": "user", "content": "Hi"}]


def test_the_models_own_template_is_used() -> None:
    source = "{{ bos_token }}{% for m in messages %}[{{ m.role }}] {{ m['content'] }}{{ eos_token }}{% endfor %}"
    template = SandboxedTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"})
    assert template.render(HI).text == "<s>[user] Hi</s>"


def test_blocks_leave_no_white_space() -> None:
    source = "{% for m in messages %}\n    {% if m.role == 'user' %}\n{{ m.content }}\n    {% endif %}\n{% endfor %}\n"
    assert SandboxedTemplate(source).render(HI).text == "Hi\n"


def test_the_generation_prompt_is_asked_for() -> None:
    assert SandboxedTemplate("{% if add_generation_prompt %}bot: {% endif %}").render(HI).text == "bot: "


def test_loops_can_be_left() -> None:
    assert SandboxedTemplate("{% for n in [1, 2, 3] %}{{ n }}{% break %}{% endfor %}").render(HI).text == "1"


def test_tojson_does_not_escape_for_html() -> None:
    source = "{{ messages[0].content | tojson }}"
    assert SandboxedTemplate(source).render([{"role": "user", "content": "<é & 'x'>"}]).text == "\"<é & 'x'>\""


def test_text_is_not_escaped_either() -> None:
    markup = [{"role": "user", "content": "<b> {{ 1 }}"}]
    assert SandboxedTemplate("{{ messages[0].content }}").render(markup).text == "<b> {{ 1 }}"


def test_strftime_now_tells_the_year() -> None:
    assert SandboxedTemplate("{{ strftime_now('%Y') }}").render(HI).text.isdigit()


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
        assert SandboxedTemplate(source).render(messages).text == ""
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
def test_a_broken_template_is_reported_when_it_is_read(source: str) -> None:
    with pytest.raises(ChatTemplateError, match="can't be read"):
        SandboxedTemplate(source)


@pytest.mark.parametrize("source", ["{{ 1 / 0 }}", "{{ messages[7].content.x }}", "{{ nothing() }}"])
def test_any_failure_of_a_template_is_reported(source: str) -> None:
    with pytest.raises(ChatTemplateError, match="refuses these messages"):
        SandboxedTemplate(source).render(HI)


def test_output_of_a_template_is_limited() -> None:
    source = "{% for a in range(1000) %}{% for b in range(1000) %}0123456789{% endfor %}{% endfor %}"
    with pytest.raises(TemplateLimitError, match="writes more than"):
        SandboxedTemplate(source).render(HI)


def dialogue(*contents: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(contents)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% for m in messages %}{% generation %}[{{ m.content }}]{% endgeneration %}{% endfor %}", "[a][b]"),
        ("{%- generation -%} x {%- endgeneration %}{{ messages[0].content }}", "xa"),
        ("{% set n = 1 %}{% generation %}{% set n = 2 %}{{ n }}{% endgeneration %}{{ n }}", "21"),
        ("{{ {'é': 1, 'b': [2]} | tojson }}", '{"é": 1, "b": [2]}'),
        ("{{ {'é': 1, 'b': 2} | tojson(ensure_ascii=true, sort_keys=true) }}", '{"b": 2, "\\u00e9": 1}'),
        ("{{ {'b': [1, 2]} | tojson(separators=(',', ':')) }}", '{"b":[1,2]}'),
        ("{{ [1] | tojson(indent=2) }}", "[\n  1\n]"),
        ("{{ [1] | tojson(false, 2) }}", "[\n  1\n]"),
        ("{{ tools is none }} {{ documents is none }} {{ tools is defined }}", "True True True"),
        ("{{ nothing is defined }} [{{ nothing }}] {{ pad_token }} {{ unk_token is defined }}", "False [] <pad> False"),
        ("{{ dict(a=1).a }} {{ dict.fromkeys('x', 2).x }}", "1 2"),
        ("{% set ns = namespace(self=1) %}{% set ns.n = ns.self + 1 %}{{ ns.n }}", "2"),
        ("{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.content }}{% endfor %}", "b"),
    ],
)
def test_templates_find_what_transformers_gives_them(source: str, expected: str) -> None:
    assert SandboxedTemplate(source, {"pad_token": "<pad>"}).render(dialogue("a", "b")).text == expected


@pytest.mark.parametrize("source", ["{% set n = namespace(_a=1) %}", "{% set n = namespace() %}{% set n._a = 1 %}"])
def test_a_namespace_has_no_hidden_names(source: str) -> None:
    with pytest.raises(ChatTemplateError, match="underscore"):
        SandboxedTemplate(source).render(HI)


QUOTED = {
    "plain": ("<{{ m.content }}>", "<[ab]>"),
    "trimmed": ("<{{ m.content | trim('a') }}>{{ m.content.strip() }}", "<[b]>[ab]"),
    "added": ("{{ '<' + m.content + '>' + m.role }}", "<[ab]>user"),
    "joined by ~": ("{{ '<' ~ m.content ~ 7 ~ '>' }}", "<[ab]7>"),
    "joined by a filter": ("{{ ['<', m.content, 1] | join('|') }}", "<|[ab]|1"),
    "joined by an attribute": ("{{ messages | join('|', attribute='content') }}", "[ab]|[cd]|[ef]"),
    "joined by a method": ("{{ '|'.join(['<', m.content]) }}", "<|[ab]"),
    "joined with it": ("{{ m.content.join(['x', 'y']) }}", "x[ab]y"),
    "mapped": ("{{ messages | map(attribute='content') | join }}", "[abcdef]"),
    "mapped by a filter": ("{{ messages | map(attribute='content') | map('upper') | join('<') }}", "[AB]<[CD]<[EF]"),
    "in a macro": ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(m.content) }}", "<[ab]>"),
    "in a caller": (
        "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}{{ m.content }}!{% endcall %}",
        "<[ab]!>",
    ),
    "in a block": ("{% set x %}<{{ m.content }}>{% endset %}{{ x | trim }}", "<[ab]>"),
    "in a filter block": ("{% filter upper %}<{{ m.content }}x{% endfilter %}", "<[AB]X"),
    "in a namespace": ("{% set n = namespace(x='<') %}{% set n.x = n.x + m.content %}{{ n.x }}", "<[ab]"),
    "in a generation block": ("{% generation %}<{{ m.content }}>{% endgeneration %}", "<[ab]>"),
    "replaced": ("{{ m.content.replace('a', 'x') }}{{ '<a>' | replace('a', m.content) }}", "x[b]<[ab]>"),
    "in a template's own replace": ("{{ '<a>'.replace('a', m.content) }}", "<[ab]>"),
    "split": ("{% for x in m.content.split('a') %}<{{ x }}{% endfor %}", "<<[b]"),
    "sliced": ("{{ m.content[1:] }}{{ m.content[0] }}{{ m.content | first }}{{ m.content | last }}", "[baab]"),
    "reversed": ("{{ m.content | reverse }}{{ m.content[::-1] }}", "[baba]"),
    "character by character": ("{% for c in m.content %}{{ c }}-{% endfor %}", "[a]-[b]-"),
    "defaulted": ("{{ m.content | default('x') }}{{ m.nothing | default('<') }}", "[ab]<"),
    "as a string": ("{{ m.content | string }}", "[ab]"),
    "in JSON": ("<{{ m | tojson }}>", '<[{"role": "user", "content": "ab"}]>'),
    "a whole message": ("<{{ m }}>", "<[{'role': 'user', 'content': 'ab'}]>"),
    "a whole message, joined": ("{{ '<' ~ m }}", "<[{'role': 'user', 'content': 'ab'}]"),
    "formatted": ("{{ '<%s>' % m.content }}", "[<ab>]"),
    "formatted from a tuple": ("{{ '<%s %s>' % (1, m.content) }}", "[<1 ab>]"),
    "formatted by a filter": ("{{ '<%s>' | format(m.content) }}", "[<ab>]"),
    "formatted by a method": ("{{ '<{}>'.format(m.content) }}", "[<ab>]"),
    "formatted itself": ("{{ m.content.format(1) }}", "[ab]"),
    "indented": ("{{ ('<' ~ m.content ~ '\nc') | indent(2, true) }}", "[  <ab\n  c]"),
    "escaped": ("{{ ('<' ~ m.content) | escape }}", "[&lt;ab]"),
    "marked safe": ("{{ m.content | safe }}{{ ('<' | safe) + m.content }}", "[ab<ab]"),
    "as bytes": ("{{ m.content.encode() }}", "[b'ab']"),
    "centred": ("{{ m.content.center(6) }}", "[  ab  ]"),
    "in a list": ("{{ [m.content] }}", "[['ab']]"),
    "in a dictionary": ("{{ dict(x=m.content).x }}{{ {'y': m.content}['y'] }}", "[abab]"),
    "measured": ("{{ m.content | length }}<{{ m.content | upper | length }}", "2<2"),
}
"""Operations of a template on a message, and the results: brackets mark what comes from the message."""


@pytest.mark.parametrize("name", QUOTED)
def test_text_of_messages_stays_known_as_such(name: str) -> None:
    source, expected = QUOTED[name]
    prompt = SandboxedTemplate("{% set m = messages[0] %}" + source).render(dialogue("ab", "cd", "ef"))
    text = list(prompt.text)
    for start, end in reversed(prompt.quoted):
        text[start:end] = ["[", *text[start:end], "]"]
    assert "".join(text) == expected


@pytest.mark.parametrize("filter", sorted(jinja2.filters.FILTERS))
def test_no_filter_loses_where_a_text_came_from(filter: str) -> None:
    """Every filter keeps the origin of a message's characters: no part of its result looks like the template's own
    text."""
    source = f"{{{{ messages[0].content | {filter} }}}}"
    marks = "<A|B> <C|D>\n<A|B>\n\n<C|D>"
    with contextlib.suppress(ChatTemplateError):  # some filters take no text
        prompt = SandboxedTemplate(source).render(dialogue(marks))
        loose = "".join(
            character
            for place, character in enumerate(prompt.text)
            if not any(start <= place < end for start, end in prompt.quoted)
        )
        assert not set(loose) & set("<ABCDabcd|>")


def test_fields_beside_the_content_are_quoted_too() -> None:
    message = {"role": "assistant", "content": [{"type": "text", "text": "b"}], "thinking": "a"}
    source = "{% set m = messages[0] %}{{ m.role }}{{ m.thinking }}{{ m.content[0].type }}{{ m.content[0].text }}"
    assert SandboxedTemplate(source).render([message]).quoted == ((9, 10), (14, 15))


def test_messages_that_are_not_shown_are_reported() -> None:
    template = SandboxedTemplate("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}")
    assert template.render(dialogue("a", "b", "c", " ")).lost == (1,)
    assert template.render(dialogue(*"ab" * 200)).lost == tuple(range(1, 400, 2))
