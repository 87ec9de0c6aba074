"""``python -m protocol.conformance URL``: exit status 0 when all cases pass, 1 when one fails, 2 for wrong
arguments."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence

from protocol.conformance import report
from protocol.conformance.credentials import TOKEN
from protocol.conformance.dial import transport_of
from protocol.conformance.runner import Outcome, Result, run_cases
from protocol.conformance.script import Case, load_cases, select, those_for
from protocol.conformance.stage import DEADLINE, Options
from protocol.conformance.wire import Unreachable

_SCHEMES = "ws://, http+sse:// or http+poll://"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    asked = _parser().parse_args(arguments)
    cases = select(load_cases(), asked.case)
    if asked.list:
        print(report.listing(cases))
        return 0
    transport = transport_of(asked.url or "")
    if transport is None:
        print(f"which server? give its {_SCHEMES} URL", file=sys.stderr)
        return 2
    chosen = those_for(cases, transport)
    if not chosen:
        why = f"no such case is for {transport}" if cases else "no case is called that"
        print(f"{why}; see --list", file=sys.stderr)
        return 2
    try:
        results = _run(asked, chosen)
    except Unreachable as problem:
        print(f"can't reach {problem}", file=sys.stderr)
        return 2
    bad = {Outcome.FAILED, Outcome.INCONCLUSIVE} if asked.strict else {Outcome.FAILED}
    return int(any(result.outcome in bad for result in results))


def _run(asked: argparse.Namespace, cases: list[Case]) -> list[Result]:
    began = time.monotonic()
    tell = (lambda result: None) if asked.json else (lambda result: print(report.line(result), flush=True))
    TOKEN.set(asked.token)
    results = asyncio.run(run_cases(asked.url, cases, Options(deadline=asked.deadline), jobs=asked.jobs, report=tell))
    if asked.json:
        print(report.as_json(results))
        return results
    for result in results:
        if result.outcome is not Outcome.PASSED:
            print(f"\n{report.details(result)}")
    print(f"\n{report.summary(results, time.monotonic() - began)}")
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m protocol.conformance", description="Does it speak streamui.v1?")
    parser.add_argument(
        "url",
        nargs="?",
        help="the server's WebSocket, ws://127.0.0.1:8000/ws, or its HTTP channel, read by server-sent events, "
        "http+sse://127.0.0.1:8000/channel, or by long poll, http+poll://127.0.0.1:8000/channel (wss, https+sse and "
        "https+poll with TLS)",
    )
    parser.add_argument(
        "--case",
        action="append",
        default=[],
        metavar="GLOB",
        help="only cases with such an id, or on such a section; may be repeated",
    )
    parser.add_argument("--list", action="store_true", help="print the cases and end")
    parser.add_argument("--strict", action="store_true", help="an inconclusive case is a failure")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    parser.add_argument("--jobs", type=int, default=4, metavar="N", help="cases at the same time (%(default)s)")
    parser.add_argument(
        "--deadline", type=float, default=DEADLINE, metavar="S", help="seconds to wait for one message (%(default)s)"
    )
    parser.add_argument(
        "--token",
        default=os.environ.get("STREAMUI_TOKEN") or None,
        help="for a server that asks for one; other users of this machine see it here, so better set [STREAMUI_TOKEN]",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
