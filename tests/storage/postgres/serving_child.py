"""A process to be killed: starts an embedded server, says its process id, and waits."""

import asyncio
import sys
from pathlib import Path

from acdcore.storage.postgres.embedded import EmbeddedPostgres


async def serve() -> None:
    async with EmbeddedPostgres(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        await asyncio.Event().wait()


asyncio.run(serve())
