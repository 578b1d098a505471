"""Services that flows ask, against a real HTTP server on this machine: answers, misses, deadlines, secrets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from acdcore.calls.services.http_services import (
    ANSWER_BYTES_MAX,
    VALUE_CHARS_MAX,
    Services,
    ServiceSettings,
    response_fields,
)
from acdcore.ivr.flow.actions import AskService
from acdcore.ivr.model.kinds import ServiceMiss

SECRET = "Bearer of secrets"
VALUES = {"member": "0012 &=?", "plate": "粤B12345"}
Handler = Callable[[web.Request], Coroutine[None, None, web.StreamResponse]]


@dataclass
class Counter:
    """The service's side of the conversation."""

    url: str = ""
    headers: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Counter]:
    """A service on loopback."""
    counter = Counter()

    async def counted(request: web.Request) -> web.StreamResponse:
        counter.headers.append(dict(request.headers))
        counter.queries.append(dict(request.query))
        counter.bodies.append(await request.text())
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", counted)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    counter.url = f"http://{host}:{port}/orders"
    try:
        yield counter
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking() -> AsyncIterator[Services]:
    """Services, closed at the end."""
    services = Services()
    try:
        yield services
    finally:
        await services.close()


async def asked(handler: Handler, method: Literal["GET", "POST"] = "GET", timeout_s: float = 5.0) -> object:
    """What one question to such a service brings."""
    async with serving(handler) as counter, asking() as services:
        settings = ServiceSettings(counter.url, method, {"Authorization": SECRET})
        answer = await services.ask(settings, AskService(7, "orders", VALUES, timeout_s))
        assert answer.ask == 7
        return answer.result


def with_json(value: object) -> Handler:
    """A service that always says this."""

    async def handler(request: web.Request) -> web.Response:
        return web.json_response(value)

    return handler


def with_status(status: int, headers: dict[str, str] | None = None) -> Handler:
    """A service that always answers so, with a body that would be taken otherwise."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers, text='{"a": "b"}')

    return handler


async def test_get_sends_the_values_as_the_query_beside_that_of_the_url() -> None:
    async with serving(with_json({"state": "sent"})) as counter, asking() as services:
        settings = ServiceSettings(counter.url + "?shop=1", "GET", {"X-Key": SECRET})
        answer = await services.ask(settings, AskService(1, "orders", VALUES, 5.0))
        assert answer.result == {"state": "sent"}
        assert counter.queries == [{"shop": "1", **VALUES}]
        assert counter.headers[0]["X-Key"] == SECRET


async def test_post_sends_the_values_as_a_json_object() -> None:
    async with serving(with_json({"state": "sent"})) as counter, asking() as services:
        answer = await services.ask(ServiceSettings(counter.url, "POST"), AskService(1, "orders", VALUES, 5.0))
        assert answer.result == {"state": "sent"}
        assert [json.loads(body) for body in counter.bodies] == [VALUES]
        assert counter.queries == [{}]


async def test_fields_are_words_and_inner_ones_have_a_path() -> None:
    answer = {
        "name": "张三",
        "balance": 12.5,
        "points": 300,
        "is_open": True,
        "last": {"day": "2026-03-02", "shop": {"city": "深圳"}},
        "tags": ["a"],
        "none": None,
    }
    assert await asked(with_json(answer)) == {
        "name": "张三",
        "balance": "12.5",
        "points": "300",
        "is_open": "yes",
        "last.day": "2026-03-02",
        "last.shop.city": "深圳",
    }


async def test_nothing_of_the_kind_is_told_apart_from_a_service_that_is_out_of_order() -> None:
    assert await asked(with_status(404)) is ServiceMiss.NOT_FOUND
    for status in (500, 503, 401, 204, 201):
        assert await asked(with_status(status)) is ServiceMiss.UNAVAILABLE


async def test_redirect_is_not_followed() -> None:
    async with (
        serving(with_json({"leaked": "yes"})) as other,
        serving(with_status(302, {"Location": other.url})) as counter,
        asking() as services,
    ):
        settings = ServiceSettings(counter.url, "GET", {"Authorization": SECRET})
        assert (await services.ask(settings, AskService(1, "orders", {}, 5.0))).result is ServiceMiss.UNAVAILABLE
        assert other.headers == []


async def test_answer_in_many_pieces_is_read_to_its_end() -> None:
    async def in_pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for piece in (b'{"a": ', b'"1", ', b'"b": "2"}'):
            await response.write(piece)
            await asyncio.sleep(0.02)
        return response

    assert await asked(in_pieces) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'"a"', b"{", b"[" * 60_000, b'{"a":' * 12_000, b"\xff"])
async def test_body_that_is_no_json_object_is_no_answer(body: bytes) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=body)

    assert await asked(handler) is ServiceMiss.UNAVAILABLE


async def test_larger_answer_than_anybody_listens_to_is_left_unread() -> None:
    sent = 0

    async def without_end(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(bytes(ANSWER_BYTES_MAX))
                sent += 1
        except ConnectionError:
            return response

    assert await asked(without_end) is ServiceMiss.UNAVAILABLE
    assert sent < 1_000


async def test_deadline_holds_before_the_headers_and_within_the_body() -> None:
    async def silent(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.json_response({})

    async def stuck(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"a": 1')
        await asyncio.sleep(30)
        return response

    loop = asyncio.get_running_loop()
    for handler in (silent, stuck):
        began = loop.time()
        assert await asked(handler, timeout_s=0.2) is ServiceMiss.UNAVAILABLE
        assert loop.time() - began < 2.0


async def test_service_that_refuses_the_connection_is_not_available() -> None:
    async with serving(with_json({})) as counter:
        pass
    async with asking() as services:
        answer = await services.ask(ServiceSettings(counter.url), AskService(1, "orders", {}, 5.0))
        assert answer.result is ServiceMiss.UNAVAILABLE


async def test_service_is_well_again_after_a_failure() -> None:
    replies = [web.Response(status=500), web.json_response({"a": 1})]

    async def handler(request: web.Request) -> web.Response:
        return replies.pop(0)

    async with serving(handler) as counter, asking() as services:
        ask, settings = AskService(1, "orders", {}, 5.0), ServiceSettings(counter.url)
        assert (await services.ask(settings, ask)).result is ServiceMiss.UNAVAILABLE
        assert (await services.ask(settings, ask)).result == {"a": "1"}


async def test_what_a_service_remembers_of_one_caller_does_not_meet_the_next() -> None:
    async with serving(with_status(200, {"Set-Cookie": "caller=one"})) as counter, asking() as services:
        # A cookie jar keeps no cookies of bare addresses: a name is what would show one.
        settings = ServiceSettings(counter.url.replace("127.0.0.1", "localhost"))
        for _ in range(2):
            assert (await services.ask(settings, AskService(1, "orders", {}, 5.0))).result == {"a": "b"}
        assert all("Cookie" not in headers for headers in counter.headers)


async def test_secrets_are_in_no_log_and_in_no_text() -> None:
    with capture_logs() as logs:
        assert await asked(with_status(500)) is ServiceMiss.UNAVAILABLE
        async with asking() as services:
            for url in (
                "http://127.0.0.1:1/?key=topsecret",
                "http://nobody.invalid/?key=topsecret",
                "http://[/topsecret",
            ):
                settings = ServiceSettings(url, "GET", {"Authorization": SECRET})
                answer = await services.ask(settings, AskService(1, "orders", VALUES, 5.0))
                assert answer.result is ServiceMiss.UNAVAILABLE
                assert SECRET not in repr(settings)
    assert [entry["service"] for entry in logs] == ["orders"] * 4
    assert logs[0]["why"] == "status 500"
    for word in (SECRET, "topsecret", *VALUES.values()):
        assert word not in str(logs)


def test_long_fields_are_cut_and_characters_that_nobody_can_say_or_store_are_left_out() -> None:
    body = json.dumps({"long": "a" * 5_000, "odd": "a\x00b\ud800c\u202ed"}).encode()
    assert response_fields(body) == {"long": "a" * VALUE_CHARS_MAX, "odd": "abcd"}


def test_lines_and_blanks_of_any_width_keep_words_apart() -> None:
    body = json.dumps({"address": "12 High Street\nFlat\u00a03\tLondon", "name": "李\u3000明\u2028先生"}).encode()
    assert response_fields(body) == {"address": "12 High Street Flat 3 London", "name": "李 明 先生"}


def test_numbers_that_are_none_are_left_out() -> None:
    assert response_fields(b'{"a": NaN, "b": Infinity, "c": -0.5}') == {"c": "-0.5"}
