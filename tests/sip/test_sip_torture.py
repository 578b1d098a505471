"""The torture messages of RFCs 4475 and 5118, byte for byte, sent to a real socket: each gets the RFC's verdict."""

import asyncio
import hashlib
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.sip.accounts import REALM, OneAccount

from acdcore.kernel.address import Address
from acdcore.kernel.clock import SystemClock
from acdcore.kernel.ids import IdSource
from acdcore.sdp import negotiate
from acdcore.sdp.model import Codec, LocalMedia, SdpError
from acdcore.sip.auth.digest import Challenge, DigestServer, RequestToVerify
from acdcore.sip.endpoint import Endpoint, EndpointSettings
from acdcore.sip.events import InviteArrived, RequestArrived, SipEvent, SipFlow, Transport
from acdcore.sip.ladder import MessageDirection
from acdcore.sip.registrar import Registrar, RegistrarSettings
from acdcore.sip.stack import SipStack, StackSettings
from acdcore.sip.syntax.headers import CSeq
from acdcore.sip.syntax.message import Message, Request, Response
from acdcore.sip.syntax.parser import MalformedMessage, parse
from acdcore.sip.syntax.uri import OtherUri, SipUri

MESSAGES = Path(__file__).parent / "torture"
LOCAL = LocalMedia(Address("127.0.0.1", 16_384), (Codec.PCMA, Codec.PCMU), session_id=1)
TAKEN = 200
"""An INVITE whose offer has audio for us is answered."""
WAIT_S = 5.0
"""A message over loopback takes well under a millisecond; this only ends a broken test."""


@dataclass(frozen=True)
class Row:
    """One message, and what the RFC wants done with it."""

    section: str
    """Section of the RFC that describes it."""
    name: str
    """Its name in the archive."""
    status: int | None
    """What it is answered with; None when it is to be dropped."""
    fact: Callable[[Message], bool] = lambda message: True
    """True of the message when it was understood as the RFC explains it."""


def request(message: Message) -> Request:
    assert isinstance(message, Request)
    return message


def hostport(message: Message) -> tuple[str, int | None]:
    uri = request(message).uri
    assert isinstance(uri, SipUri)
    return uri.host, uri.port


def is_folded_invite_understood(m: Message) -> bool:
    return (
        m.cseq == CSeq(9, "INVITE")
        and m.max_forwards == 68
        and (m.from_.display, m.from_.tag, m.to.tag) == ('J Rosenberg \\"', "98asjd8", "1918181833n")
        and [via.branch for via in m.vias] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
        and (m.contacts[0].display, m.contacts[0].param("q")) == ('Quoted string ""', "0.33")
        and m.route[0].sip_uri.param("unknownwith") == "value"
        and m.headers.get("Subject") == ""
        and m.headers.get("newfangledheader") == "newfangled value continued newfangled value"
        and len(m.body) == 150
    )


# Where RFC 4475 leaves a choice between reading and refusing, what cannot be misread is read.
RFC_4475 = (
    Row(
        "3.1.1.1", "wsinv", 481, is_folded_invite_understood
    ),  # well-formed; its To tag names a dialog that is not ours
    Row(
        "3.1.1.2",
        "intmeth",
        501,
        lambda m: request(m).method.startswith("!interesting-Method") and m.to.display == "BEL: NUL: DEL:",
    ),
    Row(
        "3.1.1.3",
        "esc01",
        TAKEN,
        lambda m: m.contacts[0].uri.username == "caller" and m.from_.uri.username == "I have spaces",
    ),
    Row(
        "3.1.1.4",
        "escnull",
        200,
        lambda m: m.to.uri.username == "null-%00-null" and [c.uri.username for c in m.contacts] == ["%00", "%00%00"],
    ),
    Row(
        "3.1.1.5",
        "esc02",
        501,
        lambda m: request(m).method == "RE%47IST%45R" and len(m.contacts) == 2 and m.to.display == "%Z%45",
    ),
    Row("3.1.1.6", "lwsdisp", 200, lambda m: m.from_.display == "caller"),
    Row("3.1.1.7", "longreq", TAKEN, lambda m: len(m.vias) == 34 and len(m.call_id) > 100),
    Row("3.1.1.8", "dblreq", 200, lambda m: request(m).method == "REGISTER" and m.body == b""),
    Row("3.1.1.9", "semiuri", 200, lambda m: request(m).uri.username == "user;par=u@example.net"),
    Row("3.1.1.10", "transports", 200, lambda m: " ".join(v.transport for v in m.vias) == "UDP SCTP TLS UNKNOWN TCP"),
    Row("3.1.1.11", "mpart01", 405, lambda m: m.content_type == "multipart/mixed" and b"\x30\x82" in m.body),
    Row("3.1.1.12", "unreason", None, lambda m: isinstance(m, Response) and "девять" in m.reason),
    Row("3.1.1.13", "noreason", None, lambda m: isinstance(m, Response) and m.reason == ""),
    Row("3.1.2.1", "badinv01", 400),
    Row("3.1.2.2", "clerr", 400),
    Row("3.1.2.3", "ncl", 400),
    Row("3.1.2.4", "scalar02", 400),
    Row("3.1.2.5", "scalarlg", None),
    Row("3.1.2.6", "quotbal", 400),
    Row("3.1.2.7", "ltgtruri", TAKEN, lambda m: request(m).uri.username == "user"),
    Row("3.1.2.8", "lwsruri", 400),
    Row("3.1.2.9", "lwsstart", TAKEN),
    Row("3.1.2.10", "trws", 200),
    Row("3.1.2.11", "escruri", 400),
    Row("3.1.2.12", "baddate", TAKEN),
    Row("3.1.2.13", "regbadct", 400),
    Row("3.1.2.14", "badaspec", 200, lambda m: m.to.uri.username == "t.watson"),
    Row("3.1.2.15", "baddn", 400),  # its head has no end either: see the test below
    Row("3.1.2.16", "badvers", 505),
    Row("3.1.2.17", "mismatch01", 400),
    Row("3.1.2.18", "mismatch02", 501),
    Row("3.1.2.19", "bigcode", None),
    Row("3.2.1", "badbranch", 200, lambda m: m.via.branch == "z9hG4bK"),
    Row("3.3.1", "insuf", 400),
    Row("3.3.2", "unkscm", 416, lambda m: request(m).uri == OtherUri("nobodyknowsthisscheme", "totallyopaquecontent")),
    Row("3.3.3", "novelsc", 416, lambda m: request(m).uri == OtherUri("soap.beep", "//192.0.2.103:3002")),
    Row("3.3.4", "unksm2", 400, lambda m: str(m.to.uri) == "isbn:2983792873" and len(m.contacts) == 1),
    Row("3.3.5", "bext01", 420, lambda m: m.tokens("Require") == ("nothingsupportsthis", "nothingsupportsthiseither")),
    Row("3.3.6", "invut", 415, lambda m: m.content_type == "application/unknownformat"),
    Row("3.3.7", "regaut01", 401),
    Row("3.3.8", "multi01", 400),
    Row("3.3.9", "mcl01", 400),
    Row("3.3.10", "bcast", None, lambda m: m.vias[1].host == "255.255.255.255"),
    Row("3.3.11", "zeromf", 200, lambda m: m.max_forwards == 0),
    Row("3.3.12", "cparam01", 200, lambda m: m.contacts[0].params == (("unknownparam", None),)),
    Row("3.3.13", "cparam02", 200, lambda m: m.contacts[0].sip_uri.params == (("unknownparam", None),)),
    Row(
        "3.3.14", "regescrt", 200, lambda m: m.contacts[0].sip_uri.headers == (("Route", "%3Csip:sip.example.com%3E"),)
    ),
    Row("3.3.15", "sdp01", 406),
    Row("3.4.1", "inv2543", TAKEN, lambda m: m.via.branch is None and m.from_.tag is None and len(m.body) > 0),
)

# The only audio of 4.6 and 4.9 is G.726, which we do not speak: well-formed, and not acceptable here.
RFC_5118 = (
    Row("4.1", "ipv6-good", 200, lambda m: (m.via.host, *hostport(m)) == ("2001:db8::9:1", "2001:db8::10", None)),
    Row("4.2", "ipv6-bad", 400),
    Row("4.3", "port-ambiguous", 200, lambda m: hostport(m) == ("2001:db8::10:5070", None)),
    Row("4.4", "port-unambiguous", 200, lambda m: hostport(m) == ("2001:db8::10", 5070)),
    Row("4.5", "via-received-param-with-delim", 481, lambda m: m.via.received == "[2001:db8::9:255]"),
    Row("4.5", "via-received-param-no-delim", 200, lambda m: m.via.received == "2001:db8::9:255"),
    Row("4.6", "ipv6-in-sdp", 488, lambda m: b"c=IN IP6 2001:db8::20\r\n" in m.body),
    Row(
        "4.7", "mult-ip-in-header", 481, lambda m: [via.host for via in m.vias][1:] == ["192.0.2.1", "2001:db8::9:255"]
    ),
    Row("4.8", "mult-ip-in-sdp", TAKEN),
    Row("4.9", "ipv4-mapped-ipv6", 488, lambda m: m.vias[1].host == "::ffff:192.0.2.2"),
    Row("4.10", "ipv6-bug-abnf-3-colons", 200, lambda m: hostport(m) == ("2001:db8::192.0.2.1", None)),
    Row("4.10", "ipv6-correct-abnf-2-colons", 200, lambda m: hostport(m) == ("2001:db8::192.0.2.1", None)),
)


def stored(rfc: str, row: Row) -> bytes:
    return (MESSAGES / rfc / (f"{row.name}.dat" if rfc == "rfc4475" else row.name)).read_bytes()


def on_the_wire(data: bytes) -> bytes:
    """A message of RFC 5118's archive as a phone would send it: CR LF, an end of the head, the length of the body."""
    head, _, body = data.replace(b"\n", b"\r\n").partition(b"\r\n\r\n")
    return re.sub(rb"(?m)^Content-Length: \d+", b"Content-Length: %d" % len(body), head.rstrip()) + b"\r\n\r\n" + body


CASES = [(row, stored("rfc4475", row)) for row in RFC_4475]
CASES += [(row, on_the_wire(stored("rfc5118", row))) for row in RFC_5118]
IDS = [row.name for row, _ in CASES]


class Switch:
    """A stack with a registrar and a script that answers calls; it keeps what went over the wire."""

    def __init__(self) -> None:
        self.stack = SipStack(
            Endpoint(EndpointSettings(), IdSource(1)),
            SystemClock(),
            self._event,
            StackSettings(udp=(Address("127.0.0.1", 0),), tcp=(Address("127.0.0.1", 0),)),
            self._see,
        )
        self.replies: list[tuple[bytes, SipFlow]] = []
        self.read = asyncio.Event()
        self._registrar: Registrar[SipFlow] = Registrar(RegistrarSettings())
        self._digest = DigestServer(REALM, b"secret", IdSource(2))

    def _see(self, direction: MessageDirection, flow: SipFlow, data: bytes, now: float) -> None:
        if direction is MessageDirection.IN:
            self.read.set()  # who waits for it runs when the endpoint is done with the message
        elif not data.startswith(b"SIP/2.0 100 "):
            self.replies.append((data, flow))

    def _event(self, event: SipEvent) -> None:
        match event:
            case InviteArrived(session, offer=offer):
                try:
                    self.stack.answer(session, negotiate.answer_offer(offer, LOCAL).body)
                except SdpError as error:
                    self.stack.refuse(session, error.sip_status)
            case RequestArrived(transaction, asked, flow):
                status, headers = self._register(asked, flow)
                self.stack.respond(transaction, status, headers)
            case _:
                raise AssertionError(f"no torture message brings {event}")

    def _register(self, asked: Request, flow: SipFlow) -> tuple[int, tuple[tuple[str, str], ...]]:
        """A registrar that wants a password of those who bring credentials only."""
        lines = asked.headers.get_all("Authorization")
        verdict = self._digest.verify(lines, RequestToVerify("REGISTER", str(asked.uri)), OneAccount(), 0.0)
        if lines and isinstance(verdict, Challenge):
            return 401, tuple(("WWW-Authenticate", value) for value in self._digest.challenge(0.0))
        reply = self._registrar.handle(asked, flow, asked.to.uri.username, 0.0)
        return reply.status, reply.headers


@asynccontextmanager
async def switch() -> AsyncIterator[Switch]:
    one = Switch()
    async with one.stack:
        yield one


def sender(data: bytes) -> socket.socket:
    """A socket at the port to which the response to `data` goes; at any port where that one is taken."""
    found = re.search(rb"(?im)^(?:via|v)[ \t]*:.*?[a-z0-9\]]:(\d+)", data)
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.setblocking(False)
    host = f"127.{44 + os.getpid() % 200}.{time.monotonic_ns() // 1000 % 250}.75"
    try:
        out.bind((host, int(found[1]) if found else 5060))
    except OSError:
        out.bind((host, 0))
    return out


async def received(out: socket.socket) -> bytes:
    """The response that a peer reads, after the 100 that every INVITE gets."""
    loop = asyncio.get_running_loop()
    data = await loop.sock_recv(out, 65_535)
    return await loop.sock_recv(out, 65_535) if data.startswith(b"SIP/2.0 100 ") else data


@pytest.mark.parametrize(("row", "data"), CASES, ids=IDS)
async def test_torture_message_over_udp_gets_the_verdict_of_its_rfc(row: Row, data: bytes) -> None:
    async with switch() as ours, asyncio.timeout(WAIT_S):
        with sender(data) as out:
            server = ours.stack.addresses(Transport.UDP)[0]
            out.sendto(data, (server.host, server.port))
            await ours.read.wait()
            if row.status is None:
                assert ours.replies == []
                assert sum(ours.stack.discarded.values()) == 1
                return
            ((reply, flow),) = ours.replies
            assert reply.startswith(b"SIP/2.0 %d " % row.status), reply
            if flow.remote == Address(*out.getsockname()):
                assert await received(out) == reply
            for name in (b"From", b"Call-ID"):  # as they came, but for blanks at their ends
                value = re.search(rb"(?m)^%b:[ \t]*(.*?)[ \t]*\r\n(?![ \t])" % name, data.partition(b"\r\n\r\n")[0])
                assert value is None or b"\r\n%b: %b\r\n" % (name, value[1]) in reply


@pytest.mark.parametrize(("row", "data"), CASES, ids=IDS)
def test_torture_message_is_understood_as_its_rfc_explains(row: Row, data: bytes) -> None:
    try:
        message = parse(data)
    except MalformedMessage as fault:
        assert row.status in (None, fault.status)
        assert (fault.partial is None) is (row.status is None)
        return
    assert row.fact(message)
    assert parse(message.serialise()) == message


@pytest.mark.parametrize("name", ["ncl", "mcl01"])
async def test_framing_fault_over_tcp_is_answered_and_closes_the_connection(name: str) -> None:
    async with switch() as ours:
        address = ours.stack.addresses(Transport.TCP)[0]
        async with asyncio.timeout(WAIT_S):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write((MESSAGES / "rfc4475" / f"{name}.dat").read_bytes())
            assert (await reader.read()).startswith(b"SIP/2.0 400 ")  # to the end: the connection is closed
            writer.close()
            await writer.wait_closed()


async def test_second_message_behind_the_first_counts_on_a_stream() -> None:
    data = (MESSAGES / "rfc4475" / "dblreq.dat").read_bytes()
    async with switch() as ours:
        address = ours.stack.addresses(Transport.TCP)[0]
        async with asyncio.timeout(WAIT_S):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            writer.write(data)
            answers = b""
            while b"CSeq: 8 INVITE" not in answers and (more := await reader.read(65_535)):
                answers += more
            assert answers.startswith(b"SIP/2.0 200 ")
            assert b"CSeq: 8 INVITE" in answers
            writer.close()
            await writer.wait_closed()


def test_bare_comma_in_a_display_name_is_read_where_the_head_has_an_end() -> None:
    message = parse((MESSAGES / "rfc4475" / "baddn.dat").read_bytes() + b"\r\n")
    assert (message.from_.display, message.to.display) == ("Bell, Alexander", "Watson, Thomas")


def test_messages_are_those_of_the_archives_byte_for_byte() -> None:
    lines = [line.split() for line in (MESSAGES / "SHA256SUMS").read_text().splitlines()]
    listed = {name: digest for digest, name in lines}
    stored_files = {
        str(path.relative_to(MESSAGES)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in MESSAGES.rglob("*")
        if path.is_file() and path.parent != MESSAGES
    }
    assert stored_files == listed
    names = {f"rfc4475/{row.name}.dat" for row in RFC_4475} | {f"rfc5118/{row.name}" for row in RFC_5118}
    assert names == set(listed)
    assert (len(RFC_4475), len(RFC_5118)) == (49, 12)


def test_messages_on_the_wire_differ_in_line_ends_and_length_only() -> None:
    for row in RFC_5118:
        data = stored("rfc5118", row)
        lines, sent = data.rstrip().split(b"\n"), on_the_wire(data).rstrip().split(b"\r\n")
        assert [a for a, b in zip(lines, sent, strict=True) if a != b and not a.startswith(b"Content-Length")] == []
