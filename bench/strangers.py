"""Strangers of one kind, for `bench.attack`: a load that is bounded, stays on the loopback and ends by itself.

  flood      bad REGISTERs, INVITEs, OPTIONS and garbage over UDP, a quarter each, from --sources addresses
  rtp        one packet of G.711 to every port of --ports each 0.5 s, from another address and from the phones' own
  tcp        --count connections to the SIP port that say nothing
  http       --count connections to the control plane that say nothing
  passwords  guesses for agents' REGISTER and for API keys, as fast as they are answered

Says `begun` when it begins and ends with one JSON line. `sent` counts what was sent or opened, `answered` what came
back, `turned_away` connections that the other side closed, `admitted` guesses that were let in, `heard` the ports from
which audio came to a stranger.
"""

import argparse
import asyncio
import itertools
import json
import secrets
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Address

from acdcore.kernel.address import Address
from acdcore.kernel.errors import AcdError
from acdcore.kernel.ids import IdSource
from acdcore.media.rtp import RtpPacket, build
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.syntax.message import Headers, Request, Response
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import OtherUri
from bench.centre import allow_many_files

BEGUN = "begun"
KINDS = ("flood", "rtp", "tcp", "http", "passwords")
FIRST_SOURCE = IPv4Address("127.66.0.1")
"""Strangers' addresses: none of the phones', the trunks' or the daemon's."""
PHONES = "127.0.0.1"
"""The address of a stranger who knows a phone's address but not its port."""
SOURCES_MAX, RATE_MAX, COUNT_MAX, SECONDS_MAX = 1_000, 20_000, 5_000, 600.0
"""A mistyped figure must not take the machine."""
STEP_S = 0.005
RTP_EACH_S = 0.5
RTP_SSRC = 0x57A46E12
PCMA = 8
GUESSERS = 20
"""Guesses under way at the same time, or one for each address."""
ANSWER_WITHIN_S = 0.5
"""After that the guess is taken for dropped."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the command line asks for."""

    kind: str
    sip: Address
    http: Address
    seconds: float
    rate: float
    sources: int
    count: int
    ports: range


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    kind: str
    sent: int = 0
    answered: int = 0
    turned_away: int = 0
    admitted: int = 0
    heard: list[int] = field(default_factory=list)


async def carry_out(orders: Orders) -> Outcome:
    """Attack for the given time."""
    outcome = Outcome(orders.kind)
    match orders.kind:
        case "flood":
            await flood(orders, outcome)
        case "rtp":
            await spray(orders, outcome)
        case "passwords":
            await guess(orders, outcome)
        case _:
            await idle(orders, outcome)
    return outcome


# --- flood ---


async def flood(orders: Orders, outcome: Outcome) -> None:
    """Datagrams at an even rate, each from the next source."""
    sockets = [udp(str(FIRST_SOURCE + index)) for index in range(orders.sources)]
    turns, listening = itertools.cycle(sockets), itertools.cycle(sockets)
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        while (passed := loop.time() - began) < orders.seconds:
            due = int(orders.rate * passed)
            for number in range(outcome.sent, due):
                source = next(turns)
                source.sendto(bad_message(number, source.getsockname()[0], orders.sip), orders.sip)
            outcome.sent = due
            outcome.answered += drained(next(listening))
            await asyncio.sleep(STEP_S)
    finally:
        for source in sockets:
            source.close()


def bad_message(number: int, source: str, server: Address) -> bytes:
    """Four kinds in turn; none has anything to do with one before."""
    method = ("REGISTER", "INVITE", "OPTIONS", "")[number % 4]
    if not method:
        return secrets.token_bytes(20 + number % 400)
    user = f"sip:{1001 + number % 50}@{server}" if method == "INVITE" else f"sip:{server}"
    lines = [
        f"{method} {user} SIP/2.0",
        f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bK{secrets.token_hex(6)};rport",
        "Max-Forwards: 70",
        f"From: <sip:{number % 9999}@{source}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{1001 + number % 50}@{server}>",
        f"Call-ID: {secrets.token_hex(8)}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:x@{source}:5060>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


# --- RTP ---


async def spray(orders: Orders, outcome: Outcome) -> None:
    """One packet to every port, then the next to every port; who answers is heard."""
    strangers = [udp(str(FIRST_SOURCE)), udp(PHONES)]
    loop = asyncio.get_running_loop()
    began = loop.time()
    heard: set[int] = set()
    try:
        for number in itertools.count():
            due = began + number * RTP_EACH_S
            if due - began >= orders.seconds:
                break
            for at, port in enumerate(orders.ports):
                if at % 50 == 0:
                    await asyncio.sleep(max(0.0, due + at / len(orders.ports) * RTP_EACH_S - loop.time()))
                for stranger in strangers:
                    stranger.sendto(shout(number), (orders.sip.host, port))
                    outcome.sent += 1
                heard |= {port for stranger in strangers for port in senders(stranger)}
        await asyncio.sleep(max(0.0, began + orders.seconds - loop.time()))
        heard |= {port for stranger in strangers for port in senders(stranger)}
    finally:
        for stranger in strangers:
            stranger.close()
    outcome.heard = sorted(heard)


def shout(number: int) -> bytes:
    """The stranger's next packet: one SSRC, successive numbers, the loudest that G.711 has."""
    return build(RtpPacket(PCMA, number & 0xFFFF, 160 * number & 0xFFFFFFFF, RTP_SSRC, b"\x2a\xaa" * 80))


# --- idlers ---


async def idle(orders: Orders, outcome: Outcome) -> None:
    """Open connections and say nothing; each that is closed is opened again, once a second at most."""
    target = orders.sip if orders.kind == "tcp" else orders.http
    loop = asyncio.get_running_loop()
    until = loop.time() + orders.seconds

    async def one(index: int) -> None:
        await asyncio.sleep(index / orders.count)
        source = str(FIRST_SOURCE + index % orders.sources)
        while loop.time() < until:
            try:
                async with asyncio.timeout_at(until):
                    reader, writer = await asyncio.open_connection(*target, local_addr=(source, 0))
            except (OSError, TimeoutError):
                outcome.turned_away += 1
                await asyncio.sleep(min(1.0, max(0.0, until - loop.time())))
                continue
            outcome.sent += 1
            try:
                async with asyncio.timeout_at(until):
                    while await reader.read(4096):
                        outcome.answered += 1
                    outcome.turned_away += 1
                    await asyncio.sleep(1)
            except TimeoutError:
                pass
            except OSError:
                outcome.turned_away += 1
            finally:
                writer.close()

    await asyncio.gather(*(one(index) for index in range(orders.count)))


# --- passwords ---


async def guess(orders: Orders, outcome: Outcome) -> None:
    """Guess agents' passwords and API keys until the time is over."""
    until = asyncio.get_running_loop().time() + orders.seconds
    await asyncio.gather(
        *(guess_passwords(orders, outcome, until, index) for index in range(max(GUESSERS, orders.sources))),
        guess_keys(orders, outcome, until),
    )


async def guess_passwords(orders: Orders, outcome: Outcome, until: float, index: int) -> None:
    """One guesser, who answers each challenge with the next password."""
    loop = asyncio.get_running_loop()
    ids = IdSource()
    with udp(str(FIRST_SOURCE + index % orders.sources)) as guesser:
        guesser.connect(orders.sip)
        for number in itertools.count():
            if loop.time() >= until:
                return
            user = str(1001 + (number + index) % 50)
            challenge = await asked(guesser, register(orders.sip, guesser, user, 1, ""))
            if challenge is None or challenge.status != 401:
                await asyncio.sleep(0.02)
                continue
            client = DigestClient(user, secrets.token_hex(4))
            uri = OtherUri("sip", str(orders.sip))
            if not client.answers(Request("REGISTER", uri, Headers()), challenge, ids, is_first=True):
                continue
            ((_, value),) = client.credentials("REGISTER", str(uri))
            outcome.sent += 1
            verdict = await asked(guesser, register(orders.sip, guesser, user, 2, value))
            outcome.answered += verdict is not None
            outcome.admitted += verdict is not None and verdict.status == 200


async def asked(guesser: socket.socket, request: bytes) -> Response | None:
    """The answer, if one comes in time."""
    loop = asyncio.get_running_loop()
    drained(guesser)
    try:
        guesser.send(request)
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer = parse(await loop.sock_recv(guesser, 4096))
    except (OSError, TimeoutError, AcdError):
        return None
    return answer if isinstance(answer, Response) else None


def register(server: Address, guesser: socket.socket, user: str, cseq: int, credentials: str) -> bytes:
    """A REGISTER that would bind the agent to the guesser."""
    mine = Address(*guesser.getsockname())
    lines = [
        f"REGISTER sip:{server} SIP/2.0",
        f"Via: SIP/2.0/UDP {mine};branch=z9hG4bK{secrets.token_hex(6)};rport",
        "Max-Forwards: 70",
        f"From: <sip:{user}@{server}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{user}@{server}>",
        f"Call-ID: {secrets.token_hex(8)}",
        f"CSeq: {cseq} REGISTER",
        f"Contact: <sip:{user}@{mine}>",
        "Expires: 3600",
        *([f"Authorization: {credentials}"] if credentials else []),
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def guess_keys(orders: Orders, outcome: Outcome, until: float) -> None:
    """API keys, one after the other."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        request = f"GET /v1/agents HTTP/1.1\r\nHost: {orders.http}\r\nX-API-Key: {secrets.token_urlsafe(24)}\r\n"
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                reader, writer = await asyncio.open_connection(*orders.http, local_addr=(str(FIRST_SOURCE), 0))
                writer.write((request + "Connection: close\r\n\r\n").encode())
                status = await reader.readline()
                writer.close()
        except (OSError, TimeoutError):
            await asyncio.sleep(0.05)
            continue
        outcome.sent += 1
        outcome.answered += bool(status)
        outcome.admitted += b" 200 " in status
        await asyncio.sleep(0.01)


# --- sockets ---


def udp(host: str) -> socket.socket:
    """Any port of that address."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind((host, 0))
    return opened


def senders(listener: socket.socket) -> list[int]:
    """The ports from which something has come."""
    found = []
    while True:
        try:
            found.append(listener.recvfrom(2048)[1][1])
        except BlockingIOError:
            return found
        except OSError:  # an earlier packet's port is closed
            continue


def drained(listener: socket.socket) -> int:
    """How many datagrams have come."""
    return len(senders(listener))


# --- command line ---


def main() -> None:
    """Command line."""
    orders = parse_orders(sys.argv[1:])
    allow_many_files()
    print(BEGUN, flush=True)
    print(json.dumps(asdict(asyncio.run(carry_out(orders)))), flush=True)


def parse_orders(arguments: Sequence[str]) -> Orders:
    """The command line; exits with 2 when it is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.strangers", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--sip", required=True, help="the daemon's SIP address, HOST:PORT")
    parser.add_argument("--http", required=True, help="its control plane, HOST:PORT")
    parser.add_argument("--seconds", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--rate", type=float, default=3000, help="datagrams a second of flood (default 3000)")
    parser.add_argument("--sources", type=int, default=1, help=f"addresses, from {FIRST_SOURCE} on (default 1)")
    parser.add_argument("--count", type=int, default=1000, help="connections of tcp and http (default 1000)")
    parser.add_argument("--ports", default="10000-10099", help="the daemon's audio ports, FIRST-LAST")
    found = parser.parse_args(arguments)
    try:
        sip, http = address_of(found.sip), address_of(found.http)
        first, last = map(int, found.ports.split("-"))
    except ValueError as error:
        parser.error(str(error))
    if not 0 < found.seconds <= SECONDS_MAX or not 0 < found.rate <= RATE_MAX:
        parser.error(f"--seconds is at most {SECONDS_MAX:g}, --rate at most {RATE_MAX}")
    if not 0 < found.sources <= SOURCES_MAX or not 0 < found.count <= COUNT_MAX or not 1024 <= first <= last <= 65535:
        parser.error(f"--sources is at most {SOURCES_MAX}, --count at most {COUNT_MAX}, --ports from 1024 to 65535")
    return Orders(found.kind, sip, http, found.seconds, found.rate, found.sources, found.count, range(first, last + 1))


def address_of(text: str) -> Address:
    """HOST:PORT of the loopback; raises ValueError for any other machine."""
    host, _, port = text.rpartition(":")
    if not IPv4Address(host).is_loopback:
        raise ValueError(f"{text} is another machine: strangers stay on the loopback")
    return Address(host, int(port))


if __name__ == "__main__":
    main()
