"""Responses over a WebSocket with the official client: a chat of several turns, warm-up, lanes, steering."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI
from openai.types.responses import Response

from tests.docs.conftest import slowly
from tests.openai.conftest import TIMEOUT
from tests.openai.test_responses import whole

pytestmark = pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")
"""The client opens its socket in a way that the library of sockets is giving up."""

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")
FIXED: Any = {"temperature": 0, "max_output_tokens": 12, "seed": 7}


@contextlib.contextmanager
def connected(client: OpenAI) -> Iterator[Any]:
    options: Any = {"proxy": None, "open_timeout": TIMEOUT}
    with client.responses.connect(websocket_connection_options=options) as connection:
        yield connection


def create(connection: Any, text: Any, **fields: Any) -> None:
    connection.send({"type": "response.create", "input": text, **FIXED, **fields})


def events(connection: Any) -> list[Any]:
    """Return the events up to the end of a response, or an error."""
    found = [connection.recv()]
    while found[-1].type not in ENDS:
        found.append(connection.recv())
    return found


def response(connection: Any) -> Response:
    """Return the next response that has ended, checked against the client's types."""
    return Response.model_validate(events(connection)[-1].response.model_dump())


def test_the_answer_is_that_of_a_request(client: OpenAI) -> None:
    with connected(client) as connection:
        create(connection, "Hello", stream=True)
        found = events(connection)
    assert [event.sequence_number for event in found] == list(range(len(found)))
    text = "".join(event.delta for event in found if event.type == "response.output_text.delta")
    assert text == found[-1].response.output_text == whole(client).output_text


def test_a_chat_of_several_turns_after_a_warm_up(client: OpenAI) -> None:
    instructions = "Answer with few words. " * 10
    with connected(client) as connection:
        create(connection, [], instructions=instructions, generate=False, store=False, tools=[{"type": "web_search"}])
        warm = response(connection)
        assert (warm.status, warm.output, warm.id.startswith("resp_")) == ("completed", [], True)
        before = warm
        for text in ("Hello", "Go on", "And then?"):
            create(connection, text, instructions=instructions, store=False, previous_response_id=before.id)
            turn = response(connection)
            assert turn.output_text and turn.previous_response_id == before.id
            assert turn.usage and turn.usage.input_tokens_details.cached_tokens > 0
            before = turn


def test_two_lanes_answer_both(client: OpenAI) -> None:
    with connected(client) as connection:
        for lane in ("a", "b"):
            create(connection, f"Hello {lane}", stream_id=lane)
        found: dict[str, list[Any]] = {"a": [], "b": []}
        while not all(lane and lane[-1].type in ENDS for lane in found.values()):
            event = connection.recv()
            found[event.stream_id].append(event)
    for lane, its in found.items():
        assert [event.sequence_number for event in its] == list(range(len(its)))
        assert its[-1].response.output_text == whole(client, input=f"Hello {lane}").output_text


def test_an_error_is_an_event_and_the_socket_stays_open(client: OpenAI) -> None:
    with connected(client) as connection:
        create(connection, "Hello", previous_response_id="resp_nobody")
        (error,) = events(connection)
        assert (error.type, error.status, error.error.code) == ("error", 400, "previous_response_not_found")
        create(connection, "Hello")
        assert response(connection).output_text


def test_a_running_answer_is_steered(client: OpenAI, slow_file: Path) -> None:
    with connected(client) as connection:
        with slowly(slow_file):
            create(connection, "Tell me a story", max_output_tokens=2000)
            created = connection.recv()
            while connection.recv().type != "response.output_text.delta":
                pass
            connection.response.steer(input="Say hello instead", previous_response_id=created.response.id)
            steered = response(connection)
        following = response(connection)
    assert (steered.id, steered.status) == (created.response.id, "incomplete")
    assert steered.incomplete_details and steered.incomplete_details.model_dump()["reason"] == "steered"
    assert following.previous_response_id == steered.id
    assert [item.type for item in client.responses.input_items.list(following.id)] == ["message"] * 3
