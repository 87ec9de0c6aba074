"""Choice of the wire for an address."""

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
"""URL scheme to transport."""

AnyWire = Wire | ChannelWire


def transport_of(url: str) -> Transport | None:
    """Return the transport of ``url``, or None for an unknown scheme."""
    return TRANSPORTS.get(url.partition("://")[0])


async def dial(url: str, subprotocols: Iterable[str] | None, seconds: float) -> AnyWire:
    """Open a connection. ``subprotocols`` apply to WebSockets only. Raises Refused or Unreachable."""
    transport = transport_of(url)
    if transport == "websocket":
        return await dial_websocket(url, subprotocols, seconds)
    scheme, mark, rest = url.partition("://")
    kind = EventWire if transport == "sse" else PollWire
    channel = kind(scheme.partition("+")[0] + mark + rest)
    await channel.open(seconds)
    return channel
