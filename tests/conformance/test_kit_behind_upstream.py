"""The kit in front of a server whose model is behind another one, here a scripted upstream."""

from pathlib import Path
from typing import Any, Final

import pytest

from protocol.conformance.report import details
from protocol.conformance.runner import Outcome, run_cases
from protocol.conformance.script import Case, load_cases, select, those_for
from protocol.conformance.stage import Options
from tests.conformance.http_proxy import HttpFault, http_proxy
from tests.conformance.serving import QUEUE_LIMIT, SPECIAL, URLS, url_of
from tests.server.test_main import started
from tests.server.writers.upstream.scripted import Scripted
from tests.server.writers.upstream.scripted_reply import Reply, Seen

CASES: Final = [case for case in load_cases() if case.id not in SPECIAL]
PATIENT: Final = Options(deadline=60, slack=10)
STEP_SECONDS: Final = 0.0005
LONG: Final = " ".join(map(str, range(1, 201)))
ARGUMENTS: Final = {"turn_on": '{"lamp": "red", "bright": true}', "wait": '{"minutes": 5}'}

LOCAL: Final = {
    case.id for case in CASES if {"tokens", "steer", "tune", "draft", "alternatives", "fork"} & set(case.needs)
}
"""Cases about an engine of its own, which this server does not have, and about prompts refused for their length."""


def reply(seen: Seen) -> Reply:
    """Count to 200, or call the first function where one must be called."""
    calls = []
    if seen.body.get("tool_choice") == "required":
        name = seen.body["tools"][0]["function"]["name"]
        calls = [(name, ARGUMENTS[name])]
    return Reply(answer="" if calls else LONG, calls=calls, pace=STEP_SECONDS, logprobs=True)


async def outcomes(
    data: Path, kind: str, transport: Any, cases: list[Case], *options: str
) -> tuple[set[str], list[str]]:
    """Return the ids of the skipped cases, and the details of those that neither passed nor were skipped."""
    more = ("--queue", str(QUEUE_LIMIT), "--parallel", "2", *options)
    with Scripted(kind, reply) as scripted:
        async with started(str(data), "--upstream", scripted.url, *more) as (_, address):
            url = url_of(transport, int(address.rpartition(":")[2]))
            results = await run_cases(url, cases, PATIENT, jobs=6)
    good = (Outcome.PASSED, Outcome.SKIPPED)
    skipped = {result.case.id for result in results if result.outcome is Outcome.SKIPPED}
    return skipped, [details(result) for result in results if result.outcome not in good]


@pytest.mark.parametrize("transport", URLS)
async def test_behind_a_llama_server_only_cases_about_a_local_engine_are_skipped(
    tmp_path: Path, transport: Any
) -> None:
    cases = those_for(CASES, transport)
    cases = cases if transport == "websocket" else [each for n, each in enumerate(cases) if each.needs or n % 8 == 0]
    assert await outcomes(tmp_path, "llama-server", transport, cases) == (LOCAL & {case.id for case in cases}, [])


async def test_what_another_kind_cannot_do_is_skipped_and_the_rest_passes(tmp_path: Path) -> None:
    skipped, wrong = await outcomes(tmp_path, "openai", "websocket", those_for(CASES, "websocket"))
    assert wrong == []
    assert skipped >= {"context-overflow", "truncation", "reasoning-effort"}
    assert len(skipped) <= 38


async def test_a_server_that_names_context_and_does_not_have_it_is_caught(tmp_path: Path) -> None:
    fault = HttpFault("4.2/4", "names context", rb'"features":\[', b'"features":["context",')
    cases = select(those_for(CASES, "sse"), ["truncation", "conversation-context"])
    with Scripted("openai", reply) as scripted:
        async with started(str(tmp_path), "--upstream", scripted.url) as (_, address):
            async with http_proxy(int(address.rpartition(":")[2]), fault) as url:
                results = await run_cases(url, cases, PATIENT)
    assert {(each.case.id, each.outcome) for each in results} == {
        ("truncation", Outcome.FAILED),
        ("conversation-context", Outcome.FAILED),
    }
