"""HTTP connections: idlers and slow ones make room, and never keep a client with something to ask from its answer."""

import asyncio
from contextlib import suppress
from http import HTTPStatus

from tests.control.served import Served

from acdcore.control.connections import RULES

IDLERS = 200
WITHIN_S = 5.0


async def idler(served: Served, first: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*served.plane.address)
    writer.write(first)
    return reader, writer


async def test_idle_connections_keep_nobody_from_an_answer(served: Served) -> None:
    idlers = [await idler(served) for _ in range(IDLERS)]
    async with asyncio.timeout(WITHIN_S), served.reader.get("/v1/calls") as response:
        assert response.status == HTTPStatus.OK
    assert served.plane.connections <= RULES.strangers_max + 1
    for _, writer in idlers:
        writer.close()


async def test_connection_with_a_right_key_outlives_a_crowd_of_idlers(served: Served) -> None:
    async with served.reader.get("/v1/events") as stream:
        assert stream.status == HTTPStatus.OK
        idlers = [await idler(served, b"GET /health/live HTTP/1.1\r\nHost: x\r\n") for _ in range(IDLERS)]
        async with served.anyone.get("/health/live") as response:
            assert response.status == HTTPStatus.OK
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                while chunk := await stream.content.readany():
                    assert chunk
                raise AssertionError("the event stream was closed")
        for _, writer in idlers:
            writer.close()
