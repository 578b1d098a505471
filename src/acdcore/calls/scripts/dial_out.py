"""Dialling out: who may, by which trunk, and what becomes of it."""

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import TypeAlias

from acdcore.calls.context import Hall
from acdcore.calls.core.call import Call, SentTo
from acdcore.calls.core.leg import EarlyAudio, HungUp, Leg, PickedUp, Played, Side, TurnedDown
from acdcore.calls.model import history
from acdcore.calls.numbers.shown_number import CallOut, Forwarded, shown_on
from acdcore.calls.routing_rules import Rules
from acdcore.calls.trunks.redirection import OUT_OF_SERVICE, REDIRECTS_MAX, led_to
from acdcore.calls.trunks.trunks import Trunk
from acdcore.ivr.model.kinds import CallbackChoice
from acdcore.kernel.errors import AcdError, Refused, Unavailable
from acdcore.kernel.ids import AgentId
from acdcore.numbering.plan import HOME, NumberingPlan, is_written_like
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.auth.digest_values import ALGORITHMS
from acdcore.sip.events import Flow, Hop, OutgoingInvite, OutgoingRequest
from acdcore.sip.session.next_hop import hop_of
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.uri import SipUri

Way: TypeAlias = tuple[str, SipUri | None]
"""A trunk's name, and where it has redirected the call; None for its target."""
LEFT = 487
"""The status of a call that was given up by whom it was made for."""
RING_OUTSIDE_S = 60.0
"""How long an outside number rings: about what mobile networks allow before their voicemail."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call out that is wanted."""

    number: str
    """Whom to call, as staff, a flow or a rule writes it."""
    trunk: str = ""
    """By which trunk; empty: the first that may dial out."""
    side: Side = Side.OUTSIDE
    agent: AgentId | None = None
    """Who talks to the number: its number is shown before the queue's."""
    led_to: SipUri | None = None
    """Where the trunk has redirected the call; None for its target."""
    is_forwarded: bool = False
    """The caller is connected to the number, and does not only have somebody called."""


def number_to_call(call: Call, hall: Hall, number: str) -> str:
    """The canonical number that the caller may have called as `number`; "" when it may not be.

    It is read as the call's trunk writes numbers; whether it may be called is decided by the rules of this moment.
    """
    view = call.view
    return may_be_called(hall.rules, call.rules.trunks.plan(view.trunk), number, view.caller)


def may_be_called(rules: Rules, plan: NumberingPlan, number: str, own: str) -> str:
    """The canonical number for `number` if a caller who shows `own` may have it called; "" when it may not be.

    What strangers type or show must not cost the centre money. With `callback_numbers` every number must begin like one
    of them. Without, it must be the caller's `own`, however either is written, and a subscriber's of the trunk's
    country: anybody can show any number, and some abroad pay whoever has them called. Both are whole numbers: an ending
    that is the same proves nothing, since anybody can show a short one. A number of ours is never called: we would
    wait for ourselves.
    """
    wanted = plan.canonical(number)
    if rules.trunks.is_ours(wanted):
        return ""
    if rules.callback_numbers:
        return wanted if is_written_like(wanted, rules.callback_numbers) else ""
    return wanted if wanted == plan.canonical(own) and plan.is_subscriber_at_home(wanted) else ""


def callback_choice(call: Call, hall: Hall) -> CallbackChoice:
    """Which numbers the caller may have called: what is refused anyway is not offered."""
    rules = hall.rules
    if rules.trunks.way_out() is None:
        return CallbackChoice.NONE
    if number_to_call(call, hall, call.view.caller):
        return CallbackChoice.OWN_OR_OTHER if rules.callback_numbers else CallbackChoice.OWN
    return CallbackChoice.OTHER if rules.callback_numbers else CallbackChoice.NONE


async def until_answered(
    call: Call, leg: Leg, partner: Leg | None = None, hearer: Leg | None = None
) -> TurnedDown | None:
    """Wait for the other end: None when somebody answered, else why not; 487 when `partner` hung up first.

    `hearer` hears what there is to be heard of the other end before that, in place of its own background. Where the
    caller is sent meanwhile, and what the caller has heard to its end, is read by whoever has the caller next.
    """
    later: list[SentTo | Played] = []
    refused: TurnedDown | None = None
    while True:
        match await call.mailbox.next():
            case PickedUp(leg=answered) if answered is leg:
                break
            case EarlyAudio(leg=ringing) if ringing is leg and hearer is not None:
                hearer.bridge(leg)
            case TurnedDown(leg=refusing) as refused if refusing is leg:
                break
            case HungUp(leg=gone) if gone is leg:
                refused = TurnedDown(leg, 480, "hung up")
                break
            case HungUp(leg=gone) if gone is partner:
                refused = TurnedDown(leg, LEFT, "given up")
                break
            case SentTo() | Played() as note:
                later.append(note)
            case _:
                pass
    for each in later:
        call.mailbox.post(each)
    return refused


async def reach(
    call: Call, hall: Hall, wanted: Wanted, partner: Leg | None = None, hearer: Leg | None = None
) -> Leg | int:
    """Call out until somebody answers, by every way that there is; else the status of the last one.

    `partner` and `hearer` are those of `until_answered`. Raises as `dial_outside` does for the first way; each way that
    came to nothing is written down.
    """
    tried: set[Way] = set()
    trunk = choose_trunk(hall, wanted, tried)
    leg = dial_outside(call, hall, wanted, trunk)
    while True:
        refused = await until_answered(call, leg, partner, hearer)
        if refused is None:
            return leg
        leg.close()  # nothing of it is to be heard under what follows
        call.log(history.DialFailed(hall.clock.now(), wanted.number, refused.status))
        tried.add((trunk.name, wanted.led_to))
        try:
            trunk, wanted = next_way(hall, trunk, wanted, refused, tried)
            leg = dial_outside(call, hall, wanted, trunk)
        except AcdError:
            return refused.status


def next_way(hall: Hall, trunk: Trunk, wanted: Wanted, refused: TurnedDown, tried: Set[Way]) -> tuple[Trunk, Wanted]:
    """What is tried after a refusal, no way twice; Refused or Unavailable when nothing is left."""
    if refused.status == OUT_OF_SERVICE:
        hall.resting.rest(trunk.name, refused.response, hall.clock.now())
        wanted = replace(wanted, led_to=None)
        return choose_trunk(hall, wanted, tried), wanted
    if sum(uri is not None for _, uri in tried) >= REDIRECTS_MAX:
        raise Refused(f"{wanted.number} is redirected for ever")
    for uri in led_to(trunk, HOME.canonical(wanted.number), refused.status, refused.response):
        if (trunk.name, uri) not in tried:
            return trunk, replace(wanted, led_to=uri)
    raise Refused(f"{wanted.number} is refused with {refused.status}")


def choose_trunk(hall: Hall, wanted: Wanted, tried: Set[Way]) -> Trunk:
    """The first trunk that may call out and was not tried; Refused when none may, Unavailable when all rest."""
    ways = hall.rules.trunks.ways_out(wanted.trunk)
    if not ways:
        which = f"trunk {wanted.trunk} may not" if wanted.trunk else "no trunk may"
        raise Refused(f"{which} dial out, so {wanted.number} cannot be reached; set may_dial_out on one")
    now = hall.clock.now()
    names = {name for name, _ in tried}
    for trunk in ways:
        if trunk.name not in names and not hall.resting.is_resting(trunk.name, now):
            return trunk
    raise Unavailable(f"every trunk that may dial out is out of service, so {wanted.number} cannot be reached")


def dial_outside(call: Call, hall: Hall, wanted: Wanted, trunk: Trunk | None = None) -> Leg:
    """Call out on a line that the leg's end gives back.

    The trunk's settings are those of this moment, also for calls of before: an address or a password that is no longer
    right reaches nobody, and a trunk that may no longer dial out must not. The leg keeps those that it was dialled by.
    Raises Refused when no trunk may or it is no number, Unavailable when all that may are out of service, LinesFull
    when all lines are taken, PortsExhausted.
    """
    trunk = trunk or choose_trunk(hall, wanted, set())
    number = HOME.canonical(wanted.number)
    if not number:
        raise Refused(f"{wanted.number!r} is no telephone number, so it is not dialled; write it as in +862088880000")
    line = hall.lines.take(trunk.name)
    try:
        leg = Leg(hall.wiring, wanted.side, call)
    except AcdError:
        line.give_back()
        raise
    leg.line = line
    leg.has_nat, leg.is_symmetric = trunk.nat, trunk.symmetric_rtp
    call.held.callback(leg.close)
    call.log(history.Dialled(hall.clock.now(), number, trunk.name, wanted.side.value))
    leg.dial(outside_invite(call, hall, trunk, replace(wanted, number=number)), trunk.audio)
    return leg


def way_to(hall: Hall, trunk: Trunk) -> tuple[SipUri, Flow]:
    """The trunk's peer, and how to send to it; raises Unavailable."""
    home = trunk.home
    if home is None:
        raise Unavailable(f"trunk {trunk.name} has no target; set one")
    return SipUri.parse(trunk.target), hall.wiring.stack.flow_to(home.transport, home.address)


def question_to(hall: Hall, trunk: Trunk) -> OutgoingRequest:
    """The OPTIONS that asks the trunk's peer whether it is there; raises Unavailable."""
    peer, flow = way_to(hall, trunk)
    us = NameAddr(SipUri("sip", "acdcore", hall.wiring.stack.shown_host(flow)))
    return OutgoingRequest("OPTIONS", peer, flow, us, NameAddr(peer))


def outside_invite(call: Call, hall: Hall, trunk: Trunk, wanted: Wanted) -> OutgoingInvite:
    """The INVITE by `trunk`, which shows a number of ours."""
    peer, flow = way_to(hall, trunk)
    out = CallOut(
        number=wanted.number,
        host=hall.wiring.stack.shown_host(flow),
        peer=peer,
        user=trunk.user,
        caller_id=caller_id_for(call, hall, wanted.agent),
        forwarded=Forwarded(call.view.caller, call.view.dialled) if wanted.is_forwarded else None,
    )
    shown = shown_on(out, trunk.numbers)
    target = shown.target
    if wanted.led_to is not None:
        hop = hop_of(wanted.led_to, flow) or Hop(flow.transport, flow.remote)
        flow = hall.wiring.stack.flow_to(hop.transport, hop.address)
        if wanted.led_to.user:
            target = replace(wanted.led_to, password=None, headers=())
        else:
            target = replace(target, host=hop.address.host, port=hop.address.port)
    return OutgoingInvite(
        target=target,
        flow=flow,
        from_=shown.from_,
        to=NameAddr(shown.target),
        headers=shown.headers,
        credentials=credentials_of(trunk),
        timeout_s=RING_OUTSIDE_S,
        path=trunk.path,
    )


def caller_id_for(call: Call, hall: Hall, agent: AgentId | None) -> str:
    """The number that the agent or the queue shows; "" leaves it to the trunk."""
    record = hall.directory.agent(agent) if agent is not None else None
    by_agent = HOME.canonical(record.caller_id) if record is not None else ""
    queue = call.view.queue
    return by_agent or (call.rules.queue(queue).caller_id if queue is not None else "")


def credentials_of(trunk: Trunk) -> DigestClient | None:
    """What answers the trunk's challenges; None when it is known by its address only."""
    if not trunk.user:
        return None
    return DigestClient(trunk.user, trunk.password, trunk.digest_algorithms or ALGORITHMS)
