"""A model's own template is rendered under limits, whatever it does."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from server.chat.rendering import MAX_SOURCE, RenderProcess
from server.chat.sandbox import ChatTemplateError, TemplateLimitError

HI = [{"role": "user", "content": "Hi"}]
SECONDS = 0.5
"""Time limit for templates that never end, in seconds."""

TRIGGER = "{% if messages[0].content == 'go' %}" + "{}" + "{% endif %}"
"""Template that misbehaves only for the message "go", and not in the first try."""

GO = [{"role": "user", "content": "go"}]

HOSTILE = {
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "a long string": "{{ ('a' * 10**9) | length }}",
    "a long list": "{{ ([0] * 10**9) | length }}",
    "a huge number": "{{ 10 ** (10**9) % 7 }}",
    "a huge power of what is asked": "{{ (messages|length + 9) ** (10**9) % 7 }}",
    "a wide field": "{{ '%1000000000d' | format(1) | length }}",
    "a centred text": "{{ 'a' | center(10**9) | length }}",
    "text that doubles": "{% set n = namespace(s='aa') %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "a list of lists": "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}"
    "{{ n.l }}",
    "equal lists": "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}"
    "{% set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
    "much output": "{% for a in range(9999) %}{% for b in range(9999) %}0123456789{% endfor %}{% endfor %}",
    "one large output": "{{ 'a' * 10**8 }}",
    "nonsense words": "{{ lipsum(n=10**7) }}",
    "macros that call each other twice": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}"
    "{% endmacro %}{{ f(99) }}",
}
"""Templates that would each hang or exhaust the server."""


@pytest.mark.parametrize("name", HOSTILE)
def test_costly_template_is_refused_when_it_is_tried(name: str) -> None:
    with pytest.raises(ChatTemplateError) as told:
        RenderProcess(HOSTILE[name], seconds=SECONDS)
    assert "the model's chat template" in str(told.value)


@pytest.mark.parametrize("name", ["nested loops", "a long string", "equal lists", "much output"])
def test_costly_rendering_fails_and_the_next_one_works(name: str) -> None:
    source = TRIGGER.replace("{}", HOSTILE[name]) + "{{ messages[0].content }}"
    with contextlib.closing(RenderProcess(source, seconds=SECONDS)) as template:
        with pytest.raises(TemplateLimitError):
            template.render(GO)
        with contextlib.closing(RenderProcess(source)) as patient:  # whose start has time enough on any machine
            assert patient.render(HI).text == "Hi"


def test_render_process_restarts_after_a_kill() -> None:
    source = TRIGGER.replace("{}", HOSTILE["a list of lists"]) + "{{ messages[0].content }}"
    with contextlib.closing(RenderProcess(source, seconds=5)) as template:
        for _ in range(2):
            with pytest.raises(TemplateLimitError):
                template.render(GO)
            assert template.render(HI).text == "Hi"


def test_macros_without_an_end_are_refused() -> None:
    source = "{% macro f() %}{{ f() }}{% endmacro %}{% if messages[0].content == 'go' %}{{ f() }}{% endif %}"
    with contextlib.closing(RenderProcess(source)) as template, pytest.raises(ChatTemplateError):
        template.render(GO)


@pytest.fixture(scope="module")
def plain() -> Iterator[RenderProcess]:
    with contextlib.closing(RenderProcess("{{ messages[0].content }}")) as template:
        yield template


@pytest.mark.parametrize("text", ["Hi", "é漢🙂\n\r\u2028", "\x00", "\ud800", "x" * 1_000_000, "🙂" * 500_000])
def test_any_text_passes_as_it_is(plain: RenderProcess, text: str) -> None:
    assert plain.render([{"role": "user", "content": text}]).text == text


def test_several_threads_share_it(plain: RenderProcess) -> None:
    found: dict[int, str] = {}

    def ask(n: int) -> None:
        found[n] = plain.render([{"role": "user", "content": str(n)}]).text

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: str(n) for n in range(8)}


def test_a_refusal_is_no_reason_not_to_start() -> None:
    source = "{% if messages[0].role != 'system' %}{{ raise_exception('system first') }}{% endif %}ok"
    with contextlib.closing(RenderProcess(source)) as template:
        with pytest.raises(ChatTemplateError, match="system first"):
            template.render(HI)
        assert template.render([{"role": "system", "content": ""}]).text == "ok"


def test_a_template_as_long_as_a_book_is_refused_unread() -> None:
    with pytest.raises(TemplateLimitError, match="longer than"):
        RenderProcess("a" * (MAX_SOURCE + 1))


def test_nothing_of_the_servers_environment_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMUI_SECRET", "hush")
    with contextlib.closing(RenderProcess("{{ messages[0].content }}")) as template:
        assert template._process is not None
        with open(f"/proc/{template._process.pid}/environ") as environment:
            assert "hush" not in environment.read()
