"""Endless HTTP responses don't delay the server's stop."""

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from protocol.conformance.http import HttpExchange, fetch, send
from tests.server.repeatable import program
from tests.server.test_main import END, started
from tests.server.transports.listener import Listener

STALLED = 2.0
"""Time after which an unanswered POST counts as blocked by a stalled reader, in seconds."""

STORY = b'{"id":"story","prompt":"Tell me a long story","on_detach_ms":null}'


@contextlib.asynccontextmanager
async def exchange(method: str, url: str, body: bytes | None = None) -> AsyncIterator[HttpExchange]:
    opened = await send(method, url, body)
    try:
        yield opened
    finally:
        opened.abort()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_open_responses_get_goodbye_and_end(tmp_path: Path, sent: signal.Signals) -> None:
    (tmp_path / "slow").touch()
    async with started(str(tmp_path / "data"), program=program(tmp_path / "slow")) as (process, address):
        at = f"http://{address}"
        opened = await fetch("POST", f"{at}/channel", b"")
        polled = f"{at}/channel/{json.loads(opened.body)['connection']}/poll?wait=60"
        async with (
            exchange("GET", f"{at}/channel") as channel,
            exchange("GET", polled) as poll,
            exchange("POST", f"{at}/generate/stream", STORY) as stream,
        ):
            for streaming in (channel, stream):
                await streaming.begin()
            listeners = [Listener(channel), Listener(stream)]
            await listeners[0].take("welcome")
            await listeners[1].take("token")
            process.send_signal(sent)
            async with asyncio.timeout(END):
                assert "goodbye" in (await poll.answer()).body
                closed = await fetch("GET", polled)
                rests = [[event.name for event in await listener.rest()] for listener in listeners]
                out, err = await process.communicate()
    assert (closed.status, json.loads(closed.body)["code"]) == (410, 1012)
    assert rests[0] == ["goodbye", "close"]
    assert rests[1][-1] == "goodbye"
    assert (out.decode(), err.decode()) == ("", "")


async def test_unread_channel_is_cut_off_at_the_stop(tmp_path: Path) -> None:
    """The stop takes as long as slow readers are given, and no longer."""
    pings = b"\n".join([b'{"type":"ping","nonce":"' + b"x" * 128 + b'"}'] * 250)
    async with started(str(tmp_path / "data")) as (process, address):
        async with exchange("GET", f"http://{address}/channel") as channel:
            await channel.begin()
            name = (await Listener(channel).take("welcome")).message["connection"]
            with contextlib.suppress(TimeoutError):  # nothing is taken from a client that reads nothing
                taken = True
                while taken:  # or it has been given up by then, and the close waits for it
                    async with asyncio.timeout(STALLED):
                        taken = (await fetch("POST", f"http://{address}/channel/{name}", pings)).status == 204
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(END):
                await process.communicate()
