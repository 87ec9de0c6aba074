"""The parts of ``streamui chat`` that need no terminal."""

import re
from pathlib import Path

import pytest

from protocol.messages import (
    Accepted,
    CalledFunction,
    ChatMessage,
    Done,
    DoneReason,
    GenerationState,
    ModelEntry,
    Status,
    Timings,
    ToolCall,
    Usage,
)
from server.terminal.answering import ProgressRemarks, printable, summary
from server.terminal.chat_command import _address as address
from server.terminal.commands import CommandError, Commands, Quit
from server.terminal.conversation import TerminalConversation
from server.terminal.parameters import ParameterError, parse, parse_pair
from server.terminal.places import Places

PLACES = Places(lambda *asked: (), lambda id: [])


def done(tokens: int, decode: float | None, reason: DoneReason = DoneReason.STOP) -> Done:
    return Done(
        id="g1",
        seq=1,
        reason=reason,
        phase=GenerationState.DECODE,
        usage=Usage(prompt_tokens=1, cached_tokens=0, completion_tokens=tokens),
        timings=Timings(total=1, decode=decode),
        chars=0,
        sha256="0" * 64,
    )


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (done(312, 6479.2), "312 tokens · 48 tokens/s"),
        (done(11, 2000), "11 tokens · 5.0 tokens/s"),
        (done(1, 0), "1 token"),
        (done(0, None, DoneReason.CANCELLED), "0 tokens · stopped"),
        (done(100, 1000, DoneReason.LENGTH), "100 tokens · 99 tokens/s · at the limit"),
    ],
)
def test_the_summary(end: Done, text: str) -> None:
    assert summary(end) == text


def test_a_model_cannot_give_orders_to_the_terminal() -> None:
    assert printable("a\x1b]0;title\x07b\x9b31m\tc\r\nd\x7f é🙂") == "a]0;titleb31m\tc\nd é🙂"


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws"),
        ("http://127.0.0.1:8000/chat", "ws://127.0.0.1:8000/chat/ws"),
        ("https://example.org/tools/chat/", "wss://example.org/tools/chat/ws"),
        ("https://example.org/chat/ws", "wss://example.org/chat/ws"),
        ("ws://example.org/elsewhere", "ws://example.org/elsewhere"),
        ("localhost:8000/", "ws://localhost:8000/ws"),
        ("ws://[::1]:8000/ws?a=1", "ws://[::1]:8000/ws?a=1"),
    ],
)
def test_the_address(typed: str, url: str) -> None:
    assert address(typed) == url


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0.5", 0.5),
        ("top-k", "5", 5),
        ("stop", "END", ["END"]),
        ("stop", "42", ["42"]),
        ("stop", '"a b"', ["a b"]),
        ("stop", '["a","b"]', ["a", "b"]),
        ("dry_sequence_breakers", "END", ["END"]),
        ("logit_bias", '{"5":-100}', {"5": -100}),
    ],
)
def test_parameters(name: str, text: str, value: object) -> None:
    assert parse(name, text) == value
    assert parse_pair(f"{name}={text}") == (name.replace("-", "_"), value)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("temperature", "3", "temperature must be a number from 0 to 2"),
        ("temperature", "NaN", "temperature must be"),
        ("temperature", "warm", "temperature must be"),
        ("max_tokens", "0", "max_tokens must be"),
        ("heat", "1", "unknown parameter 'heat'; use one of temperature, "),
    ],
)
def test_bad_parameters(name: str, text: str, told: str) -> None:
    with pytest.raises(ParameterError) as caught:
        parse(name, text)
    assert told in str(caught.value)


def test_conversation_keeps_question_and_answer() -> None:
    conversation = TerminalConversation("Be brief", {"seed": 3})
    assert [message.role for message in conversation.asking("Hi")] == ["system", "user"]
    conversation.answered("Hi", ())
    conversation.answered("Hi", [ChatMessage(role="assistant", content="Ho")])
    assert [message.content for message in conversation.messages] == ["Be brief", "Hi", "Ho"]
    conversation.clear()
    assert [message.content for message in conversation.messages] == ["Be brief"]
    assert conversation.sampling == {"seed": 3}


def test_save_overwrites_only_what_it_wrote(tmp_path: Path) -> None:
    conversation = TerminalConversation(None, {})
    conversation.answered("Hi", [ChatMessage(role="assistant", content="Ho\n")])
    commands = Commands(conversation, PLACES)
    path = tmp_path / "chat.md"
    assert commands.run(f"/save {path}") == f"2 messages written to {path}"
    assert path.read_text() == "## You\n\nHi\n\n## Assistant\n\nHo\n"
    commands.run(f"/save {path}")
    (tmp_path / "mine.md").write_text("precious")
    for name in ("mine.md", "no/such/folder/chat.md"):
        with pytest.raises(CommandError, match="can't be written"):
            commands.run(f"/save {tmp_path / name}")
    assert (tmp_path / "mine.md").read_text() == "precious"


def test_the_model_command_chooses_a_model_and_lists_them() -> None:
    conversation = TerminalConversation(None, {"seed": 3}, "one")
    models = [
        ModelEntry(name="one", state="loaded", context=2048, title="A Title"),
        ModelEntry(name="two", state="on_disk", context=8192, needs=3 << 30),
        ModelEntry(name="three", state="downloading", done=40 << 20, total=94 << 20),
    ]
    commands = Commands(conversation, PLACES, lambda: models)
    assert (conversation.sampling, conversation.model) == ({"seed": 3}, "one")
    assert commands.run("/model").splitlines() == [
        "one: loaded, 2048 tokens of context",
        "two: on disk, 8192 tokens of context, needs 3.0 GiB",
        "three: downloading, 40 MiB of 94 MiB",
    ]
    assert commands.run("/model two") == "two answers from now on"
    assert conversation.model == "two"
    for unknown in ("thre", "on", "other/four"):
        with pytest.raises(CommandError) as caught:
            commands.run(f"/model {unknown}")
        nearest = {"thre": "'three', 'one', 'two'", "on": "'one', 'two', 'three'"}.get(unknown, "")
        assert str(caught.value).startswith(f"this server has no model {unknown!r}; it has {nearest}")
        assert conversation.model == "two"
    for known in ("folder/one", "ONE", "A Title"):
        assert commands.run(f"/model {known}") == f"{known} answers from now on"
    assert Commands(conversation, PLACES).run("/model") == "this server has only one model"


def test_loading_is_remarked_once_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    loading = ProgressRemarks()
    for done in (0, 5, 50, 100):
        loading.show(Status(id="g1", state=GenerationState.LOADING, done=done, total=100))
    assert capsys.readouterr().err == "loading the model\n"


def test_the_queue_and_a_long_prompt_are_shown_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Accepted | Status] = [
        Accepted(id="g1", epoch="e", position=2),
        Status(id="g1", state=GenerationState.QUEUED, position=2),
        Status(id="g1", state=GenerationState.QUEUED, position=1),
        Status(id="g1", state=GenerationState.QUEUED, position=0),
        *(Status(id="g1", state=GenerationState.PREFILL, done=done, total=1000) for done in (0, 100, 250, 300, 1000)),
        Status(id="g1", state=GenerationState.PREFILL, done=50, total=100),
        Status(id="g1", state=GenerationState.PREFILL),
        Status(id="g1", state=GenerationState.DECODE),
    ]
    for is_terminal, shown in (
        (False, []),
        (True, ["waiting for 2 other answers", "waiting for 1 other answer", "reading the prompt: 25 %"]),
    ):
        monkeypatch.setattr("sys.stderr.isatty", lambda is_terminal=is_terminal: is_terminal)
        progress = ProgressRemarks()
        for event in events:
            progress.show(event)
        assert re.findall(r"(?:waiting|reading)[^\x1b]*", capsys.readouterr().err) == shown


def test_loading_is_remarked_by_tenths_in_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    loading = ProgressRemarks()
    for done in (0, 5, 50, 55, 100):
        loading.show(Status(id="g1", state=GenerationState.LOADING, done=done, total=100))
    assert re.findall(r"model[^\x1b]*", capsys.readouterr().err) == ["model", "model: 50 %", "model: 100 %"]


def test_commands() -> None:
    conversation = TerminalConversation(None, {})
    commands = Commands(conversation, PLACES)
    commands.run("/system Be brief")
    assert conversation.system == "Be brief"
    commands.run("/system")
    assert conversation.system is None
    commands.run("/set top-k 5")
    assert conversation.parameters == {"top_k": 5}
    commands.run("/set top_k")
    assert conversation.parameters == {}
    text = commands.run("/help")
    assert all(name in text for name in commands.names if name != "/help")
    with pytest.raises(Quit):
        commands.run("/quit")
    for bad in ("/", "/sing", "/set", "/save", "/set heat 3"):
        with pytest.raises(CommandError):
            commands.run(bad)


CALL = ToolCall(id="c", function=CalledFunction(name="add", arguments="{}"))


def test_functions_are_read_from_a_file(tmp_path: Path) -> None:
    conversation = TerminalConversation(None, {})
    commands, file = Commands(conversation, PLACES), tmp_path / "functions.json"
    for text in ('{"name": "add"}', '[{"type": "function", "function": {"name": "add"}}]'):
        file.write_text(text)
        assert commands.run(f"/tools {file}") == "the model may call add"
        assert [tool.function.name for tool in conversation.tools] == ["add"]
    assert commands.run("/tools") == "no functions"
    assert conversation.tools == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "no functions in JSON"),
        ("[1]", "no functions in JSON"),
        ('[{"name": "a b"}]', "no functions in JSON"),
        ('[{"name": "add"}, {"name": "add"}]', "two functions have the name add"),
        (str([{"name": f"f{number}"} for number in range(129)]).replace("'", '"'), "129 functions; the maximum is 128"),
    ],
)
def test_file_without_valid_functions_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(CommandError, match=named):
        Commands(TerminalConversation(None, {}), PLACES).run(f"/tools {tmp_path / 'bad.json'}")


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be read"):
        Commands(TerminalConversation(None, {}), PLACES).run(f"/tools {tmp_path / 'none.json'}")


def test_calls_are_saved(tmp_path: Path) -> None:
    conversation = TerminalConversation(None, {})
    result = ChatMessage(role="tool", content="2", tool_call_id="c")
    conversation.answered("Hi", [ChatMessage(role="assistant", content="", tool_calls=(CALL,)), result])
    conversation.save(tmp_path / "chat.md")
    assert (tmp_path / "chat.md").read_text() == "## You\n\nHi\n\n## Assistant\n\n`add {}`\n\n## Result\n\n2\n"
