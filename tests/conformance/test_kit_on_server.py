"""Every case passes on the real server, on every transport that it applies to.

On the scripted engine each case is a test; on the starter model all cases are one test.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from protocol.conformance.report import details
from protocol.conformance.runner import Outcome, run_case, run_cases
from protocol.conformance.script import Case, Compare, Expect, Step, Transport, load_cases, those_for
from protocol.conformance.stage import Options
from server.writers.model_writers import ModelWriters
from tests.conformance.broken import TakesAnyModel
from tests.conformance.proxy import Fault, Message, proxy
from tests.conformance.serving import (
    DOWNLOADING,
    LOADING,
    QUEUE_LIMIT,
    SPECIAL,
    URLS,
    PacedModel,
    streamui_serve,
    url_of,
)
from tests.server.transports.running import serving
from tests.server.writers.model_disk import ModelDisk

CASES = load_cases()
PATIENT = Options(deadline=60, slack=10)
(LOADING_CASE,) = [case for case in CASES if case.id == LOADING]
(DOWNLOADING_CASE,) = [case for case in CASES if case.id == DOWNLOADING]

PAIRS = [
    pytest.param(t, case, id=f"{t}-{case.id}") for t in URLS for case in those_for(CASES, t) if case.id not in SPECIAL
]


@pytest.mark.parametrize(("transport", "case"), PAIRS)
async def test_case_passes_on_the_scripted_model(scripted_port: int, transport: Transport, case: Case) -> None:
    result = await run_case(url_of(transport, scripted_port), case, PATIENT)
    assert result.outcome is Outcome.PASSED, details(result)


async def test_generations_left_by_a_case_end_before_the_next() -> None:
    (case,) = [case for case in CASES if case.id == "full-queue"]
    async with serving(PacedModel(slots=2, answer_tokens=200), queue_limit=QUEUE_LIMIT) as server:
        result = await run_case(url_of("websocket", server.port), case, PATIENT)
        assert server.registry.active == []
    assert result.outcome is Outcome.PASSED, details(result)


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
async def test_cases_pass_on_a_server_with_two_models(every: int) -> None:
    one, two = (PacedModel(slots=2, answer_tokens=200) for _ in range(2))
    two.facts = replace(two.facts, name="Two")
    async with serving(one, queue_limit=QUEUE_LIMIT, others=(two,)) as server:
        for offset, transport in enumerate(URLS):
            cases = those_for(CASES, transport)
            wanted = [case for case in cases if "model" in case.id or case in cases[offset % every :: every]]
            wanted = [case for case in wanted if case.id not in SPECIAL]
            results = await run_cases(url_of(transport, server.port), wanted, PATIENT, jobs=6)
            assert [details(result) for result in results if result.outcome is not Outcome.PASSED] == []


@pytest.mark.parametrize("transport", URLS)
async def test_cases_of_models_pass_on_a_server_that_loads_them(transport: Transport) -> None:
    disk = ModelDisk(small=1, big=1)
    disk.make = lambda: PacedModel(slots=2, answer_tokens=200)
    async with serving(PacedModel(slots=2, answer_tokens=200), queue_limit=QUEUE_LIMIT, disk=disk) as server:
        url = url_of(transport, server.port)
        first = await run_case(url, LOADING_CASE, PATIENT)
        others = [case for case in those_for(CASES, transport) if "model" in case.id and case.id not in SPECIAL]
        results = [first, *await run_cases(url, others, PATIENT, jobs=6)]
        assert [details(result) for result in results if result.outcome is not Outcome.PASSED] == []


class DownloadUntold(Fault):
    """Says of a model that is being downloaded neither how much is here nor its size."""

    rule = "5.1"

    def said(self, message: Message) -> list[Message]:
        if message["type"] != "welcome":
            return [message]
        models = [{key: each[key] for key in each if key not in ("done", "total")} for each in message["models"]]
        return [{**message, "models": models}]


@contextlib.asynccontextmanager
async def downloading_server() -> AsyncIterator[int]:
    """Run a server that downloads a model; yields its port."""
    async with serving(PacedModel(slots=2, answer_tokens=200), disk=ModelDisk()) as server:
        writer = server.registry.writer
        assert isinstance(writer, ModelWriters)
        writer.downloading("small", (40, 100))
        yield server.port


@pytest.mark.parametrize("transport", URLS)
async def test_the_case_of_a_download_passes_on_a_server_that_downloads(transport: Transport) -> None:
    async with downloading_server() as port:
        result = await run_case(url_of(transport, port), DOWNLOADING_CASE, PATIENT)
    assert result.outcome is Outcome.PASSED, details(result)


@pytest.mark.parametrize(("fault", "step"), [(TakesAnyModel, Expect), (DownloadUntold, Compare)])
async def test_a_broken_server_that_downloads_is_caught(fault: type[Fault], step: type[Step]) -> None:
    """The first one sends nothing that the case waits for, so the deadline is short."""
    async with downloading_server() as port, proxy(f"ws://127.0.0.1:{port}/ws", fault) as broken:
        result = await run_case(url_of("websocket", broken), DOWNLOADING_CASE, Options(deadline=3))
    assert result.outcome is Outcome.FAILED, details(result)
    assert isinstance(DOWNLOADING_CASE.steps[result.step - 1], step), details(result)


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
async def test_no_case_fails_on_the_starter_model(tmp_path: Path, every: int) -> None:
    """A case may be inconclusive: on a busy machine the model can end each of its answers before the kit stops it."""
    with streamui_serve(tmp_path) as port:
        for offset, transport in enumerate(URLS):
            cases = those_for(CASES, transport)[offset % every :: every]
            results = await run_cases(url_of(transport, port), cases, PATIENT, jobs=6)
            assert [details(result) for result in results if result.outcome is Outcome.FAILED] == []


def test_a_case_that_is_not_for_all_transports_says_why() -> None:
    assert [case.id for case in CASES if bool(case.why) == (set(case.transports) == set(URLS))] == []


def test_few_cases_are_for_websockets_only() -> None:
    assert all(len(those_for(CASES, transport)) >= 160 for transport in URLS)
