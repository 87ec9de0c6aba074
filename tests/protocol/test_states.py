"""Every transition in the state tables."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from protocol.errors import LocalProtocolError
from protocol.states import (
    CONNECTION,
    GENERATION,
    ConnectionEvent,
    ConnectionState,
    GenerationEvent,
    GenerationState,
    advance,
)

Table = Mapping[tuple[Any, Any], Any]
TABLES: list[tuple[Table, type[StrEnum], type[StrEnum], StrEnum, StrEnum]] = [
    (CONNECTION, ConnectionState, ConnectionEvent, ConnectionState.CONNECTING, ConnectionState.CLOSED),
    (GENERATION, GenerationState, GenerationEvent, GenerationState.QUEUED, GenerationState.DONE),
]


def reachable(table: Table, start: StrEnum) -> set[StrEnum]:
    seen, front = {start}, [start]
    while front:
        here = front.pop()
        for (state, _), following in table.items():
            if state is here and following not in seen:
                seen.add(following)
                front.append(following)
    return seen


@pytest.mark.parametrize(("table", "states", "events", "start", "end"), TABLES)
def test_every_state_and_event_is_in_use(
    table: Table, states: type[StrEnum], events: type[StrEnum], start: StrEnum, end: StrEnum
) -> None:
    assert reachable(table, start) == set(states)
    assert {event for _, event in table} == set(events)


@pytest.mark.parametrize(("table", "states", "events", "start", "end"), TABLES)
def test_the_end_is_reached_from_everywhere_and_not_left(
    table: Table, states: type[StrEnum], events: type[StrEnum], start: StrEnum, end: StrEnum
) -> None:
    assert all(end in reachable(table, state) for state in states)
    assert reachable(table, end) == {end}


@pytest.mark.parametrize(("table", "states", "events", "start", "end"), TABLES)
def test_advance_follows_the_table_and_refuses_the_rest(
    table: Table, states: type[StrEnum], events: type[StrEnum], start: StrEnum, end: StrEnum
) -> None:
    for state in states:
        for event in events:
            if (state, event) in table:
                assert advance(table, state, event) is table[state, event]
            else:
                with pytest.raises(LocalProtocolError, match=f"{event} is not possible in state {state}"):
                    advance(table, state, event)


def test_a_generation_can_end_in_every_phase() -> None:
    for phase in set(GenerationState) - {GenerationState.DONE}:
        assert advance(GENERATION, phase, GenerationEvent.END) is GenerationState.DONE


def test_a_usual_generation() -> None:
    state = GenerationState.QUEUED
    for event in (GenerationEvent.LOAD, GenerationEvent.READ, GenerationEvent.WRITE, GenerationEvent.END):
        state = advance(GENERATION, state, event)
    assert state is GenerationState.DONE


def test_the_socket_may_drop_at_any_moment() -> None:
    for state in ConnectionState:
        assert advance(CONNECTION, state, ConnectionEvent.DISCONNECT) is ConnectionState.CLOSED
