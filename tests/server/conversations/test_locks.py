"""Locks by name."""

import asyncio

from server.conversations.locks import Locks


async def test_lock_excludes_by_name_only() -> None:
    locks = Locks()
    inside: list[str] = []
    leave = asyncio.Event()

    async def visit(name: str, who: str) -> None:
        async with locks.held(name):
            inside.append(who)
            await leave.wait()

    async with asyncio.TaskGroup() as tasks:
        for name, who in (("a", "first"), ("a", "second"), ("b", "third")):
            tasks.create_task(visit(name, who))
        while len(inside) < 2:
            await asyncio.sleep(0)
        assert inside == ["first", "third"]
        leave.set()
    assert inside == ["first", "third", "second"]
    assert len(locks) == 0
