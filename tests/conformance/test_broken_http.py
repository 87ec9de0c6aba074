"""The kit catches servers that break one rule of HTTP each, and finds no other fault."""

import pytest

from protocol.conformance.report import details
from protocol.conformance.runner import Outcome, run_cases
from protocol.conformance.script import load_cases, select, those_for
from protocol.conformance.stage import Options
from tests.conformance.http_proxy import HttpFault, http_proxy
from tests.conformance.serving import SPECIAL

CASES = [case for case in those_for(load_cases(), "sse") if case.id not in SPECIAL]
DEADLINES = (3.0, 60.0)
"""Deadlines that are tried in turn, in seconds: on a busy machine a short one can pass before the broken message."""

NOTHING = HttpFault("", "breaks nothing", b"$^", b"")
FAULTS = (
    HttpFault("13.1/1", "takes any content type", b"content-type: text/plain", b"content-type: application/json", True),
    HttpFault("13.1/2", "refuses with 200", b"^HTTP/1.1 400 ", b"HTTP/1.1 200 "),
    HttpFault("13.1/2", "refuses in words of its own", b'{"type":"error"', b'{"type":"fault"'),
    HttpFault("13.2/1", "counts its connections", b'"connection":"[^"]*"', b'"connection":"17"'),
    HttpFault("13.2/2", "drops what is too long", b"^HTTP/1.1 413 [^$]*", b"HTTP/1.1 204 X\r\n\r\n"),
    HttpFault("13.2/3", "takes what nobody will read", b"^HTTP/1.1 404 [^$]*", b"HTTP/1.1 204 X\r\n\r\n"),
    HttpFault("13.3/1", "has a name of its own", b"event: token", b"event: delta"),
    HttpFault("13.6/1", "numbers without the epoch", rb"\bid: [0-9a-f]+:", b"id: "),
    HttpFault("13.6/1", "has no ids", rb"\bid: [^\n]*\n", b""),
    HttpFault("14.4/1", "gives each conversation a title", b'"settings": {}', b'"title": "New"', True),
    HttpFault("14.1", "forgets how much to think", b'"reasoning_effort":"low"', b'"reasoning_effort":"high"'),
    HttpFault("6.11/2", "stores what shall be temporary", b'"temporary": true', b'"temporary":false', True),
    HttpFault("14.3/2", "replaces a text that has changed", b'"was": "Not this one."', b'"was":            null', True),
    HttpFault("14.3", "gives the copy of a branch the same title", rb" \(branch\)", b""),
    HttpFault("14.1", "forgets whose result it is", b'"tool_call_id":', b'"call":'),
    HttpFault("14.2/4", "refuses results in words of its own", b'"code":"invalid_field"', b'"code":"internal"'),
    HttpFault("14.2/5", "writes one answer at a time", b'"parent": "[^"]', b'"parent": ".', True),
    HttpFault("14.7", "measures without the new message", rb'"content": "And a longer question\?"', b" " * 35, True),
    HttpFault("14.7", "leaves messages out in silence", rb',"dropped":\d+', b""),
    HttpFault("13.6/2", "ends once more", b"^HTTP/1.1 204 No Content", b"HTTP/1.1 200 OK"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.rule} {fault.what}")
async def test_a_broken_server_is_caught(scripted_port: int, fault: HttpFault) -> None:
    caught = False
    async with http_proxy(scripted_port, fault) as url:
        for deadline in DEADLINES:
            results = await run_cases(url, select(CASES, [fault.rule]), Options(deadline=deadline))
            caught = any(result.outcome is Outcome.FAILED and fault.rule in result.rules for result in results)
            if caught:
                break
    assert caught, [(result.case.id, result.outcome, result.reason) for result in results]


@pytest.mark.parametrize("every", [8, pytest.param(1, marks=pytest.mark.slow)])
async def test_cases_pass_through_an_unbroken_proxy(scripted_port: int, every: int) -> None:
    """All cases that catch a broken server are among them."""
    catching = {case.id for fault in FAULTS for case in select(CASES, [fault.rule])}
    cases = [case for n, case in enumerate(CASES) if case.id in catching or n % every == 0]
    async with http_proxy(scripted_port, NOTHING) as url:
        results = await run_cases(url, cases, Options(deadline=60, slack=10), jobs=1)  # others may fill the queue
    assert [details(result) for result in results if result.outcome is not Outcome.PASSED] == []
