"""Descriptions of a field's allowed values."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import inspect

from protocol.expected import bare, describe, field_of, names_of, plain
from protocol.messages import AttachPoint, Cancel, Id, Params, Role


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (str, "a string"),
        (int, "a whole number"),
        (Annotated[int, msgspec.Meta(title="untold")], "a whole number"),
        (float, "a number"),
        (bool | None, "true or false"),
        (tuple[int, ...], "a list"),
        (dict[str, int], "an object"),
        (int | str, "an object"),
        (Cancel, "an object"),
        (Id | None, "a string of 1 to 64 of A-Z a-z 0-9 . _ -"),
        (Role, 'one of "assistant", "system", "tool", "user"'),
        (Annotated[float, msgspec.Meta(ge=0, le=2)], "a number from 0 to 2"),
        (Annotated[float, msgspec.Meta(gt=0, le=2)], "a number above 0 and up to 2"),
        (Annotated[int, msgspec.Meta(ge=-1, le=2**32 - 1)], "a whole number from -1 to 4294967295"),
        (Annotated[str, msgspec.Meta(max_length=9)], "a string of at most 9 characters"),
        (Annotated[str, msgspec.Meta(min_length=2, max_length=9)], "a string of 2 to 9 characters"),
        (Annotated[tuple[int, ...], msgspec.Meta(min_length=1)], "a list of at least 1 items"),
        (Annotated[dict[str, int], msgspec.Meta(max_length=5)], "an object of at most 5 entries"),
    ],
)
def test_types_without_a_range(type_: Any, words: str) -> None:
    assert describe(inspect.type_info(type_)) == words


def test_plain_leaves_a_real_choice_alone() -> None:
    choice = inspect.type_info(int | str | None)
    assert plain(choice) is choice


def test_the_fields_of_an_object() -> None:
    point = inspect.type_info(AttachPoint | None)
    assert names_of(point) == ["id", "epoch", "after"]
    field = field_of(point, "after")
    assert field is not None and field.default == 0
    assert field_of(point, "nope") is None


def test_type_that_is_no_object_has_no_fields() -> None:
    words = inspect.type_info(Annotated[str, msgspec.Meta(description="words")])
    assert (names_of(words), field_of(words, "id")) == ([], None)
    assert isinstance(bare(words), inspect.StrType)
    assert isinstance(bare(inspect.type_info(Params | None)), inspect.StructType)
