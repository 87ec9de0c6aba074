"""Forced calls of the starter model parse and obey the schemas of their functions, in every format."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from protocol.errors import RemoteProtocolError
from protocol.messages import Generate, NamedFunction, NamedTool, Params, Tool, ToolFunction
from server.chat.template import ChatTemplate
from server.chat.tools.formats import format_of
from server.engine.base import FinishReason
from server.generations.call_log import CallLog
from server.writers.local import LocalWriter
from tests.llama_sources import sources
from tests.server.engine.starter import StarterBench
from tests.server.writers.random_schemas import random_model

OFFERED = "{% for tool in tools %}{{ tool.function.name }}{% endfor %}"
SAID = (
    "{% for m in messages %}[{{ m.role }}:{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.name }}"
    "{{ c.function.arguments | tojson }}{% endfor %}]{% endfor %}"
)
FORMATS = {
    "hermes": OFFERED + "{# <tool_call> #}" + SAID,
    "a thought that the template opens": OFFERED + "{# <tool_call> #}" + SAID + "<think>\n",
    "llama": OFFERED + "{# <|python_tag|> #}" + SAID,
    "mistral": OFFERED + "{# [TOOL_CALLS] #}" + SAID,
    "newer mistral": OFFERED + "{# [TOOL_CALLS] [ARGS] #}" + SAID,
    "gpt-oss": OFFERED + "{# <|channel|> to=functions. #}" + SAID,
    "unknown": OFFERED + SAID,
}
POINT = {"$ref": "#/$defs/point", "$defs": {"point": {"type": "object", "properties": {"x": {"enum": [1, 2]}}}}}


@pytest.fixture(scope="module")
def bench() -> Iterator[StarterBench]:
    bench = StarterBench()
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def writers(bench: StarterBench) -> Iterator[dict[str, LocalWriter]]:
    facts = bench.model.facts
    made = {
        name: LocalWriter(bench.engine, ChatTemplate(source, facts.special_tokens))
        for name, source in {**FORMATS, "the starter's own": facts.chat_template}.items()
    }
    yield made
    for writer in made.values():
        writer.chat_template.close()


def tool(name: str, parameters: dict[str, Any] | None = None, **fields: Any) -> Tool:
    return Tool(function=ToolFunction(name=name, parameters=parameters, **fields))


def named(name: str) -> NamedTool:
    return NamedTool(function=NamedFunction(name=name))


def calls_of(bench: StarterBench, writer: LocalWriter, id: str, body: Generate) -> list[tuple[str, Any]]:
    """Return the calls of the answer, which must have no other text."""
    prepared = writer.prepare(id, body, written="", received=0.0, principal="")
    bench.engine.submit(prepared.request)
    assert bench.recorder.finished(id).reason is FinishReason.STOP
    log = CallLog(id, {each.function.name for each in body.tools})
    log.append(1, bench.recorder.text(id))
    log.end()
    assert log.content is None
    return [(call.function.name, json.loads(call.function.arguments)) for call in log.whole or ()]


def ask(seed: int, tools: tuple[Tool, ...], choice: Any) -> Generate:
    params = Params(temperature=1.5, seed=seed, max_tokens=1500)
    return Generate(prompt="Do something.", tools=tools, tool_choice=choice, params=params)


@pytest.mark.parametrize("count", [16, pytest.param(200, marks=pytest.mark.slow)])
def test_forced_calls_obey_random_schemas(bench: StarterBench, writers: dict[str, LocalWriter], count: int) -> None:
    names = list(writers)
    for seed in range(count):
        rng = random.Random(seed)
        models = {f"f{n}": random_model(rng) for n in range(rng.randrange(1, 4))}
        tools = tuple(tool(name, model.model_json_schema(), strict=True) for name, model in models.items())
        choice = rng.choice(("required", named("f0")))
        writer = writers[names[seed % len(names)]]
        body = replace(ask(seed, tools, choice), parallel_tool_calls=False)
        ((name, arguments),) = calls_of(bench, writer, f"{count}-{seed}", body)
        assert choice == "required" or name == "f0"
        jsonschema.validate(arguments, models[name].model_json_schema())
        models[name].model_validate(arguments)


@pytest.mark.parametrize(
    ("form", "opening"),
    [
        ("hermes", "I call it. <tool_call>"),
        ("mistral", "I call it. [TOOL_CALLS]"),
        ("newer mistral", "I call it. [TOOL_CALLS]"),
        ("gpt-oss", "<|channel|>commentary to=functions."),
    ],
)
def test_a_call_that_the_model_begins_obeys_its_schema(
    bench: StarterBench, writers: dict[str, LocalWriter], form: str, opening: str
) -> None:
    tools = tool("first", {"properties": {"x": {"enum": [1, 2]}}, "required": ["x"]}), tool("second")
    for seed in range(6):
        body = replace(ask(seed, tools, None), params=Params(temperature=1.5, seed=seed, max_tokens=120))
        request = writers[form].prepare(f"{form}-auto-{seed}", body, written="", received=0.0, principal="").request
        bench.engine.submit(dataclasses.replace(request, written=tuple(bench.engine.tokenize(opening))))
        bench.recorder.finished(request.id)
        log = CallLog(request.id, {"first", "second"})
        log.append(1, opening + bench.recorder.text(request.id))
        call = (log.whole or ())[0].function
        value = json.loads(call.arguments)
        assert (call.name == "first" and value in ({"x": 1}, {"x": 2})) or (call.name == "second" and value == {})


@pytest.mark.parametrize("form", [*FORMATS, "the starter's own"])
def test_each_format_has_its_call(bench: StarterBench, writers: dict[str, LocalWriter], form: str) -> None:
    tools = tool("first", POINT), tool("second")
    for seed, (choice, expected) in enumerate([("required", {"first", "second"}), (named("second"), {"second"})]):
        calls = calls_of(bench, writers[form], f"{form}-{seed}", ask(seed, tools, choice))
        assert {name for name, _ in calls} <= expected and calls
        assert all(arguments == {} for name, arguments in calls if name == "second")


def test_an_answer_under_a_schema_may_be_a_call(bench: StarterBench, writers: dict[str, LocalWriter]) -> None:
    schema = {"type": "object", "properties": {"sum": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"enum": [5]}}}
    for seed in range(6):
        params = Params(temperature=2.0, top_k=0, min_p=0, top_p=1, seed=seed, max_tokens=900, json_schema=schema)
        body = replace(ask(seed, (tool("f", POINT),), "auto"), params=params)
        request = writers["hermes"].prepare(f"either-{seed}", body, written="", received=0.0, principal="").request
        bench.engine.submit(request)
        assert bench.recorder.finished(request.id).reason is FinishReason.STOP
        value = json.loads(bench.recorder.text(request.id))
        assert value in ({}, {"sum": 5}) or (value["name"] == "f" and value["arguments"] in ({}, {"x": 1}, {"x": 2}))
        for text in ('{"sum": 5}', '{"name": "f", "arguments": {"x": 1}}'):
            matcher = bench.model._grammars.matcher(request.sampling.grammar or "")
            for token in bench.engine.tokenize(text)[1:]:  # without the token that begins a prompt
                matcher.accept(token)


def test_a_schema_that_no_grammar_has_is_reported_beside_functions(writers: dict[str, LocalWriter]) -> None:
    params = Params(json_schema={"pattern": "(?=x)"})
    with pytest.raises(RemoteProtocolError, match=r"params\.json_schema"):
        body = replace(ask(1, (tool("f"),), "auto"), params=params)
        writers["hermes"].prepare("x", body, written="", received=0.0, principal="")


def test_only_one_call_in_a_list_without_parallel_calls(bench: StarterBench, writers: dict[str, LocalWriter]) -> None:
    for seed in range(4):
        body = ask(seed, (tool("f"),), "required")
        several = calls_of(bench, writers["mistral"], f"several-{seed}", body)
        one = replace(body, parallel_tool_calls=False)
        assert len(calls_of(bench, writers["mistral"], f"one-{seed}", one)) == 1 <= len(several)


def test_a_schema_that_no_grammar_has(bench: StarterBench, writers: dict[str, LocalWriter]) -> None:
    odd = {"type": "object", "properties": {"a": {"type": "string", "pattern": "(?=x)"}}}
    writer = writers["hermes"]
    with pytest.raises(RemoteProtocolError, match=r"tools\[1\]\.function\.parameters: .*pattern") as raised:
        body = ask(1, (tool("good"), tool("odd", odd, strict=True)), "required")
        writer.prepare("x", body, written="", received=0.0, principal="")
    assert (raised.value.code, raised.value.field) == ("unsupported", "tools[1].function.parameters")
    loose, expected = (
        writer.prepare(id, ask(1, (tool("odd", schema),), "required"), written="", received=0.0, principal="")
        for id, schema in (("loose", odd), ("any", {"type": "object"}))
    )
    assert loose.request.sampling.grammar == expected.request.sampling.grammar is not None


def test_a_forced_call_ends_the_thought_that_the_template_opens(
    bench: StarterBench, writers: dict[str, LocalWriter]
) -> None:
    body = ask(1, (tool("f"),), named("f"))
    prepared = writers["a thought that the template opens"].prepare("t", body, written="", received=0.0, principal="")
    assert prepared.request.opened == "<think>\n</think>\n\n<tool_call>\n"


def test_the_formats_of_real_models() -> None:
    folder = sources() / "templates"
    expected = {
        "Qwen-Qwen3-0.6B": "HERMES",
        "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use": "HERMES",
        "Qwen3-Coder": "GENERIC",
        "meta-llama-Llama-3.1-8B-Instruct": "LLAMA",
        "mistralai-Mistral-Nemo-Instruct-2407": "MISTRAL_LIST",
        "Mistral-Small-3.2-24B-Instruct-2506": "MISTRAL_NAMED",
        "openai-gpt-oss-120b": "HARMONY",
        "google-gemma-2-2b-it": "GENERIC",
    }
    assert {name: format_of((folder / f"{name}.jinja").read_text()).name for name in expected} == expected
