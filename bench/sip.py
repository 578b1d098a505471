"""What SIP costs: two endpoints back to back in one process, on a virtual clock, without sockets.

A call is INVITE, 100, 180, 200, ACK, BYE, 200: seven messages, each built by one endpoint and read by the other, which
is what a queue call with its two legs costs the daemon. Calls come at --rate in virtual time, so that as many
transactions linger, and as many timers expire, as at that rate in real time. Times are processor time, the best of
--rounds rounds of --calls calls each, because the machine is shared. The last line is JSON.
"""

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from acdcore.kernel.address import Address
from acdcore.kernel.ids import IdSource
from acdcore.sip.endpoint import Endpoint, EndpointSettings
from acdcore.sip.events import (
    InviteArrived,
    OutgoingInvite,
    Output,
    SessionEnded,
    SipFlow,
    Transmit,
    Transport,
)
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.parser import parse
from acdcore.sip.syntax.uri import SipUri

CALLER = SipFlow(Transport.UDP, Address("192.0.2.1", 5060), Address("192.0.2.2", 5060))
CALLEE = SipFlow(Transport.UDP, Address("192.0.2.2", 5060), Address("192.0.2.1", 5060))
SDP = (
    b"v=0\r\no=- 3970000000 3970000000 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)
MESSAGES_OF_A_CALL = 7
SAMPLES_MAX = 2_000
"""Messages kept for the parser and the serialiser: fewer than the addresses that the parser remembers."""


@dataclass(frozen=True, slots=True)
class Size:
    """What the command line asks for."""

    calls: int
    rounds: int
    rate: float


class Wire:
    """Two endpoints; what one sends the other gets at once."""

    def __init__(self, rate: float) -> None:
        self.now = 0.0
        self.ended = 0
        self.samples: list[bytes] = []
        self._gap_s = 1 / rate
        self._caller = Endpoint(EndpointSettings(user_agent="caller", contact_user="caller"), IdSource())
        self._callee = Endpoint(EndpointSettings(user_agent="callee", contact_user="callee"), IdSource())
        self._on_the_way: deque[tuple[Endpoint, SipFlow, bytes]] = deque()

    def call(self, number: int) -> None:
        """One whole call, and the timers that fall due until the next one comes."""
        target = SipUri("sip", f"{4000 + number % 150}", "192.0.2.2", 5060)
        from_ = NameAddr(SipUri("sip", f"138{number % 10_000:08d}", "192.0.2.1"), "Caller")
        invite = OutgoingInvite(target, CALLER, from_, NameAddr(target), SDP)
        session, outputs = self._caller.invite(invite, self.now)
        self._send(outputs, self._callee, CALLEE)
        self._deliver()
        self._send(self._caller.hang_up(session, self.now), self._callee, CALLEE)
        self._deliver()
        self.now += self._gap_s
        for endpoint in (self._caller, self._callee):
            at = endpoint.next_deadline()
            if at is not None and at <= self.now:
                endpoint.handle_deadline(self.now)

    def _send(self, outputs: list[Output], to: Endpoint, flow: SipFlow) -> None:
        for output in outputs:
            if isinstance(output, Transmit):
                self._on_the_way.append((to, flow, output.data))
            elif isinstance(output, InviteArrived):
                self._send(self._callee.progress(output.session, 180, self.now), self._caller, CALLER)
                self._send(self._callee.answer(output.session, SDP, self.now), self._caller, CALLER)
            elif isinstance(output, SessionEnded):
                self.ended += 1

    def _deliver(self) -> None:
        while self._on_the_way:
            to, flow, data = self._on_the_way.popleft()
            if len(self.samples) < SAMPLES_MAX:
                self.samples.append(data)
            is_callee = to is self._callee
            self._send(to.receive(data, flow, self.now), *self._other(is_callee))

    def _other(self, is_callee: bool) -> tuple[Endpoint, SipFlow]:
        return (self._caller, CALLER) if is_callee else (self._callee, CALLEE)


def best_us(work: Callable[[], int], rounds: int) -> float:
    """Microseconds of processor time for one unit of work, in the best round; `work` returns how many it did."""
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        units = work()
        best = min(best, (time.process_time() - started) / units)
    return best * 1e6


def full_calls(wire: Wire, calls: int) -> int:
    """Place so many calls."""
    for number in range(calls):
        wire.call(number)
    return calls


def parsing(samples: list[bytes]) -> int:
    """Read every message."""
    for data in samples:
        parse(data)
    return len(samples)


def main() -> int:
    """The command line."""
    size = _size(sys.argv[1:])
    wire = Wire(size.rate)
    lingering_calls = int(33 * size.rate)
    full_calls(wire, lingering_calls)
    call_us = best_us(lambda: full_calls(wire, size.calls), size.rounds)
    messages = [parse(data) for data in wire.samples]
    parse_us = best_us(lambda: parsing(wire.samples), size.rounds)
    serialise_us = best_us(lambda: len([one.serialise() for one in messages]), size.rounds)
    failed = lingering_calls + size.calls * size.rounds - wire.ended
    messages_per_s = 2 * MESSAGES_OF_A_CALL / call_us * 1e6
    print(f"parse      {parse_us:8.1f} us a message")
    print(f"serialise  {serialise_us:8.1f} us a message")
    print(f"call       {call_us:8.1f} us, both legs; {messages_per_s:,.0f} messages in and out a second")
    figures = {
        "parse_us": round(parse_us, 2),
        "serialise_us": round(serialise_us, 2),
        "call_us": round(call_us, 1),
        "messages_per_s": round(messages_per_s),
        "failed": failed,
    }
    print(json.dumps(figures))
    return 1 if failed else 0


def _size(arguments: list[str]) -> Size:
    parser = argparse.ArgumentParser(prog="python -m bench.sip", description=__doc__)
    parser.add_argument("--calls", type=int, default=500, help="calls of one round (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=12, help="rounds; the best counts (default %(default)s)")
    parser.add_argument("--rate", type=float, default=100.0, help="calls a virtual second (default %(default)s)")
    asked = parser.parse_args(arguments)
    return Size(asked.calls, asked.rounds, asked.rate)


if __name__ == "__main__":
    sys.exit(main())
