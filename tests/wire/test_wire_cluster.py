"""A cluster of session border controllers: the host that sends is not the one that stays in the call."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
import pytest_asyncio
from bench.daemon import Daemon
from bench.phone import Phone, PhoneSettings
from bench.ports import free_port
from tests.wire.hotline import FORWARDED, HOTLINE, hotline
from tests.wire.parties import dial_in
from tests.wire.watch import Operator

from acdcore.kernel.address import Address
from acdcore.sip.syntax.message import Request, Response
from acdcore.sip.syntax.parser import parse

pytestmark = pytest.mark.wire

EDGE, CORE = "127.0.0.1", "127.0.0.2"
"""Who sends, and is the trunk's address; who is named in Record-Route."""
NUMBER = "13911110000"
WITHIN_S = 5.0


class Host(asyncio.DatagramProtocol):
    """One host of the cluster: what it is sent is kept, and what it says is written by the test."""

    def __init__(self) -> None:
        self.heard: list[Request | Response] = []
        self._came = asyncio.Event()

    @classmethod
    async def open(cls, host: str, port: int = 0) -> Self:
        loop = asyncio.get_running_loop()
        transport, opened = await loop.create_datagram_endpoint(cls, local_addr=(host, port))
        opened._transport = transport
        name = transport.get_extra_info("sockname")
        opened.address = Address(name[0], name[1])
        return opened

    _transport: asyncio.DatagramTransport
    address: Address

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(parse(data))
        self._came.set()

    def say(self, lines: list[str], body: str, to: Address) -> None:
        head = [*lines, f"Content-Length: {len(body)}", "", ""]
        self._transport.sendto(("\r\n".join(head) + body).encode(), to)

    async def request(self, method: str) -> Request:
        """The first request of this method; raises TimeoutError."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for one in self.heard:
                    if isinstance(one, Request) and one.method == method:
                        return one
                self._came.clear()
                await self._came.wait()

    async def answered(self) -> Response:
        """The first 2xx to an INVITE; raises TimeoutError."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                for one in self.heard:
                    if isinstance(one, Response) and one.status == 200 and one.cseq.method == "INVITE":
                        return one
                self._came.clear()
                await self._came.wait()

    def methods(self) -> list[str]:
        return [one.method for one in self.heard if isinstance(one, Request)]

    def close(self) -> None:
        self._transport.close()


class Cluster:
    """Its two hosts, and a daemon."""

    def __init__(self, edge: Host, core: Host, daemon: Daemon) -> None:
        self.edge, self.core, self.daemon = edge, core, daemon


def described(port: int) -> str:
    return (
        f"v=0\r\no=- 1 1 IN IP4 {EDGE}\r\ns=-\r\nc=IN IP4 {EDGE}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def clustered(open_directory: Path) -> AsyncIterator[tuple[Daemon, int]]:
    """A daemon whose calls out go to the cluster's edge, and the edge's port."""
    port = free_port(socket.SOCK_DGRAM)
    async with Daemon(hotline(open_directory / "cluster", port)) as daemon:
        yield daemon, port


@pytest.fixture
async def cluster(clustered: tuple[Daemon, int]) -> AsyncIterator[Cluster]:
    daemon, port = clustered
    edge, core = await Host.open(EDGE, port), await Host.open(CORE)
    yield Cluster(edge, core, daemon)
    edge.close()
    core.close()


def answer_to(request: Request, *more: str) -> list[str]:
    return [
        "SIP/2.0 200 OK",
        *[f"{name}: {request.headers.get(name)}" for name in ("Via", "From", "Call-ID", "CSeq")],
        f"To: {request.headers.get('To')}" + ("" if request.to.tag else ";tag=core"),
        *more,
    ]


async def test_bye_of_a_call_from_a_cluster_arrives_at_its_record_route(cluster: Cluster) -> None:
    edge, core, server = cluster.edge, cluster.core, cluster.daemon.sip
    common = [
        f"From: <sip:{NUMBER}@{EDGE}>;tag=edge",
        "Call-ID: cluster-in",
        "Max-Forwards: 70",
        f"Contact: <sip:{NUMBER}@127.0.0.3>",
    ]
    head = [f"INVITE sip:{HOTLINE}@{server} SIP/2.0", f"Via: SIP/2.0/UDP {edge.address};branch=z9hG4bKcluster;rport"]
    first = [
        *head,
        *common,
        f"To: <sip:{HOTLINE}@{server}>",
        "CSeq: 1 INVITE",
        f"Record-Route: <sip:{core.address};lr>",
    ]
    async with Operator(cluster.daemon) as operator:
        edge.say([*first, "Content-Type: application/sdp"], described(40_000), server)
        answer = await edge.answered()
        assert answer.headers.get("Record-Route") == f"<sip:{core.address};lr>"
        ack = [
            f"ACK sip:{HOTLINE}@{server} SIP/2.0",
            f"Via: SIP/2.0/UDP {core.address};branch=z9hG4bKcluster-ack;rport",
            *common,
            f"To: {answer.headers.get('To')}",
            "CSeq: 1 ACK",
        ]
        core.say(ack, "", server)
        await operator.until("call_answered")
        await operator.hang_up_all()
        bye = await core.request("BYE")
        assert str(bye.uri) == f"sip:{NUMBER}@127.0.0.3"
        assert bye.headers.get("Route") == f"<sip:{core.address};lr>"
        core.say(answer_to(bye), "", server)
        await operator.ended(caller=NUMBER)
    assert "BYE" not in edge.methods()


async def test_ack_and_bye_of_a_call_to_a_cluster_arrive_at_its_record_route(cluster: Cluster) -> None:
    edge, core, server = cluster.edge, cluster.core, cluster.daemon.sip
    async with Operator(cluster.daemon) as operator, Phone(PhoneSettings(server)) as phone:
        calling = asyncio.create_task(dial_in(phone, FORWARDED))
        invite = await edge.request("INVITE")
        more = (
            f"Record-Route: <sip:{core.address};lr>",
            "Contact: <sip:customer@127.0.0.3>",
            "Content-Type: application/sdp",
        )
        edge.say(answer_to(invite, *more), described(40_002), server)
        ack = await core.request("ACK")
        assert str(ack.uri) == "sip:customer@127.0.0.3"
        party = await calling
        party.call.hang_up()
        bye = await core.request("BYE")
        core.say(answer_to(bye), "", server)
        await operator.until("call_ended")
    assert not {"ACK", "BYE"} & set(edge.methods())
