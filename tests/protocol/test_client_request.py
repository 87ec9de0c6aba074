"""The `generate` message that the Python client's keywords make."""

from msgspec import UNSET

from protocol.client_request import Asking, generate_request
from protocol.codec import decode_client, encode
from protocol.messages import Generate, Params, Tool, ToolFunction, ToolResult


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


def test_tools_and_results_may_be_lists_of_objects() -> None:
    result, tool = {"tool_call_id": "c", "content": "2"}, {"function": {"name": "add"}}
    asking: Asking = {"conversation": "c1", "parent": "g0", "results": [result], "tools": [tool]}
    (sent,) = decode_client(encode(generate_request(None, "g1", False, UNSET, asking)))
    results, tools = (ToolResult(tool_call_id="c", content="2"),), (Tool(function=ToolFunction(name="add")),)
    assert sent == Generate(id="g1", conversation="c1", parent="g0", results=results, tools=tools)
