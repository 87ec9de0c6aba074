"""Each parameter's bounds, as the table has them: the last valid values are accepted, the next ones refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from protocol import codec
from protocol.errors import ErrorCode, RemoteProtocolError
from protocol.messages import Generate, Params
from protocol.parameter_table import PARAMETERS, Biases, JsonObject, Number, Texts, Values, Whole
from protocol.params import ParamsKeywords

TINY = 1e-9


def object_of(size: int) -> dict[str, str]:
    """An object of ``size`` bytes as JSON."""
    return {"x": "x" * (size - len('{"x":""}'))}


def accepted(values: Values) -> list[Any]:
    match values:
        case Number(low, high, above):
            return [low + TINY if above else low, high, None]
        case Whole(low, high):
            return [low, high, None]
        case Texts(fewest, most, longest):
            return [["é" * longest] * most, ["x"] * fewest, None]
        case Biases(most, low, high):
            return [{}, {str(token): low for token in range(most)}, {"9999999999": high}, None]
        case JsonObject(most):
            return [{}, object_of(most), None]


def refused(values: Values) -> list[Any]:
    match values:
        case Number(low, high, above):
            return [low if above else low - TINY, high + TINY, "1", True, [], {}]
        case Whole(low, high):
            return [low - 1, high + 1, low + 0.5, "1", True, [], {}]
        case Texts(fewest, most, longest):
            return [["x"] * (most + 1), ["x" * (longest + 1)], [""], [1], "x", 1, *([["x"] * (fewest - 1)] * fewest)]
        case Biases(most, low, high):
            many = {str(token): 0 for token in range(most + 1)}
            return [many, {"1": low - TINY}, {"1": high + TINY}, {"1": "1"}, {"x": 1}, {"1" * 11: 1}, [], 1]
        case JsonObject(most):
            return [object_of(most + 1), [], "x", 1]


def cases(values_of: Callable[[Values], list[Any]]) -> list[Any]:
    return [
        pytest.param(parameter.name, value, id=f"{parameter.name}-{number}")
        for parameter in PARAMETERS
        for number, value in enumerate(values_of(parameter.values))
    ]


def decoded(name: str, value: Any) -> Any:
    (result,) = codec.decode_client(
        json.dumps({"type": "generate", "id": "g1", "prompt": "x", "params": {name: value}})
    )
    return result


def test_fields_and_keywords_are_those_of_the_table() -> None:
    names = tuple(parameter.name for parameter in PARAMETERS)
    assert Params.__struct_fields__ == names
    assert tuple(ParamsKeywords.__annotations__) == names


@pytest.mark.parametrize(("name", "value"), cases(accepted))
def test_value_at_a_bound_is_accepted_and_survives_the_wire(name: str, value: Any) -> None:
    message = decoded(name, value)
    assert isinstance(message, Generate)
    read = getattr(message.params, name)
    assert (list(read) if isinstance(read, tuple) else read) == value
    assert codec.decode_client(codec.encode(message)) == [message]


@pytest.mark.parametrize(("name", "value"), cases(refused))
def test_value_beyond_a_bound_is_refused_by_name(name: str, value: Any) -> None:
    problem = decoded(name, value)
    assert isinstance(problem, RemoteProtocolError)
    assert (problem.code, problem.re, problem.id) == (ErrorCode.INVALID_FIELD, "generate", "g1")
    assert str(problem.field).startswith(f"params.{name}")
    assert str(problem.field) in problem.message
