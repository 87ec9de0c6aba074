"""Fixtures: the scripted engine, and the real server over it."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from server.engine.worker import BatchingEngine
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving


@pytest.fixture
def model() -> ScriptedModel:
    """Model that writes one answer at a time, of 40 tokens. A test closes its gate to pause it."""
    return ScriptedModel()


@pytest.fixture
def engine(model: ScriptedModel) -> Iterator[BatchingEngine]:
    """An engine that the test must start."""
    engine = BatchingEngine(model)
    yield engine
    model.gate.open()
    engine.close()


@pytest.fixture
async def server(model: ScriptedModel, no_errors_logged: None) -> AsyncIterator[RunningServer]:
    async with serving(model) as server:
        yield server


@pytest.fixture
async def wide_server(no_errors_logged: None) -> AsyncIterator[RunningServer]:
    """A server that computes three answers at the same time."""
    async with serving(ScriptedModel(slots=3)) as server:
        yield server


@pytest.fixture
def no_errors_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail if the server logs a traceback, whatever the client received. ``caplog.clear()`` allows one."""
    yield
    logged = [*caplog.get_records("call"), *caplog.records]
    assert [record.getMessage() for record in logged if record.levelno >= logging.ERROR] == []
