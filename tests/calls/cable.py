"""SIP stacks joined by a cable on the loop's clock: the real driver and the real endpoint, without sockets.

A stack that listens nowhere drops what it sends; its observer sees it all the same, and puts it on the cable.
"""

import asyncio
from collections.abc import Callable

from acdcore.kernel.address import Address
from acdcore.kernel.clock import Clock
from acdcore.sip.endpoint import Endpoint
from acdcore.sip.events import SipEvent, SipFlow, Transport
from acdcore.sip.ladder import LadderMessage, MessageDirection, header_value, label
from acdcore.sip.stack import SipStack, StackSettings

DELAY_S = 0.001
"""From one end to the other; far below the tenth of a second with which the tests write times."""
APART_S = 1e-7
"""Between two arrivals."""


class CabledStack(SipStack):
    """A stack at one end of the cable."""

    def __init__(
        self, cable: "Cable", address: Address, endpoint: Endpoint, clock: Clock, on_event: Callable[[SipEvent], None]
    ) -> None:
        super().__init__(endpoint, clock, on_event, StackSettings(), cable.observe)
        self.address = address
        self.endpoint = endpoint

    def flow_to(self, transport: Transport, remote: Address) -> SipFlow:
        """Whatever is asked for goes by the cable."""
        return SipFlow(Transport.UDP, self.address, remote)

    def arrive(self, data: bytes, flow: SipFlow) -> None:
        """A message comes out of the cable."""
        self._receive(data, flow)


class Cable:
    """Carries messages in order, each after `DELAY_S`, and remembers them."""

    def __init__(self) -> None:
        self.stacks: dict[Address, CabledStack] = {}
        self.seen: list[LadderMessage] = []
        self._lost: list[tuple[Address, str]] = []
        self._arrives_at = 0.0
        self.unplugged: set[Address] = set()
        """Whose messages are lost, both ways, until they are taken out again."""

    def plug(
        self, address: Address, endpoint: Endpoint, clock: Clock, on_event: Callable[[SipEvent], None]
    ) -> CabledStack:
        """A new end."""
        stack = self.stacks[address] = CabledStack(self, address, endpoint, clock, on_event)
        return stack

    def lose(self, sender: Address, *labels: str) -> None:
        """Lose the next message of each of these labels (as in a ladder) that comes from `sender`."""
        self._lost += [(sender, each) for each in labels]

    def observe(self, direction: MessageDirection, flow: SipFlow, data: bytes, now: float) -> None:
        """What a stack sends goes to the phone that is plugged in at the other end."""
        if direction is MessageDirection.IN:
            return
        lost = (flow.local, label(data))
        is_lost = lost in self._lost
        if is_lost:
            self._lost.remove(lost)
        is_lost = is_lost or not self.unplugged.isdisjoint((flow.local, flow.remote))
        self.seen.append(LadderMessage(now, flow.local, flow.remote, data, is_lost))
        if not is_lost:
            self._carry(data, flow)

    def put(self, data: bytes, sender: Address, receiver: Address) -> None:
        """Send what no stack says: a message of somebody else at the sender's end."""
        self.seen.append(LadderMessage(asyncio.get_running_loop().time(), sender, receiver, data))
        self._carry(data, SipFlow(Transport.UDP, sender, receiver))

    def _carry(self, data: bytes, flow: SipFlow) -> None:
        receiver = self.stacks.get(flow.remote)
        if receiver is not None:
            arrival = SipFlow(Transport.UDP, flow.remote, flow.local)
            loop = asyncio.get_running_loop()
            # Timers of one moment fire in no particular order: a hair's breadth keeps the cable's.
            self._arrives_at = max(self._arrives_at + APART_S, loop.time() + DELAY_S)
            loop.call_at(self._arrives_at, receiver.arrive, data, arrival)

    def arrows(self, address: Address) -> list[str]:
        """What one end sent (`>`) and was sent (`<`), without REGISTER: `> INVITE sdp`."""
        return [
            f"{'>' if one.sender == address else '<'} {label(one.data)}"
            for one in self.seen
            if address in (one.sender, one.receiver) and "REGISTER" not in header_value(one.data, "CSeq")
        ]
