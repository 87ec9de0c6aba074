"""Any invalid input gets an error that names the field, and affects nothing else."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from protocol.codec import MAX_FRAME_OBJECTS
from protocol.errors import ErrorCode
from protocol.messages import Accepted, Done, DoneReason, Generate
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving

Frame = str | bytes


def generate(fields: str) -> str:
    return f'{{"type":"generate",{fields}}}'


def params(fields: str) -> str:
    return generate(f'"prompt":"Hi","params":{{{fields}}}')


def said(role: str, content: str) -> str:
    return generate(f'"messages":[{{"role":"{role}","content":"{content}"}}]')


BAD: list[tuple[Frame, ErrorCode, str]] = [
    ("hello", ErrorCode.BAD_JSON, "JSON"),
    ("{", ErrorCode.BAD_JSON, "JSON"),
    ("[1]", ErrorCode.BAD_JSON, "object"),
    ('{"type":"ping","nonce":NaN}', ErrorCode.BAD_JSON, "JSON"),
    ('{"a":' * 100_000, ErrorCode.BAD_JSON, "nested too deep"),
    (b'{"type":"ping"}', ErrorCode.BAD_FRAME, "binary"),
    ("{}\n" * (MAX_FRAME_OBJECTS + 1), ErrorCode.BAD_FRAME, str(MAX_FRAME_OBJECTS)),
    ('{"prompt":"Hi"}', ErrorCode.MISSING_FIELD, "type"),
    ('{"type":7}', ErrorCode.INVALID_FIELD, "type"),
    ('{"type":"sing"}', ErrorCode.UNKNOWN_TYPE, '"sing"'),
    (generate('"promt":"Hi"'), ErrorCode.UNKNOWN_FIELD, '"promt"'),
    (generate('"raw":false'), ErrorCode.MISSING_FIELD, "prompt"),
    (generate('"prompt":7'), ErrorCode.INVALID_FIELD, "prompt"),
    (generate('"prompt":""'), ErrorCode.EMPTY_PROMPT, "prompt"),
    (generate('"prompt":" \\n"'), ErrorCode.EMPTY_PROMPT, "prompt"),
    (generate('"prompt":"Hi","messages":[{"role":"user","content":"Hi"}]'), ErrorCode.INVALID_FIELD, "messages"),
    (generate('"messages":[]'), ErrorCode.INVALID_FIELD, "messages"),
    (generate('"messages":[{"role":"user"}]'), ErrorCode.MISSING_FIELD, "messages[0].content"),
    (said("robot", "Hi"), ErrorCode.INVALID_FIELD, "messages[0].role"),
    (said("assistant", "Hi"), ErrorCode.INVALID_FIELD, "messages[0].role"),
    (said("user", " "), ErrorCode.EMPTY_PROMPT, "messages[0].content"),
    (said("user", "Hi").replace("}]", '}],"raw":true'), ErrorCode.INVALID_FIELD, "raw"),
    (generate('"id":"a b","prompt":"Hi"'), ErrorCode.INVALID_FIELD, "id"),
    (generate(f'"id":"{"x" * 65}","prompt":"Hi"'), ErrorCode.INVALID_FIELD, "id"),
    (generate('"prompt":"Hi","on_detach_ms":-1'), ErrorCode.INVALID_FIELD, "on_detach_ms"),
    (generate('"prompt":"Hi","raw":"yes"'), ErrorCode.INVALID_FIELD, "raw"),
    (params('"temprature":1'), ErrorCode.UNKNOWN_FIELD, "temprature"),
    (params('"temperature":"hot"'), ErrorCode.INVALID_FIELD, "params.temperature"),
    (params('"temperature":2.1'), ErrorCode.INVALID_FIELD, "params.temperature"),
    (params('"temperature":-0.1'), ErrorCode.INVALID_FIELD, "params.temperature"),
    (params('"top_p":1.1'), ErrorCode.INVALID_FIELD, "params.top_p"),
    (params('"top_k":-1'), ErrorCode.INVALID_FIELD, "params.top_k"),
    (params('"min_p":2'), ErrorCode.INVALID_FIELD, "params.min_p"),
    (params('"max_tokens":0'), ErrorCode.INVALID_FIELD, "params.max_tokens"),
    (params('"max_tokens":1.5'), ErrorCode.INVALID_FIELD, "params.max_tokens"),
    (params('"stop":"end"'), ErrorCode.INVALID_FIELD, "params.stop"),
    (params('"stop":[""]'), ErrorCode.INVALID_FIELD, "params.stop[0]"),
    (params('"seed":-2'), ErrorCode.INVALID_FIELD, "params.seed"),
    (params('"presence_penalty":3'), ErrorCode.INVALID_FIELD, "params.presence_penalty"),
    (params('"frequency_penalty":-3'), ErrorCode.INVALID_FIELD, "params.frequency_penalty"),
    (params('"repeat_penalty":0'), ErrorCode.INVALID_FIELD, "params.repeat_penalty"),
    (params('"logit_bias":{"a":1}'), ErrorCode.INVALID_FIELD, "params.logit_bias"),
    (params('"logit_bias":{"1":101}'), ErrorCode.INVALID_FIELD, "params.logit_bias"),
    (params('"logit_bias":{"999999":1}'), ErrorCode.INVALID_FIELD, "params.logit_bias"),
    (generate(f'"raw":true,"prompt":"{"x" * 3000}"'), ErrorCode.CONTEXT_OVERFLOW, "prompt"),
    (said("user", "x" * 3000), ErrorCode.CONTEXT_OVERFLOW, "messages"),
    ('{"type":"cancel","id":"g0","all":true}', ErrorCode.INVALID_FIELD, "all"),
    ('{"type":"cancel","id":"nobody"}', ErrorCode.UNKNOWN_ID, "id"),
    ('{"type":"attach"}', ErrorCode.MISSING_FIELD, "id"),
    ('{"type":"attach","id":"nobody"}', ErrorCode.UNKNOWN_ID, "id"),
    ('{"type":"attach","id":"g0","after":-1}', ErrorCode.INVALID_FIELD, "after"),
    ('{"type":"detach","id":"nobody"}', ErrorCode.UNKNOWN_ID, "id"),
    ('{"type":"status","id":"nobody"}', ErrorCode.UNKNOWN_ID, "id"),
    (f'{{"type":"ping","nonce":"{"x" * 129}"}}', ErrorCode.INVALID_FIELD, "nonce"),
]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared_server() -> AsyncIterator[RunningServer]:
    """One server for all rows of the table."""
    async with serving(ScriptedModel()) as server:
        yield server


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("frame", "code", "named"), BAD, ids=[f"{index}-{code}-{named}" for index, (_, code, named) in enumerate(BAD)]
)
async def test_bad_input_is_reported_and_other_generations_continue(
    shared_server: RunningServer, no_errors_logged: None, frame: Frame, code: ErrorCode, named: str
) -> None:
    server = shared_server
    server.model.gate.close()
    async with server.peer() as peer:
        await peer.send(Generate(prompt="Hi"))
        running = (await peer.take(Accepted)).id
        await server.held()
        await peer.send(frame)
        (error,) = await peer.errors()
        server.model.gate.open()
        done = (await peer.until_done(running))[-1]
    assert error.code == code
    assert named in error.message
    assert "\n" not in error.message
    assert isinstance(done, Done)
    assert done.reason is DoneReason.STOP


async def test_an_overflow_is_reported_with_both_numbers(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(prompt="x" * 3000, raw=True))
        (error,) = await peer.errors()
    assert "3000" in error.message
    assert "2048" in error.message


async def test_a_prompt_that_leaves_room_for_one_token_is_answered(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send(Generate(id="g1", prompt="x" * 2047, raw=True))
        done = (await peer.until_done("g1"))[-1]
    assert isinstance(done, Done)
    assert (done.reason, done.usage.completion_tokens) == (DoneReason.LENGTH, 1)


async def test_the_good_messages_of_a_bad_frame_count(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send('{"type":"generate","id":"g1","prompt":"Hi"}\n{"type":"sing"}\n{"type":"generate","prompt":""}')
        await peer.until_done("g1")
        assert [error.code for error in await peer.errors()] == [ErrorCode.UNKNOWN_TYPE, ErrorCode.EMPTY_PROMPT]
