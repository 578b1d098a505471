"""What the storage tests share: storage of either kind, and ways to wait for it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from acdcore.calls.model.ports import AgentStore, CustomerStore, History, HoursStore, ScreeningStore, Spool
from acdcore.calls.model.rows import Row
from acdcore.kernel.bus import EventBus
from acdcore.storage.spool.drainer import Drainer
from acdcore.storage.spool.spool import DiskSpool
from acdcore.storage.stores.directory import MemoryDirectory

REALM = "acdcore.test"
TRUNK_USERS = {"carrier1": "carrier"}
"""With which a trunk proves itself."""
SEEN_WITHIN_S = 10.0
"""Far more than anything takes; only a failing test waits so long."""
LOOK_EVERY_S = 0.01


async def eventually(is_so: Callable[[], bool]) -> None:
    """Wait for something that another process or thread brings about."""
    for _ in range(int(SEEN_WITHIN_S / LOOK_EVERY_S)):
        if is_so():
            return
        await asyncio.sleep(LOOK_EVERY_S)
    raise AssertionError("it never came to that")


@dataclass(frozen=True, slots=True)
class Delivery:
    """A spool with a drainer that runs on demand."""

    spool: DiskSpool
    drainer: Drainer

    async def deliver(self) -> bool:
        """Deliver what was appended; False when something stays behind."""
        assert await asyncio.to_thread(self.spool.wait_durable, SEEN_WITHIN_S)
        return await self.drainer.finish(SEEN_WITHIN_S)


@dataclass(frozen=True, slots=True)
class StorageUnderTest:
    """All Protocols of one kind of storage."""

    directory: MemoryDirectory
    customers: CustomerStore
    agents: AgentStore
    screening: ScreeningStore
    hours: HoursStore
    spool: Spool
    history: History
    delivery: Delivery | None
    bus: EventBus

    async def append(self, *rows: Row) -> None:
        """Append the rows and wait until they can be read."""
        for row in rows:
            self.spool.append(row)
        if self.delivery is not None:
            assert await self.delivery.deliver()
