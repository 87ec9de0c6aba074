"""The scripted engine, and the real server over it."""

import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from server.engine.worker import BatchingEngine
from tests.server.engine.scripted_model import ScriptedModel
from tests.server.transports.running import RunningServer, serving


@pytest.fixture
def model() -> ScriptedModel:
    """One answer at a time, 40 tokens long; a test closes its gate to hold it."""
    return ScriptedModel()


@pytest.fixture
def engine(model: ScriptedModel) -> Iterator[BatchingEngine]:
    """Not started: who starts it is what a test is about."""
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
    """A traceback in the server's log is a failure, whatever the client saw. ``caplog.clear()`` forgives."""
    yield
    logged = [*caplog.get_records("call"), *caplog.records]
    assert [record.getMessage() for record in logged if record.levelno >= logging.ERROR] == []
