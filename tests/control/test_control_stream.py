"""The event stream over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
from aiohttp import ClientResponse, ClientSession, web
from tests.control.fake_centre import ENDED, HALF_AN_HOUR, MORNING, SERVICE, WAITING, FakeCallCentre, ended_call
from tests.control.served import KEYS, Served, build_centre, parts_of, settings_for

from acdcore.calls.model.directory import PastContact
from acdcore.calls.record.event_stream import AlarmChange, ScreenPop, StreamEvent, StreamEventKind
from acdcore.control import ApiKey, ControlParts, ControlPlane, Right
from acdcore.control.app import build
from acdcore.control.keys import Keyring
from acdcore.control.stream import EventStreamRoutes, StreamTimes
from acdcore.kernel.address import Address
from acdcore.kernel.errors import Outcome
from acdcore.kernel.ids import AgentId, CustomerId

READ_WITHIN_S = 5.0
"""Far longer than loopback needs; only a fault waits so long."""


async def read_events(response: ClientResponse, count: int) -> list[dict[str, str]]:
    """The next `count` events as their fields; comments are passed over."""
    events: list[dict[str, str]] = []
    async with asyncio.timeout(READ_WITHIN_S):
        while len(events) < count:
            block = (await response.content.readuntil(b"\n\n")).decode()
            fields = dict(line.split(": ", 1) for line in block.strip().split("\n") if not line.startswith(":"))
            if fields:
                events.append(fields)
    return events


async def begin(response: ClientResponse) -> None:
    """Wait for the greeting, after which the listener is subscribed."""
    async with asyncio.timeout(READ_WITHIN_S):
        assert await response.content.readuntil(b"\n\n") == b": acdcore events\n\n"


def offer(centre: FakeCallCentre) -> StreamEvent:
    contact = PastContact(ENDED, MORNING - HALF_AN_HOUR, SERVICE, AgentId("1001"), Outcome.ANSWERED)
    pop = ScreenPop(
        agent=AgentId("1001"),
        queue=SERVICE,
        ring_for_s=20.0,
        call=centre.calls_up[WAITING],
        customer=centre.customers[CustomerId(1)],
        last_contacts=(contact,),
    )
    return centre.events.publish(StreamEventKind.AGENT_OFFERED, pop, MORNING)


def alarm(centre: FakeCallCentre, detail: str = "full") -> StreamEvent:
    return centre.events.publish(StreamEventKind.ALARM, AlarmChange("disk_full", True, detail), MORNING)


async def test_screen_pop_arrives_with_card_and_last_contacts(served: Served) -> None:
    async with served.reader.get("/v1/events") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        await begin(response)
        offer(served.centre)
        (event,) = await read_events(response, 1)
    body = json.loads(event["data"])
    assert event["event"] == body["kind"] == "agent_offered"
    assert event["id"] == str(body["serial"])
    pop = body["data"]
    assert (pop["agent"], pop["queue"], pop["customer"]["name"]) == ("1001", "service", "Harbour Machines")
    assert pop["last_contacts"][0]["outcome"] == "answered"
    assert pop["call"]["caller"] == "+862155550101"


async def test_listener_chooses_kinds_and_agent(served: Served) -> None:
    async with served.reader.get("/v1/events?kind=call_ended,agent_offered&agent=1001") as response:
        await begin(response)
        alarm(served.centre)
        served.centre.events.publish(StreamEventKind.AGENT_STATE, served.centre.agents_known[AgentId("1001")], MORNING)
        offer(served.centre)
        served.centre.events.publish(StreamEventKind.CALL_ENDED, ended_call(), MORNING)
        events = await read_events(response, 2)
    assert [event["event"] for event in events] == ["agent_offered", "call_ended"]


async def test_other_agents_screen_pops_are_not_shown(served: Served) -> None:
    async with served.reader.get("/v1/events?agent=1002") as response:
        await begin(response)
        offer(served.centre)
        served.centre.events.publish(StreamEventKind.AGENT_STATE, served.centre.agents_known[AgentId("1002")], MORNING)
        (event,) = await read_events(response, 1)
    assert event["event"] == "agent_state"


async def test_listener_resumes_after_the_last_event_it_saw(served: Served) -> None:
    first, second = alarm(served.centre, "first"), alarm(served.centre, "second")
    async with served.reader.get("/v1/events", headers={"Last-Event-ID": str(first.serial)}) as response:
        (event,) = await read_events(response, 1)
    assert event["id"] == str(second.serial)


async def test_gap_is_reported_whatever_was_chosen(served: Served) -> None:
    async with served.reader.get("/v1/events?kind=call_ended", headers={"Last-Event-ID": "5"}) as response:
        (event,) = await read_events(response, 1)
    assert event["event"] == "gap"


@pytest.mark.parametrize("value", ["x", "-1", "9" * 30, "١"])
async def test_last_event_id_that_is_none_is_refused(served: Served, value: str) -> None:
    response = await served.reader.get("/v1/events", headers={"Last-Event-ID": value})
    assert response.status == HTTPStatus.BAD_REQUEST
    assert (await response.json())["error"]["field"] == "Last-Event-ID"


async def test_stream_ends_when_the_daemon_stops(tmp_path: Path) -> None:
    centre = build_centre(tmp_path / "recordings")
    async with AsyncExitStack() as stack:
        plane = ControlPlane(settings_for(centre, Address("127.0.0.1", 0)), parts_of(centre))
        await plane.__aenter__()
        client = await stack.enter_async_context(ClientSession(headers={"X-API-Key": "read-secret"}))
        response = await stack.enter_async_context(client.get(f"http://{plane.address}/v1/events"))
        await begin(response)
        alarm(centre)
        async with asyncio.timeout(READ_WITHIN_S):
            await plane.__aexit__(None, None, None)
            assert b"disk_full" in await response.read()


async def test_key_that_is_revoked_is_refused_at_once_and_its_streams_end(tmp_path: Path) -> None:
    centre = build_centre(tmp_path / "recordings")
    settings = settings_for(centre, Address("127.0.0.1", 0))
    async with AsyncExitStack() as stack:
        plane = await stack.enter_async_context(ControlPlane(settings, parts_of(centre)))
        client = await stack.enter_async_context(ClientSession())
        url = f"http://{plane.address}/v1/events"
        read, admin = ({"X-API-Key": KEYS[right]} for right in (Right.READ, Right.ADMIN))
        ended = await stack.enter_async_context(client.get(url, headers=read))
        kept = await stack.enter_async_context(client.get(url, headers=admin))
        for response in (ended, kept):
            await begin(response)
        new = ApiKey.of("wallboard", "another-secret", Right.READ)
        plane.use_keys((*(key for key in settings.keys if key.right is not Right.READ), new))
        async with asyncio.timeout(READ_WITHIN_S):
            assert await ended.read() == b""
        alarm(centre)
        assert len(await read_events(kept, 1)) == 1
        async with client.get(f"http://{plane.address}/v1/queues", headers=read) as refused:
            assert refused.status == HTTPStatus.UNAUTHORIZED
        async with client.get(f"http://{plane.address}/v1/queues", headers={"X-API-Key": "another-secret"}) as admitted:
            assert admitted.status == HTTPStatus.OK


@asynccontextmanager
async def paced(directory: Path, pace: StreamTimes) -> AsyncIterator[tuple[ControlParts, Address]]:
    """A server whose streams have other times than usual."""
    centre = build_centre(directory)
    parts = parts_of(centre)
    stream = EventStreamRoutes(parts.events, parts.registry, pace)
    settings = settings_for(centre, Address("127.0.0.1", 0))
    runner = web.AppRunner(build(settings, parts, stream, Keyring(settings.keys)), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield parts, Address("127.0.0.1", runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def test_quiet_stream_sends_heartbeats_and_finds_out_that_its_listener_left(tmp_path: Path) -> None:
    async with paced(tmp_path / "recordings", StreamTimes(heartbeat_s=0.01)) as (parts, address):
        before = asyncio.all_tasks()
        key = {"X-API-Key": KEYS[Right.READ]}
        async with ClientSession(headers=key) as client, client.get(f"http://{address}/v1/events") as response:
            await begin(response)
            serving = asyncio.all_tasks() - before
            async with asyncio.timeout(READ_WITHIN_S):
                assert await response.content.readuntil(b"\n\n") == b": still here\n\n"
            assert parts.registry.get_sample_value("acdcore_http_event_streams") == 1
        async with asyncio.timeout(READ_WITHIN_S):
            await asyncio.gather(*serving)
        assert parts.registry.get_sample_value("acdcore_http_event_streams") == 0


async def test_listener_that_never_reads_is_cut_off(tmp_path: Path) -> None:
    async with paced(tmp_path / "recordings", StreamTimes(write_within_s=0.05)) as (parts, address):
        before = asyncio.all_tasks()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: x\r\nX-API-Key: %b\r\n\r\n" % KEYS[Right.READ].encode())
        async with asyncio.timeout(READ_WITHIN_S):
            await reader.readuntil(b": acdcore events")
            serving = asyncio.all_tasks() - before
            for _ in range(900):
                parts.events.publish(StreamEventKind.ALARM, AlarmChange("disk_full", True, "x" * 20_000), MORNING)
            await asyncio.gather(*serving)
        assert parts.registry.get_sample_value("acdcore_http_event_streams") == 0
        writer.close()


async def test_listener_that_stops_reading_gets_its_overrun(served: Served) -> None:
    # Far more than the sockets' buffers and the listener's place in the stream hold together.
    async with served.reader.get("/v1/events") as response:
        await begin(response)
        detail = "x" * 20_000
        for _ in range(3000):
            alarm(served.centre, detail)
            await asyncio.sleep(0)
        async with asyncio.timeout(READ_WITHIN_S):
            text = await response.read()
    assert b"event: overrun" in text[-2000:]
