"""JSON that follows marks in a text, with marks that are control tokens and marks that are text."""

from __future__ import annotations

import pytest

from server.engine.base import GrammarError, JsonInText
from server.engine.llama.json_grammar import Grammars
from server.engine.llama.token_table import TokenTable

CONTROLS = ("[TOOL_CALLS]", "[ARGS]", "<|channel|>", "<|message|>", "<|constrain|>", "<|end|>", "</s>")
"""Control tokens of the vocabulary, after one token for each byte. The last one ends an answer."""

END = 256 + len(CONTROLS) - 1
POINT = {
    "type": "object",
    "properties": {"x": {"enum": [1, 2]}},
    "required": ["x"],
    "additionalProperties": False,
}
NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
LIST = JsonInText("[TOOL_CALLS]", (("", {"type": "array", "items": POINT, "minItems": 1}),))
NAMED = JsonInText("[TOOL_CALLS]", (("get[ARGS]", POINT), ("get_more[ARGS]", NOTHING)))
HEADED = JsonInText(
    "<|channel|>commentary to=functions.",
    tuple((f"{name} <|constrain|>json<|message|>", schema) for name, schema in (("get", POINT), ("more", NOTHING))),
    after=("<|end|>", "<|start|>"),
)
AS_TEXT = JsonInText("<call>", (("get ", POINT), ("more ", NOTHING)), "</call>")
LAST = JsonInText("<call>", (("", POINT),), after=("<|end|>",))
GET = "<|channel|>commentary to=functions.get <|constrain|>json<|message|>"


def tokens_of(text: str) -> list[int]:
    for token, control in enumerate(CONTROLS, start=256):
        if control in text:
            before, after = text.split(control, 1)
            return [*tokens_of(before), token, *tokens_of(after)]
    return list(text.encode())


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    specials = list(range(256, END + 1))
    texts = [*(bytes([byte]) for byte in range(256)), *(control.encode() for control in CONTROLS)]
    return Grammars(lambda: TokenTable(texts, specials, [END]))


def rest_of(grammars: Grammars, form: JsonInText, text: str) -> str | None:
    """Return the part of ``text`` from the first token on that may not come; None if all may and the answer may end
    there, "" if all may and more must follow."""
    matcher = grammars.matcher(grammars.compile(form, compact=True))
    tokens = tokens_of(text)
    for place, token in enumerate(tokens):
        if not matcher.allows(token):
            spelled = [CONTROLS[each - 256] if each > 255 else chr(each) for each in tokens[place:]]
            return "".join(spelled)
        matcher.accept(token)
    return None if matcher.allows(END) else ""


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (LIST, "Hi [{ <|end|> [x"),
        (LIST, '[TOOL_CALLS][{"x": 1}]'),
        (LIST, 'Hi[TOOL_CALLS] [{"x": 1}, {"x": 2}] more [TOOL_CALLS][{"x": 1}]'),
        (NAMED, 'Hi[TOOL_CALLS]get[ARGS]{"x": 1}[TOOL_CALLS]get_more[ARGS] {}'),
        (HEADED, "<|channel|>analysis<|message|>I use commentary to=functions.other now.<|end|>"),
        (HEADED, "<|channel|>commentary<|message|>I look.<|channel|>final<|message|>commentary to=functions.x"),
        (HEADED, f'{GET}{{"x": 1}}<|end|>{GET}{{"x": 2}}'),
        (AS_TEXT, 'Hi [TOOL_CALLS] <call>get {"x": 1}</call> and <call>more {}</call><|end|>'),
        (LAST, 'Hi <call>{"x": 1}<|end|>Hi <|end|><call>{"x": 2}'),
    ],
)
def test_text_and_json_behind_its_mark_may_come(grammars: Grammars, form: JsonInText, text: str) -> None:
    assert rest_of(grammars, form, text) is None


@pytest.mark.parametrize(
    ("form", "text", "wrong"),
    [
        (LIST, "Hi[TOOL_CALLS]", ""),
        (LIST, "[TOOL_CALLS]x", "x"),
        (LIST, '[TOOL_CALLS][{"x": 3', "3"),
        (LIST, '[TOOL_CALLS][{"x": 1}, ', ""),
        (NAMED, "[TOOL_CALLS]get_lost", "lost"),
        (NAMED, '[TOOL_CALLS]get{"x', '{"x'),
        (NAMED, '[TOOL_CALLS]get_more[ARGS]{"x"', '"x"'),
        (NAMED, "[TOOL_CALLS]get[ARGS]", ""),
        (HEADED, "<|channel|>commentary to=functions.other", "other"),
        (HEADED, GET + '{"y', "y"),
        (HEADED, f'<|channel|>analysis<|message|>Hm.<|end|>{GET}{{"x": 3', "3"),
        (HEADED, GET + '{"x": 1}x', "x"),
        (HEADED, GET + '{"x": 1}[ARGS]', "[ARGS]"),
        (LAST, 'Hi <|end|><call>{"x": 1}x', "x"),
        (AS_TEXT, "<call>put", "put"),
        (AS_TEXT, "<call>more {}", ""),
        (AS_TEXT, "<call>more {}</case", "se"),
    ],
)
def test_nothing_but_the_json_may_follow_its_mark(grammars: Grammars, form: JsonInText, text: str, wrong: str) -> None:
    assert rest_of(grammars, form, text) == wrong


def test_the_schema_that_can_not_be_enforced_is_named(grammars: Grammars) -> None:
    form = JsonInText("<call>", (("get ", POINT), ("more ", {"pattern": "(?=x)"})))
    with pytest.raises(GrammarError, match="pattern"):
        grammars.compile(form)
