"""The project's own clients with a token."""

import asyncio
import os
import sys

import pytest

from protocol.client import DisconnectedError, connect
from tests.server.guard.conftest import Keys
from tests.server.transports.running import RunningServer


async def test_the_python_client_shows_its_token(
    locked: RunningServer, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"ws://127.0.0.1:{locked.port}/ws"
    async with connect(url, token=keys.alice) as chat:
        assert not chat.welcome.auth
        done = await chat.generate("Hi").done()
        assert done.usage.completion_tokens > 0
    with pytest.raises(DisconnectedError, match="401"):
        async with connect(url, token="sui_wrong"):
            pass
    await locked.get("/healthz")
    caplog.clear()  # uvicorn complains of every refusal


@pytest.mark.parametrize(("shown", "status"), [("right", 0), ("wrong", 2), ("none", 2)])
async def test_the_terminal_takes_the_token_from_its_environment(
    locked: RunningServer, keys: Keys, shown: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"ws://127.0.0.1:{locked.port}/ws"
    token = {"right": keys.alice, "wrong": "sui_wrong", "none": ""}[shown]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMUI_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", "chat", "Hi"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept, "STREAMUI_URL": url, "STREAMUI_TOKEN": token},
    )
    out, err = await process.communicate()
    await locked.get("/healthz")
    caplog.clear()  # uvicorn complains of every refusal
    assert process.returncode == status
    assert bool(out) is (shown == "right")
    assert ("STREAMUI_TOKEN" in err.decode()) is (shown != "right")
