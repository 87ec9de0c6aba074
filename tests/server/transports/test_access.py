"""The id of a request, and its line in the log."""

import logging
import re

import pytest

from tests.server.transports.running import RunningServer


async def test_each_response_has_an_id_of_its_own(server: RunningServer) -> None:
    ids = {(await server.get(path)).headers["x-request-id"] for path in ("/healthz", "/healthz", "/nothing")}
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", id) for id in ids)


async def test_a_proxys_id_is_kept_and_told_in_the_log(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "server.transports.access")
    answer = await server.ask("GET", "/healthz", headers={"x-request-id": "proxy.42"})
    assert answer.headers["x-request-id"] == "proxy.42"
    await server.until(lambda: any(r.name == "server.transports.access" for r in caplog.records))
    fields = next(getattr(r, "fields") for r in caplog.records if r.name == "server.transports.access")  # noqa: B009
    assert (fields["method"], fields["route"], fields["status"]) == ("GET", "/healthz", 200)
    assert fields["ms"] >= 0


@pytest.mark.parametrize("id", ["", "a b", "x" * 65, "a\tb", "<script>"])
async def test_malformed_request_id_is_replaced(server: RunningServer, id: str) -> None:
    answer = await server.ask("GET", "/healthz", headers={"x-request-id": id})
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


async def test_websocket_has_a_request_id(server: RunningServer) -> None:
    async with server.socket(additional_headers={"x-request-id": "ws-1"}) as socket:
        assert socket.response is not None
        assert socket.response.headers["x-request-id"] == "ws-1"
