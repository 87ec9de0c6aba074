"""The end of a server while connections arrive."""

import asyncio
import gc
import socket

from tests.accepted import all_accepted


async def test_a_server_closes_the_connections_that_arrive_at_its_end() -> None:
    """Without ``all_accepted`` the collection reports sockets that are still open."""
    writers: list[asyncio.StreamWriter] = []
    for _ in range(20):
        server = await asyncio.start_server(lambda reader, writer: writers.append(writer), "127.0.0.1", 0)
        with socket.socket() as client:
            client.connect(server.sockets[0].getsockname())
            while not _accepting():
                await asyncio.sleep(0)
            await all_accepted()
            server.close()
            writers[-1].close()
            await writers[-1].wait_closed()
    assert len(writers) == 20
    gc.collect()


def _accepting() -> bool:
    return len(asyncio.all_tasks()) > 1
