"""Which wire an address asks for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from protocol.conformance.channel_wire import ChannelWire, EventWire, PollWire
from protocol.conformance.script import Transport
from protocol.conformance.wire import Wire, dial_websocket

TRANSPORTS: Final[dict[str, Transport]] = {
    "ws": "websocket",
    "wss": "websocket",
    "http+sse": "sse",
    "https+sse": "sse",
    "http+poll": "poll",
    "https+poll": "poll",
}
"""The scheme of an address: the transport that it asks for."""

AnyWire = Wire | ChannelWire


def transport_of(url: str) -> Transport | None:
    """None for an address with another scheme."""
    return TRANSPORTS.get(url.partition("://")[0])


async def dial(url: str, subprotocols: Iterable[str] | None, seconds: float) -> AnyWire:
    """Open a connection. ``subprotocols`` are a WebSocket's business alone. Raises Refused or Unreachable."""
    transport = transport_of(url)
    if transport == "websocket":
        return await dial_websocket(url, subprotocols, seconds)
    scheme, mark, rest = url.partition("://")
    kind = EventWire if transport == "sse" else PollWire
    channel = kind(scheme.partition("+")[0] + mark + rest)
    await channel.open(seconds)
    return channel
