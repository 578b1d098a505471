"""A carrier's proxy between us and the caller: it closes idle TCP connections, and calls go on and end properly."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from bench.ports import free_port
from tests.wire.hotline import FORWARDED, ORDINARY, SERVICE, hotline
from tests.wire.kamailio_proxy import IDLE_S, Kamailio
from tests.wire.parties import Party, both_talk, dial_in, pick_up, take_seat
from tests.wire.watch import Operator

from acdcore.kernel.address import Address

pytestmark = pytest.mark.wire

CLOSED_WITHIN_S = 4 * IDLE_S
"""Kamailio looks for idle connections every few seconds."""


@dataclass
class Carrier:
    """A daemon behind its carrier's proxy, and who is around them."""

    operator: Operator
    subscriber: Phone
    """Calls us through the proxy."""
    local: Phone
    """Calls us without it."""
    far: Phone
    """Is called through the proxy."""
    agents: Phone

    async def until_closed(self) -> None:
        """The proxy has closed its connections with us, of whichever side opened them."""
        async with asyncio.timeout(CLOSED_WITHIN_S):
            while (await self.operator.metrics())["acdcore_sip_connections"]:  # noqa: ASYNC110 another process
                await asyncio.sleep(0.2)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def proxied(open_directory: Path) -> AsyncIterator[tuple[Daemon, Kamailio]]:
    """A daemon whose calls out go to the proxy over TCP."""
    far = Address("127.0.0.1", free_port(socket.SOCK_DGRAM))
    proxy_port = free_port(socket.SOCK_DGRAM)
    target = {"ACDCORE_TRUNKS__FAR__TARGET": f"sip:127.0.0.1:{proxy_port};transport=tcp"}
    async with (
        Daemon(hotline(open_directory / "proxied", 5999, environment=target)) as daemon,
        Kamailio(open_directory / "kamailio", proxy_port, daemon.sip, far) as proxy,
    ):
        yield daemon, proxy


@pytest.fixture
async def carrier(proxied: tuple[Daemon, Kamailio]) -> AsyncIterator[Carrier]:
    daemon, proxy = proxied
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(Operator(daemon))
        phones = [PhoneSettings(proxy.address), PhoneSettings(daemon.sip), PhoneSettings(daemon.sip)]
        subscriber, local, agents = [await stack.enter_async_context(Phone(each)) for each in phones]
        far = await stack.enter_async_context(Phone(PhoneSettings(proxy.address, port=proxy.far.port)))
        yield Carrier(operator, subscriber, local, far, agents)
        held = await operator.settle()
        await operator.hang_up_all()
        assert held == {}


async def served(carrier: Carrier) -> tuple[Party, Party]:
    """A subscriber who talks to an agent, until the connection under the call is gone."""
    await take_seat(carrier.operator, carrier.agents, "1001")
    caller = await dial_in(carrier.subscriber, SERVICE)
    agent = await pick_up(carrier.agents)
    assert await both_talk(caller, agent)
    await carrier.until_closed()
    assert await both_talk(caller, agent)
    return caller, agent


async def called(carrier: Carrier) -> tuple[Party, Party]:
    """A caller whom a flow has connected to a subscriber, until the connection under that call is gone."""
    call = asyncio.create_task(dial_in(carrier.local, FORWARDED))
    party = await pick_up(carrier.far)
    caller = await call
    assert await both_talk(caller, party)
    await carrier.until_closed()
    assert await both_talk(caller, party)
    return caller, party


async def test_call_whose_idle_connection_was_closed_is_ended_by_the_caller(carrier: Carrier) -> None:
    caller, agent = await served(carrier)
    caller.call.hang_up()
    assert await agent.gone() == "bye"
    ended = await carrier.operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"]) == ("answered", "caller")
    await carrier.operator.order("1001", "log_out")


async def test_call_whose_idle_connection_was_closed_is_ended_by_the_agent(carrier: Carrier) -> None:
    caller, agent = await served(carrier)
    agent.call.hang_up()
    assert await caller.gone() == "bye"
    ended = await carrier.operator.ended(caller=ORDINARY)
    assert (ended["outcome"], ended["ended_by"]) == ("answered", "agent")
    await carrier.operator.order("1001", "log_out")


@pytest.mark.parametrize("is_ours", [True, False], ids=["by the caller", "by the one called"])
async def test_call_out_whose_idle_connection_was_closed_is_ended_from_either_side(
    carrier: Carrier, is_ours: bool
) -> None:
    caller, party = await called(carrier)
    leaves, stays = (caller, party) if is_ours else (party, caller)
    leaves.call.hang_up()
    assert await stays.gone() == "bye"
    await carrier.operator.ended(caller=ORDINARY)
