"""Stored responses with the official client: read again, continued, in the background, resumed, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response, ResponseItemList

from tests.docs.conftest import slowly
from tests.openai.test_responses import FIXED, whole


@pytest.fixture
def slow(slow_file: Path) -> Iterator[None]:
    """Slow and endless answers, so that a test can stop them."""
    with slowly(slow_file):
        yield


def test_a_response_is_read_again(client: OpenAI) -> None:
    made = whole(client, metadata={"a": "b"})
    assert client.responses.retrieve(made.id) == made


def test_the_next_response_continues_the_one_before(client: OpenAI) -> None:
    first = whole(client)
    second = whole(client, input="Go on", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    page = client.responses.input_items.list(second.id, order="asc", limit=2)
    ResponseItemList.model_validate({**page.model_dump(), "object": "list"})
    assert page.has_more
    items: list[Any] = list(page)
    assert [item.role for item in items] == ["user", "assistant", "user"]
    assert items[1].content[0].text == first.output_text
    assert [item.id for item in client.responses.input_items.list(second.id)] == [item.id for item in items][::-1]
    repeated = [{"role": item.role, "content": item.content[0].text} for item in items]
    assert whole(client, input=repeated).output_text == second.output_text


def test_a_response_in_the_background_is_polled(client: OpenAI, slow_file: Path) -> None:
    with slowly(slow_file):
        response = whole(client, background=True, max_output_tokens=40)
    assert (response.status in ("queued", "in_progress"), response.background) == (True, True)
    events = list(client.responses.retrieve(response.id, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    ended = client.responses.retrieve(response.id)
    assert ended.status in ("completed", "incomplete")
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == ended.output_text != ""


def test_a_cut_stream_is_read_on(client: OpenAI) -> None:
    stream = client.responses.create(input="Hello", background=True, stream=True, **FIXED)
    before = [next(iter(stream)) for _ in range(5)]
    stream.close()
    created: Any = before[0]
    after = list(client.responses.retrieve(created.response.id, stream=True, starting_after=before[-1].sequence_number))
    events = before + after
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == client.responses.retrieve(created.response.id).output_text != ""


def test_a_running_response_is_stopped(client: OpenAI, slow: None) -> None:
    response = client.responses.create(input="Hello", background=True, model="any")
    stopped = client.responses.cancel(response.id)
    assert (stopped.status, stopped.id) == ("cancelled", response.id)
    assert client.responses.cancel(response.id) == stopped
    Response.model_validate(stopped.model_dump())


def test_a_deleted_response_is_gone(client: OpenAI) -> None:
    made = whole(client)
    client.responses.delete(made.id)
    for use in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
        with pytest.raises(NotFoundError) as gone:
            use(made.id)
        assert (gone.value.code, gone.value.param) == ("not_found", "response_id")


def test_a_response_that_is_not_stored_can_not_be_continued(client: OpenAI) -> None:
    made = whole(client, store=False)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(BadRequestError) as refused:
        whole(client, previous_response_id=made.id)
    assert (refused.value.code, refused.value.param) == ("previous_response_not_found", "previous_response_id")


def test_tokens_are_counted(client: OpenAI) -> None:
    counted = client.responses.input_tokens.count(input="Hello", model="any")
    usage = whole(client).usage
    assert usage and counted.input_tokens == usage.input_tokens


def test_a_wrong_query_is_named(client: OpenAI) -> None:
    made = whole(client)
    for path, param in (
        ("?stream=maybe", "stream"),
        ("?starting_after=1", "starting_after"),
        ("?stream=true&starting_after=-1", "starting_after"),
        ("?stream=true&starting_after=x", "starting_after"),
        ("/input_items?limit=101", "limit"),
        ("/input_items?order=up", "order"),
        ("/input_items?after=nobody", "after"),
    ):
        with pytest.raises(BadRequestError) as refused:
            client.get(f"/responses/{made.id}{path}", cast_to=object)
        assert refused.value.param == param
