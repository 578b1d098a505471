"""Dialling out: who may, by which trunk, and what becomes of it."""

import re

from acdcore.calls import events
from acdcore.calls.call import Call, SentTo
from acdcore.calls.hall import Hall
from acdcore.calls.leg import FellSilent, HungUp, Leg, PickedUp, Side, TurnedDown
from acdcore.calls.rules import Rules
from acdcore.calls.trunks import Trunk
from acdcore.kernel.address import Address
from acdcore.kernel.errors import AcdError, Refused
from acdcore.sip.digest_client import DigestClient
from acdcore.sip.digest_values import ALGORITHMS
from acdcore.sip.events import Flow, OutgoingInvite, OutgoingRequest, Transport
from acdcore.sip.headers import NameAddr
from acdcore.sip.uri import SipUri, escaped_user

OWN_DIGITS_MIN = 8
"""Digits at the end that make a number as typed and as shown the same: a local number has so many."""
RING_OUTSIDE_S = 60.0
"""How long an outside number rings: about what mobile networks allow before their voicemail."""


def may_be_called(rules: Rules, number: str, own: str) -> bool:
    """Whether a caller may have `number` called: what strangers type must not cost the centre money.

    With `callback_numbers` every number must begin like one of them; without, it must be the caller's `own`, however
    either of them is written.
    """
    if rules.callback_numbers:
        return number.startswith(rules.callback_numbers)
    typed, shown = (re.sub(r"\D", "", each).lstrip("0") for each in (number, own))
    shorter, longer = sorted((typed, shown), key=len)
    return typed == shown != "" or (len(shorter) >= OWN_DIGITS_MIN and longer.endswith(shorter))


async def until_answered(call: Call, leg: Leg, partner: Leg | None = None) -> int | None:
    """Wait for the other end: None when somebody answered, else the status; 487 when `partner` hung up first.

    Where the caller is sent meanwhile is read by whoever has the caller next.
    """
    later: SentTo | None = None
    status: int | None = None
    while True:
        match await call.mailbox.next():
            case PickedUp(leg=answered) if answered is leg:
                break
            case TurnedDown(leg=refused, status=final) if refused is leg:
                status = final
                break
            case HungUp(leg=gone) if gone is leg:
                status = 480
                break
            case HungUp(leg=gone) | FellSilent(leg=gone) if gone is partner:
                status = 487
                break
            case SentTo() as later:
                pass
            case _:
                pass
    if later is not None:
        call.mailbox.post(later)
    return status


def dial_outside(call: Call, hall: Hall, number: str, trunk_name: str = "", side: Side = Side.OUTSIDE) -> Leg:
    """Call out on that trunk, or on the first that may, on a line that the leg's end gives back.

    Raises Refused when no trunk may, LinesFull when all lines are taken, PortsExhausted.
    """
    trunk = hall.rules.trunks.way_out(trunk_name)
    if trunk is None:
        which = f"trunk {trunk_name} may not" if trunk_name else "no trunk may"
        raise Refused(f"{which} dial out, so {number} cannot be reached; set may_dial_out on one")
    line = hall.lines.take(trunk.name)
    try:
        leg = Leg(hall.wiring, side, call)
    except AcdError:
        line.give_back()
        raise
    leg.line = line
    leg.has_nat = trunk.nat
    call.held.callback(leg.close)
    call.log(events.Dialled(hall.clock.now(), number, trunk.name))
    leg.dial(outside_invite(call, hall, trunk, number))
    return leg


def way_to(hall: Hall, trunk: Trunk) -> tuple[SipUri, Flow]:
    """The trunk's peer, and how to send to it; raises Unavailable."""
    peer = SipUri.parse(trunk.target)
    transport = Transport.TCP if (peer.param("transport") or "").lower() == "tcp" else Transport.UDP
    return peer, hall.wiring.stack.flow_to(transport, Address(peer.host, peer.port or 5060))


def question_to(hall: Hall, trunk: Trunk) -> OutgoingRequest:
    """The OPTIONS that asks the trunk's peer whether it is there; raises Unavailable."""
    peer, flow = way_to(hall, trunk)
    return OutgoingRequest("OPTIONS", peer, flow, NameAddr(SipUri("sip", "acdcore", flow.local.host)), NameAddr(peer))


def outside_invite(call: Call, hall: Hall, trunk: Trunk, number: str) -> OutgoingInvite:
    """The INVITE to `number` by `trunk`, with the caller's number as ours to show."""
    peer, flow = way_to(hall, trunk)
    target = SipUri(
        scheme="sip", user=escaped_user(number), password=None, host=peer.host, port=peer.port, params=peer.params
    )
    shown = SipUri(
        scheme="sip", user=escaped_user(call.view.caller or "anonymous"), password=None, host=flow.local.host, port=None
    )
    return OutgoingInvite(
        target=target,
        flow=flow,
        from_=NameAddr(shown),
        to=NameAddr(target),
        credentials=credentials_of(trunk),
        timeout_s=RING_OUTSIDE_S,
        path=trunk.path,
    )


def credentials_of(trunk: Trunk) -> DigestClient | None:
    """What answers the trunk's challenges; None when it is known by its address only."""
    if not trunk.user:
        return None
    return DigestClient(trunk.user, trunk.password, trunk.digest_algorithms or ALGORITHMS)
