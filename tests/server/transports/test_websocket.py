"""The WebSocket endpoint: accepted and refused clients, and modes."""

import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from protocol.codec import MAX_FRAME_BYTES
from protocol.messages import RecommendedSampling, Welcome
from tests.server.transports.peer import Peer
from tests.server.transports.running import RunningServer

OURS = Subprotocol("streamui.v1")
OTHER = Subprotocol("chat.v9")


async def test_the_first_frame_is_welcome(server: RunningServer) -> None:
    async with server.socket() as socket:
        welcome = await Peer(socket).next()
    assert isinstance(welcome, Welcome)
    assert welcome.protocol == "streamui.v1"
    assert (welcome.model.name, welcome.model.context, welcome.model.template) == ("Scripted", 2048, "chatml")
    sampling = RecommendedSampling(temperature=0.8, top_p=0.95, top_k=40, min_p=0.05, repeat_penalty=1.0)
    assert welcome.model.sampling == sampling
    assert (welcome.limits.frame_bytes, welcome.limits.parallel) == (MAX_FRAME_BYTES, 1)
    assert welcome.auth is False
    assert welcome.active == ()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(None, None), ([OURS], OURS), ([OTHER, OURS], OURS)],
    ids=["none", "ours", "ours among them"],
)
async def test_the_subprotocol_is_negotiated(
    server: RunningServer, offered: list[Subprotocol] | None, chosen: Subprotocol | None
) -> None:
    async with server.peer(subprotocols=offered) as peer:
        assert peer.socket.subprotocol == chosen


async def test_only_unknown_subprotocols_are_refused_with_the_name_of_ours(
    server: RunningServer, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with server.socket(subprotocols=[OTHER]):
            pass
    assert refused.value.response.status_code == 400
    assert refused.value.response.body is not None
    assert b"streamui.v1" in refused.value.response.body
    await server.get("/healthz")
    caplog.clear()  # uvicorn complains of every refusal: it does not count one as a completed handshake


async def test_frames_are_not_compressed(server: RunningServer) -> None:
    async with server.peer(compression="deflate") as peer:
        assert peer.socket.protocol.extensions == []


async def test_a_frame_over_the_limit_closes_with_1009(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send("x" * (MAX_FRAME_BYTES + 1))
        assert await peer.closed() == 1009


async def test_a_frame_at_the_limit_is_read(server: RunningServer) -> None:
    async with server.peer() as peer:
        await peer.send('{"type":"ping"}' + " " * (MAX_FRAME_BYTES - 15))
        assert await peer.errors() == []
