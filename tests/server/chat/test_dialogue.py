"""Other forms of a dialogue: none loses a word."""

from hypothesis import given
from hypothesis import strategies as st

from server.chat.dialogue import (
    begun_by_user,
    variants,
    with_neighbours_merged,
    with_system_first,
    without_empty_answers,
    without_system,
)
from server.chat.prompt import Message

Dialogue = list[dict[str, str]]


def dialogue(form: str) -> Dialogue:
    """Parse a dialogue: ``s1 u2 a`` is a system message "1", a user's message "2", an empty answer."""
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [{"role": roles[word[0]], "content": word[1:]} for word in form.split()]


def test_answers_without_text_are_left_out() -> None:
    blank = {"role": "assistant", "content": " \n"}
    assert without_empty_answers([*dialogue("u1 a u2"), blank]) == dialogue("u1 u2")
    thought = {"role": "assistant", "content": "", "reasoning_content": "hm"}
    assert without_empty_answers([thought]) == [thought]


def test_neighbours_of_one_role_are_merged_with_a_blank_line() -> None:
    merged = [{"role": "user", "content": "1\n\n2"}, {"role": "assistant", "content": "3"}]
    assert with_neighbours_merged(dialogue("u1 u2 a3")) == merged
    assert with_neighbours_merged(dialogue("u1 u u2"))[0]["content"] == "1\n\n2"


def test_merged_messages_keep_their_further_fields() -> None:
    messages = [{"role": "assistant", "content": "1", "thinking": "a"}, {"role": "assistant", "content": "2"}]
    assert with_neighbours_merged(messages) == [{"role": "assistant", "content": "1\n\n2", "thinking": "a"}]


def test_all_system_messages_become_the_first() -> None:
    assert with_system_first(dialogue("u1 s2 a3 s4")) == [
        {"role": "system", "content": "2\n\n4"},
        *dialogue("u1 a3"),
    ]


def test_system_messages_become_the_users() -> None:
    assert without_system(dialogue("s1 u2 a3 s4")) == [
        {"role": "user", "content": "1\n\n2"},
        *dialogue("a3"),
        {"role": "user", "content": "4"},
    ]


def test_the_user_greets_where_the_assistant_began() -> None:
    assert begun_by_user(dialogue("s1 a2 u3")) == dialogue("s1 uHello. a2 u3")
    assert begun_by_user(dialogue("s1 u2")) == dialogue("s1 u2")
    assert begun_by_user([]) == []


def test_the_dialogue_itself_is_tried_first_and_nothing_twice() -> None:
    messages = dialogue("s1 u2 u3 a4 u5")
    found: list[list[Message]] = [list(variant) for _, variant in variants(messages)]
    assert found[0] == messages
    assert all(variant not in found[:place] for place, variant in enumerate(found))
    assert len(list(variants(dialogue("u1 a2 u3")))) == 1


@given(form=st.lists(st.sampled_from(["s", "u", "a", "uu"]), min_size=1, max_size=8))
def test_every_way_has_every_word(form: list[str]) -> None:
    messages = dialogue(" ".join(f"{word[0]}<{place}>" for place, word in enumerate(form)))
    for _, variant in variants(messages):
        text = "".join(message["content"] for message in variant)
        assert all(text.count(message["content"]) == 1 for message in messages)
