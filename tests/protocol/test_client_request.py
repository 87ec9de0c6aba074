"""The `generate` message that the Python client's keywords make."""

from msgspec import UNSET

from protocol.client_request import Asking, generate_request
from protocol.messages import Params


def params_of(asking: Asking) -> Params:
    return generate_request("Hi", "g1", False, UNSET, asking).params


def test_single_string_is_a_list_of_one() -> None:
    assert params_of({"stop": "a", "dry_sequence_breakers": "b"}) == Params(stop=("a",), dry_sequence_breakers=("b",))


def test_list_and_none_are_kept() -> None:
    assert params_of({"stop": ("a", "b"), "dry_sequence_breakers": None}) == Params(stop=("a", "b"))


def test_temporary_is_a_field_of_the_message() -> None:
    assert generate_request("Hi", "g1", False, UNSET, {"temporary": True}).temporary
    assert not generate_request("Hi", "g1", False, UNSET, {}).temporary


def test_model_is_a_field_of_the_message() -> None:
    request = generate_request("Hi", "g1", False, UNSET, {"model": "Qwen 3", "seed": 1})
    assert (request.model, request.params.seed) == ("Qwen 3", 1)
