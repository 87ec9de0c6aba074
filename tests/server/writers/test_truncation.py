"""Messages that are kept of a dialogue that is too long for the context."""

import pytest

from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import CalledFunction, ChatMessage, Generate, Params, Role, ToolCall
from server.engine.worker import BatchingEngine
from server.writers.local_prompt import TokenizedPrompt, make_prompt
from server.writers.truncation import first_kept, room_for_prompt
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.writers.templates import template_of

FORM = "{% for m in messages %}[{{ m.role[0] }}:{{ m.content }}]{% endfor %}"
AROUND = len("[u:]")
CONTEXT = 400
"""Context of the scripted model, in tokens. Each byte is one token."""


@pytest.fixture
def engine() -> BatchingEngine:
    return BatchingEngine(ScriptedModel(context=CONTEXT))


def said(role: Role, content: str) -> ChatMessage:
    return ChatMessage(role=role, content=content)


def dialogue(turns: int, length: int = 20) -> list[ChatMessage]:
    """Return questions and answers of ``length`` characters, and a question at the end."""
    texts = [f"{number:04d}".ljust(length, ".") for number in range(2 * turns + 1)]
    return [said("assistant" if number % 2 else "user", text) for number, text in enumerate(texts)]


def asked(engine: BatchingEngine, messages: list[ChatMessage], source: str = FORM, **fields: object) -> TokenizedPrompt:
    body = Generate(messages=tuple(messages), **{"truncation": "auto", **fields})  # type: ignore[arg-type]
    return make_prompt(body, engine, template_of(source))


def rendered(*messages: ChatMessage) -> str:
    return "".join(f"[{message.role[0]}:{message.content}]" for message in messages)


def test_all_is_kept_that_fits(engine: BatchingEngine) -> None:
    messages = dialogue(4)
    found = asked(engine, messages)
    assert (bytes(found.tokens).decode(), found.dropped) == (rendered(*messages), 0)


def test_of_a_long_dialogue_the_system_prompt_and_the_newest_turns_are_kept(engine: BatchingEngine) -> None:
    system, messages = said("system", "Be brief."), dialogue(50)
    found = asked(engine, [system, *messages])
    assert found.dropped > 0 and messages[found.dropped].role == "user"
    assert bytes(found.tokens).decode() == rendered(system, *messages[found.dropped :])
    assert len(found.tokens) <= CONTEXT * 3 // 4


@pytest.mark.parametrize(
    ("max_tokens", "room"), [(None, 300), (10, 390), (1, 399), (150, 250), (200, 200), (5000, 200)]
)
def test_room_is_left_for_the_answer(engine: BatchingEngine, max_tokens: int | None, room: int) -> None:
    params = Params(max_tokens=max_tokens)
    assert room_for_prompt(Generate(prompt="x", params=params), CONTEXT) == room
    for turns in range(30):
        found = asked(engine, dialogue(turns), params=params)
        assert len(found.tokens) <= room
        assert found.dropped == 0 or len(found.tokens) > room // 2 - 2 * (20 + AROUND)


def test_the_beginning_stays_the_same_for_several_turns(engine: BatchingEngine) -> None:
    begins = [asked(engine, dialogue(turns)).dropped for turns in range(60)]
    assert begins == sorted(begins)
    assert len(set(begins)) <= 60 // 2


def test_the_newest_message_is_kept_though_it_leaves_less_room(engine: BatchingEngine) -> None:
    newest = said("user", "x" * (CONTEXT - AROUND - 1))
    found = asked(engine, [*dialogue(3)[:-1], newest])
    assert (found.dropped, bytes(found.tokens).decode()) == (6, rendered(newest))


@pytest.mark.parametrize("first", [[], [said("system", "s" * 300)]])
def test_a_newest_message_that_does_not_fit_is_refused(engine: BatchingEngine, first: list[ChatMessage]) -> None:
    length = CONTEXT if not first else 120
    with pytest.raises(RemoteProtocolError) as caught:
        asked(engine, [*first, *dialogue(3)[:-1], said("user", "x" * length)])
    assert caught.value.code is ErrorCode.CONTEXT_OVERFLOW


def test_nothing_is_left_out_where_that_is_not_wanted(engine: BatchingEngine) -> None:
    for truncation in (None, "disabled"):
        with pytest.raises(RemoteProtocolError) as caught:
            asked(engine, dialogue(50), truncation=truncation)
        assert caught.value.code is ErrorCode.CONTEXT_OVERFLOW


def test_a_template_that_writes_much_around_each_message_is_allowed_for(engine: BatchingEngine) -> None:
    wide = "{% for m in messages %}" + "-" * 50 + "{{ m.content }}{% endfor %}"
    found = asked(engine, dialogue(50), wide)
    assert CONTEXT // 4 < len(found.tokens) <= CONTEXT * 3 // 4
    assert len(found.tokens) % 70 == 0


def test_a_template_that_alone_is_too_long_is_refused(engine: BatchingEngine) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        asked(engine, dialogue(5), "-" * CONTEXT + FORM)
    assert caught.value.code is ErrorCode.CONTEXT_OVERFLOW


def test_thoughts_take_no_room_in_the_prompt(engine: BatchingEngine) -> None:
    messages = dialogue(3)
    messages[1] = said("assistant", f"<think>{'x' * 1000}</think>Yes.")
    assert asked(engine, messages).dropped == 0


def test_messages_of_one_turn_are_left_out_together(engine: BatchingEngine) -> None:
    messages = [said("user", "a" * 100), said("assistant", "b" * 100), said("assistant", "c" * 100)]
    messages += [said("user", "d" * 50), said("user", "e" * 50)]
    found = asked(engine, messages)
    assert (found.dropped, bytes(found.tokens).decode()) == (3, rendered(*messages[3:]))


def test_only_as_many_messages_are_looked_at_as_fit() -> None:
    looked: list[int] = []

    def size(place: int) -> float:
        looked.append(place)
        return 20.0

    messages = dialogue(1000)
    start = first_kept(messages, size, 300)
    assert 2001 - 15 <= start <= 2001 - 6 and len(looked) == 16


def test_calls_are_left_out_together_with_their_results(engine: BatchingEngine) -> None:
    """Each turn has a call, its result and an answer; whatever is left out ends before a message of the user."""
    messages: list[ChatMessage] = []
    for number in range(40):
        call = ToolCall(id=f"call_{number}", function=CalledFunction(name="add", arguments='{"a": 1}'))
        messages += [
            said("user", f"{number:04d}"),
            ChatMessage(role="assistant", content="", tool_calls=(call,)),
            ChatMessage(role="tool", content="2", tool_call_id=call.id),
            said("assistant", "Two."),
        ]
    for end in range(1, len(messages) + 1):
        if messages[end - 1].role in ("user", "tool"):
            dropped = asked(engine, messages[:end]).dropped
            assert messages[dropped].role == "user", end
    assert dropped > 0
