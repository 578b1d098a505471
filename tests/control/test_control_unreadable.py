"""What is no readable HTTP request gets an answer in the shape of errors, one line in the log, and raises nothing."""

import asyncio
import json
import logging
from http import HTTPStatus

import pytest
from tests.control.served import KEYS, Served

from acdcore.control import Right

WITHIN_S = 10.0
GET = b"GET /v1/calls HTTP/1.1\r\nHost: a\r\n"
KEY = f"X-API-Key: {KEYS[Right.ADMIN]}\r\n".encode()
POST = b"POST /v1/customers HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" + KEY
SECRET = b"a-secret-that-nobody-repeats"


class Client:
    """One connection, and bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    async def answer_to(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of what comes back for these bytes."""
        self._writer.write(data)
        async with asyncio.timeout(WITHIN_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            start, *lines = head.decode().strip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(start.split()[1]), headers, body

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()


async def connected(served: Served) -> Client:
    return Client(*await asyncio.open_connection(*served.plane.address))


UNREADABLE: dict[str, tuple[bytes, int]] = {
    "header of 9,000 bytes": (GET + b"X: " + b"a" * 9000 + b"\r\n\r\n", 431),
    "name of 9,000 bytes": (GET + b"a" * 9000 + b": x\r\n\r\n", 431),
    "URL of 9,000 bytes": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
    "200 headers": (GET + b"X: a\r\n" * 200 + b"\r\n", 400),
    "method": (b"G@T / HTTP/1.1\r\n\r\n", 400),
    "version": (b"GET / HTTP/9.9\r\n\r\n", 400),
    "no version": (b"GET /\r\n\r\n", 404),
    "SIP": (b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "header without colon": (GET + SECRET + b"\r\n\r\n", 400),
    "NUL in a header": (GET + b"Authorization: " + SECRET + b"\x00\r\n\r\n", 400),
    "bare CR": (GET + b"X: a\rb\r\n\r\n", 400),
    "negative length": (POST + b"Content-Length: -5\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}", 400),
    "length and chunks": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "unknown coding": (POST + b"Transfer-Encoding: x\r\n\r\n{}", 400),
    "port in the URL": (b"GET http://a:99999999/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "bracket in the URL": (b"GET http://[a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    "chunk size": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400),
    "gzip that is none": (POST + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot a zip", 400),
    "deflate that is none": (POST + b"Content-Encoding: deflate\r\nContent-Length: 9\r\n\r\nnot a zip", 400),
    "host with a bracket": (b"GET /v1/calls HTTP/1.1\r\nHost: [::\r\n\r\n", 401),
    "percent in the path": (b"GET /v1/calls/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 401),
}


@pytest.mark.parametrize("what", UNREADABLE)
async def test_unreadable_request_gets_an_error_in_shape_and_raises_nothing(
    served: Served, what: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    data, expected = UNREADABLE[what]
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    with caplog.at_level(logging.DEBUG):
        async with await connected(served) as client:
            status, headers, body = await client.answer_to(data)
    assert (status, faults) == (expected, [])
    assert headers["content-type"].startswith("application/json")
    assert headers["x-content-type-options"] == "nosniff"
    error = json.loads(body)["error"]
    assert error["code"] and error["message"]
    assert not [record for record in caplog.records if record.exc_info], caplog.text
    said = capsys.readouterr().out
    assert "Traceback" not in said
    assert SECRET.decode() not in said + body.decode() + caplog.text
    async with served.reader.get("/v1/calls") as response:
        assert response.status == HTTPStatus.OK


async def test_unreadable_request_after_a_good_one_ends_the_connection_only(served: Served) -> None:
    good = GET + f"X-API-Key: {KEYS[Right.READ]}\r\n\r\n".encode()
    async with await connected(served) as client:
        assert (await client.answer_to(good))[0] == HTTPStatus.OK
        assert (await client.answer_to(b"no request\r\n\r\n"))[0] == HTTPStatus.BAD_REQUEST
        assert await client.reader.read() == b"", "nothing after it can be told apart from it"


async def test_client_that_leaves_within_its_body_is_no_fault_of_ours(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, writer = await asyncio.open_connection(*served.plane.address)
    writer.write(POST + b"Expect: 100-continue\r\nContent-Length: 50\r\n\r\n")
    async with asyncio.timeout(WITHIN_S):
        assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"
    writer.write(b"{")
    writer.close()
    async with served.reader.get("/v1/calls") as response:  # a turn later everything about the other one is said
        assert response.status == HTTPStatus.OK
    assert "http_fault" not in capsys.readouterr().out


async def test_expectation_that_nobody_knows_is_refused(served: Served) -> None:
    async with await connected(served) as client:
        status, _, _ = await client.answer_to(POST + b"Expect: wonders\r\nContent-Length: 2\r\n\r\n{}")
    assert status == HTTPStatus.EXPECTATION_FAILED


async def test_unreadable_requests_are_counted_under_no_route(served: Served) -> None:
    for _ in range(3):
        async with await connected(served) as client:
            await client.answer_to(UNREADABLE["header of 9,000 bytes"][0])
    metrics = await (await served.reader.get("/metrics")).text()
    assert 'acdcore_http_requests_total{method="any",path="unknown",status="431"} 3.0' in metrics
