"""Whatever is sent to any route of the description, the answer is never a fault of ours and always in shape."""

import asyncio
import json
import random
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st
from tests.control.served import KEYS, Served

from acdcore.control import Right
from acdcore.control.keys import Keyring, secret_of
from acdcore.control.settings import ApiKey

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

REQUESTS_PER_ROUTE = 60
STREAM = "/v1/events"
BODIES = (
    *("AgentOrder", "AgentCreation", "AgentPatch", "PasswordOrder", "CustomerCreation", "CustomerPatch", "Assignment"),
    *("Requeueing", "Diversion", "HoursOrder", "ScreeningOrder", "CallbackOrder", "ReloadOrder"),
)
VALUES: list[Json] = [None, True, 0, -1, 2**63, 10**400, 1e308, [], [[]], ["1", 2], {}, {"a": {}}]
TEXTS = ["", " ", "\x00", "a\x00b", "\u202e", "'; drop table x --", "../../etc/passwd", "9" * 5000, "+", "1001", "1"]
WORDS = ["ready", "vip", "2026-11-21T00:00:00Z", "9999-12-31T23:59:59-12:00"]
# Range and If-... of a file are answered by the framework, by status alone.
WITHOUT_BODY = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE}


def nasty(source: random.Random) -> Json:
    return source.choice([*VALUES, *TEXTS, *WORDS])


def nasty_path(source: random.Random, template: str) -> str:
    """The template with its braces filled by one nasty value or a true one."""
    parts = []
    for part in template.split("/"):
        is_parameter = part.startswith("{")
        value = str(source.choice([nasty(source), "1", "1001", "20261121T080000000-000009"])) if is_parameter else part
        parts.append(quote(value[:3000], safe="") if is_parameter else part)
    return "/".join(parts)


def names_of(operation: dict[str, list[dict[str, str]]]) -> list[str]:
    return [p["name"] for p in operation["parameters"] if p["in"] == "query"]


def nasty_body(source: random.Random, fields: list[str]) -> bytes:
    match source.randrange(4):
        case 0:
            return source.randbytes(source.randrange(60))
        case 1:
            return json.dumps(nasty(source)).encode()
        case 2:
            text = json.dumps({field: nasty(source) for field in fields if source.random() < 0.8})
            return text.encode()[: source.randrange(len(text)) + 1]
        case _:
            return json.dumps({field: nasty(source) for field in fields if source.random() < 0.6}).encode()


@pytest.mark.parametrize("seed", range(3))
async def test_no_input_makes_a_fault_of_ours(served: Served, seed: int) -> None:
    source = random.Random(seed)
    document = await (await served.anyone.get("/openapi.json")).json()
    shapes = document["components"]["schemas"]
    bodies = {name: list(shapes[name]["properties"]) for name in BODIES}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path == STREAM:
                continue
            reference = json.dumps(operation.get("requestBody", {}))
            fields = next((fields for name, fields in bodies.items() if name in reference), ["x"])
            for _ in range(REQUESTS_PER_ROUTE // 3):
                query = {name: str(nasty(source))[:3000] for name in names_of(operation) if source.random() < 0.4}
                data = nasty_body(source, fields) if method != "get" or source.random() < 0.1 else None
                headers = {"Content-Type": "application/json", "If-Match": source.choice(['"1"', "x", '"2"', "*"])}
                url = nasty_path(source, path)
                async with served.admin.request(
                    method, served.base + url, params=query, data=data, headers=headers
                ) as response:
                    body = await response.read()
                assert response.status < HTTPStatus.INTERNAL_SERVER_ERROR, (method, url, query, data)
                if response.status >= HTTPStatus.BAD_REQUEST and not (
                    path.endswith("/audio") and response.status in WITHOUT_BODY
                ):
                    error = json.loads(body)["error"]
                    assert set(error) == {"code", "message", "field"}
                    assert error["message"]


async def test_garbage_instead_of_http_leaves_the_server_answering(served: Served, tmp_path: Path) -> None:
    source = random.Random(4)
    host, port = served.plane.address
    for _ in range(50):
        reader, writer = await asyncio.open_connection(host, port)
        start = source.choice([b"", b"GET ", b"POST /v1/customers HTTP/1.1\r\nContent-Length: -5\r\n", b"\x16\x03\x01"])
        writer.write(start + source.randbytes(source.randrange(400)) + b"\r\n\r\n")
        writer.write_eof()
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
    async with ClientSession(headers={"X-API-Key": KEYS[Right.READ]}) as client:
        assert (await client.get(f"{served.base}/v1/calls")).status == HTTPStatus.OK


@given(st.text(), st.text())
def test_only_the_very_secret_opens(secret: str, guess: str) -> None:
    ring = Keyring((ApiKey.of("one", "first" + secret, Right.READ), ApiKey.of("two", "second" + secret, Right.ADMIN)))
    found = ring.find(guess)
    assert (found is not None) == (guess in ("first" + secret, "second" + secret))


@pytest.mark.parametrize(
    ("headers", "secret"),
    [
        ({"Authorization": "Bearer abc"}, "abc"),
        ({"Authorization": "bearer  abc "}, "abc"),
        ({"X-API-Key": "abc"}, "abc"),
        ({"Authorization": "Basic abc", "X-API-Key": "def"}, "def"),
        ({"Authorization": "Bearer"}, None),
        ({"Authorization": "Bearer ", "X-API-Key": ""}, None),
        ({}, None),
    ],
)
def test_secret_is_taken_from_either_header(headers: dict[str, str], secret: str | None) -> None:
    assert secret_of(headers) == secret
