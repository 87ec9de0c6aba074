"""Calls in answers: the same ones for every way in which the text arrives."""

import random

import pytest

from server.chat.tools.answer_splitter import AnswerSplitter

NAMES = frozenset(("add", "get_weather"))
Call = tuple[str, str]

CASES: list[tuple[str, str, str, str, list[Call]]] = [
    ("text", "Hello. {not a call}", "", "Hello. {not a call}", []),
    ("hermes", '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>', "", "", [("add", '{"a": 1}')]),
    ("not closed", '<tool_call>\n{"name": "add", "arguments": {"a": 1}}', "", "", [("add", '{"a": 1}')]),
    (
        "two of hermes",
        'Let me see.\n<tool_call>{"name":"add","arguments":{"a":"}"}}</tool_call>\n<tool_call>'
        '{"name":"get_weather","arguments":{"city":"\\"<tool_call>"}}</tool_call>\n',
        "",
        "Let me see.",
        [("add", '{"a":"}"}'), ("get_weather", '{"city":"\\"<tool_call>"}')],
    ),
    (
        "text around",
        'One. <tool_call>{"arguments": {"x": [1, {}]}, "name": "add"}</tool_call> Two.',
        "",
        "One.Two.",
        [("add", '{"x": [1, {}]}')],
    ),
    ("unknown name", '<tool_call>{"name": "other"}</tool_call>', "", '<tool_call>{"name": "other"}</tool_call>', []),
    ("mark in text", "Write <tool_call> here, [TOOL_CALLS], <t", "", "Write <tool_call> here, [TOOL_CALLS], <t", []),
    ("no arguments", '<tool_call>{"name": "add"}</tool_call>', "", "", [("add", "{}")]),
    ("arguments in a string", '{"name": "add", "arguments": "{\\"a\\": 1}"}', "", "", [("add", '{"a": 1}')]),
    ("bare", ' {"name": "add", "parameters": {"a": "é"}}', "", "", [("add", '{"a": "é"}')]),
    ("two bare", '{"name": "add", "parameters": {}}; {"name": "add", "parameters": {}}', "", "", [("add", "{}")] * 2),
    ("other object", '{"title": "add", "name": "add"}', "", '{"title": "add", "name": "add"}', []),
    ("cut", '{"name": "add", "arguments": {"a": ', "", "", [("add", '{"a": ')]),
    ("cut name", '{"name": "ad', "", '{"name": "ad', []),
    ("object later", 'See: {"name": "add", "arguments": {}}', "", 'See: {"name": "add", "arguments": {}}', []),
    ("python tag", '<|python_tag|>{"name": "add", "parameters": {"a": 2}}', "", "", [("add", '{"a": 2}')]),
    (
        "mistral",
        '[TOOL_CALLS] [{"name": "add", "arguments": {"a": 1}}, {"name": "get_weather", "arguments": {"b": "]"}}]',
        "",
        "",
        [("add", '{"a": 1}'), ("get_weather", '{"b": "]"}')],
    ),
    (
        "newer mistral",
        '[TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]get_weather[CALL_ID]123456789[ARGS]{"b": {}}',
        "",
        "",
        [("add", '{"a": 1}'), ("get_weather", '{"b": {}}')],
    ),
    ("mistral without a mark of arguments", '[TOOL_CALLS]add{"a": 1}', "", "", [("add", '{"a": 1}')]),
    ("list of hermes", '<tool_call>[{"name": "add", "arguments": {}}]</tool_call>', "", "", [("add", "{}")]),
    (
        "thinking",
        '<think>\n<tool_call>{"name": "add"}</tool_call>\n</think>\n<tool_call>\n{"name": "add", "arguments": {}}',
        '<tool_call>{"name": "add"}</tool_call>',
        "",
        [("add", "{}")],
    ),
    (
        "harmony",
        "<|channel|>analysis<|message|>I add.<|end|><|start|>assistant<|channel|>commentary to=functions.add "
        '<|constrain|>json<|message|>{"a":1}<|call|>',
        "I add.",
        "",
        [("add", '{"a":1}')],
    ),
    (
        "harmony with the recipient first",
        '<|start|>assistant to=functions.add<|channel|>commentary json<|message|>{"a":1}',
        "",
        "",
        [("add", '{"a":1}')],
    ),
    (
        "harmony without a call",
        "<|channel|>analysis<|message|>One.<|end|><|start|>assistant<|channel|>analysis<|message|>Two.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Three < four",
        "One.\n\nTwo.",
        "Three < four",
        [],
    ),
    ("solar", "<|think|>Hm.<|end|><|begin|>assistant<|content|>Yes.", "Hm.", "Yes.", []),
    ("an unknown function in harmony", "<|channel|>commentary to=functions.b<|message|>{}", "", "{}", []),
]


def split(pieces: list[str], names: frozenset[str] = NAMES) -> tuple[str, str, list[Call]]:
    """Return the thinking, the text and the calls."""
    splitter = AnswerSplitter(names, lambda index: f"call_{index}")
    deltas = [splitter.feed(piece) for piece in pieces] + [splitter.end()]
    calls: list[list[str]] = []
    for delta in (call for each in deltas for call in each.calls):
        if delta.name is not None:
            assert (delta.call, delta.id) == (len(calls), f"call_{len(calls)}")
            calls.append([delta.name, ""])
        assert delta.call == len(calls) - 1
        calls[-1][1] += delta.arguments
    text, thinking = "".join(each.text for each in deltas), "".join(each.thinking for each in deltas)
    return thinking, text, [(name, arguments) for name, arguments in calls]


@pytest.mark.parametrize(("name", "text", "thinking", "reply", "calls"), CASES, ids=[case[0] for case in CASES])
def test_calls_are_separated(name: str, text: str, thinking: str, reply: str, calls: list[Call]) -> None:
    for size in (1, 2, 3, 7, len(text)):
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert split(pieces) == (thinking, reply, calls), size


def test_without_offered_functions_nothing_is_a_call() -> None:
    text = '<tool_call>\n{"name": "add", "arguments": {}}\n</tool_call>'
    assert split([text], frozenset()) == ("", text, [])


def test_the_parts_do_not_depend_on_the_pieces() -> None:
    words = (
        '<tool_call> </tool_call> [TOOL_CALLS] [ARGS] { } [ ] "name" : "add" , "arguments" add <think> </think> '
        '<|channel|> <|message|> <|end|> a {"name":"add" " \\ <'
    ).split()
    words += [" ", "\n", " to=functions.add"]
    for seed in range(1000):
        rng = random.Random(seed)
        text = "".join(rng.choices(words, k=rng.randrange(1, 14)))
        cuts = sorted(rng.choices(range(len(text) + 1), k=rng.randrange(6)))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True) if a < b]
        assert split(list(text)) == split([text]) == split(pieces), (seed, text)
