"""A call goes out: the caller is connected to an outside number that a rule or a flow names."""

from acdcore.calls.call import Call
from acdcore.calls.hall import Hall
from acdcore.calls.leg import HungUp, Leg, PickedUp, Side, TurnedDown
from acdcore.calls.talk import announce, talk_to_outside, until_played
from acdcore.calls.trunks import Trunk
from acdcore.ivr.system import SystemPrompt
from acdcore.kernel.address import Address
from acdcore.kernel.errors import AcdError, Refused
from acdcore.sip.digest import DigestClient
from acdcore.sip.events import OutgoingInvite, Transport
from acdcore.sip.headers import NameAddr
from acdcore.sip.uri import SipUri, escaped_user

RING_OUTSIDE_S = 60.0
"""How long an outside number rings: about what mobile networks allow before their voicemail."""


async def forward(call: Call, caller: Leg, hall: Hall, number: str) -> bool:
    """Ring `number`, let the two talk until one hangs up; False when nobody answered, and the caller was told so."""
    try:
        leg = dial_outside(call, hall, number)
    except AcdError:
        await apologise(call, caller, hall)
        return False
    caller.set_music(hall.voice.ringback())
    while True:
        match await call.mailbox.next():
            case PickedUp(leg=answered) if answered is leg:
                await talk_to_outside(call, caller, leg, number, hall)
                return True
            case TurnedDown(leg=refused) | HungUp(leg=refused) if refused is leg:
                await apologise(call, caller, hall)
                return False
            case _:
                pass


def dial_outside(call: Call, hall: Hall, number: str) -> Leg:
    """Call out on the trunk that may; raises Refused when none may, LinesFull when its lines are taken."""
    trunk = hall.trunks.way_out()
    if trunk is None:
        raise Refused(f"no trunk may dial out, so {number} cannot be reached; set may_dial_out on one")
    call.held.callback(hall.lines.take(trunk.name).give_back)
    leg = Leg(hall.wiring, Side.OUTSIDE, call)
    call.held.callback(leg.close)
    leg.dial(outside_invite(call, hall, trunk, number))
    return leg


def outside_invite(call: Call, hall: Hall, trunk: Trunk, number: str) -> OutgoingInvite:
    """The INVITE to `number` by `trunk`, with the caller's number as ours to show."""
    peer = SipUri.parse(trunk.target)
    transport = Transport.TCP if (peer.param("transport") or "").lower() == "tcp" else Transport.UDP
    flow = hall.wiring.stack.flow_to(transport, Address(peer.host, peer.port or 5060))
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
        credentials=DigestClient(trunk.user, trunk.password) if trunk.user else None,
        timeout_s=RING_OUTSIDE_S,
    )


async def apologise(call: Call, caller: Leg, hall: Hall) -> None:
    """Nobody can take the call."""
    clips = hall.voice.system(SystemPrompt.QUEUE_OVERFLOW, call.language)
    await until_played(call, {announce(call, caller, clips)})
