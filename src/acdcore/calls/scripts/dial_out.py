"""Dialling out: who may, by which trunk, and what becomes of it."""

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import TypeAlias

from acdcore.calls.context import CallContext
from acdcore.calls.core.call import Call, SentTo
from acdcore.calls.core.leg import Declined, EarlyAudio, HungUp, Leg, PickedUp, Played, Side
from acdcore.calls.model import history
from acdcore.calls.numbers.shown_number import CallOut, Forwarded, shown_on
from acdcore.calls.routing_rules import Rules
from acdcore.calls.trunks.redirection import OUT_OF_SERVICE, REDIRECTS_MAX, redirect_targets
from acdcore.calls.trunks.trunks import Trunk
from acdcore.ivr.model.kinds import CallbackChoice
from acdcore.kernel.errors import AcdError, Refused, Unavailable
from acdcore.kernel.ids import AgentId
from acdcore.numbering.plan import HOME, NumberingPlan, is_written_like
from acdcore.sip.auth.digest_client import DigestClient
from acdcore.sip.auth.digest_values import ALGORITHMS
from acdcore.sip.events import Hop, OutgoingInvite, OutgoingRequest, SipFlow
from acdcore.sip.session.next_hop import hop_of
from acdcore.sip.syntax.headers import NameAddr
from acdcore.sip.syntax.uri import SipUri

TrunkTarget: TypeAlias = tuple[str, SipUri | None]
"""A trunk's name, and where it has redirected the call; None for its target."""
GIVEN_UP = 487
"""The status of a call that was given up by whom it was made for."""
RING_EXTERNAL_S = 60.0
"""How long an external number rings: about what mobile networks allow before their voicemail."""


@dataclass(frozen=True, slots=True)
class DialRequest:
    """A call out that is wanted."""

    number: str
    """Whom to call, as staff, a flow or a rule writes it."""
    trunk: str = ""
    """By which trunk; empty: the first that may dial out."""
    side: Side = Side.EXTERNAL_NUMBER
    agent: AgentId | None = None
    """Who talks to the number: its number is shown before the queue's."""
    redirected_to: SipUri | None = None
    """Where the trunk has redirected the call; None for its target."""
    is_forwarded: bool = False
    """The caller is connected to the number, and does not only have somebody called."""


def number_to_call(call: Call, context: CallContext, number: str) -> str:
    """The canonical number that the caller may have called as `number`; "" when it may not be.

    It is read as the call's trunk writes numbers; whether it may be called is decided by the rules of this moment.
    """
    view = call.view
    return may_be_called(context.rules, call.rules.trunks.plan(view.trunk), number, view.caller)


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
    if rules.callbacks.numbers:
        return wanted if is_written_like(wanted, rules.callbacks.numbers) else ""
    return wanted if wanted == plan.canonical(own) and plan.is_subscriber_at_home(wanted) else ""


def callback_choice(call: Call, context: CallContext) -> CallbackChoice:
    """Which numbers the caller may have called: what is refused anyway is not offered."""
    rules = context.rules
    if rules.trunks.outbound_trunk() is None:
        return CallbackChoice.NONE
    if number_to_call(call, context, call.view.caller):
        return CallbackChoice.OWN_OR_OTHER if rules.callbacks.numbers else CallbackChoice.OWN
    return CallbackChoice.OTHER if rules.callbacks.numbers else CallbackChoice.NONE


async def until_answered(
    call: Call, leg: Leg, partner: Leg | None = None, hearer: Leg | None = None
) -> Declined | None:
    """Wait for the other end: None when somebody answered, else why not; 487 when `partner` hung up first.

    `hearer` hears what there is to be heard of the other end before that, in place of its own background. Where the
    caller is sent meanwhile, and what the caller has heard to its end, is read by whoever has the caller next.
    """
    later: list[SentTo | Played] = []
    refused: Declined | None = None
    while True:
        match await call.mailbox.next():
            case PickedUp(leg=answered) if answered is leg:
                break
            case EarlyAudio(leg=ringing) if ringing is leg and hearer is not None:
                hearer.bridge(leg)
            case Declined(leg=refusing) as refused if refusing is leg:
                break
            case HungUp(leg=gone) if gone is leg:
                refused = Declined(leg, 480, "hung up")
                break
            case HungUp(leg=gone) if gone is partner:
                refused = Declined(leg, GIVEN_UP, "given up")
                break
            case SentTo() | Played() as note:
                later.append(note)
            case _:
                pass
    for each in later:
        call.mailbox.post(each)
    return refused


async def reach(
    call: Call, context: CallContext, wanted: DialRequest, partner: Leg | None = None, hearer: Leg | None = None
) -> Leg | int:
    """Call out until somebody answers, by every way that there is; else the status of the last one.

    `partner` and `hearer` are those of `until_answered`. Raises as `dial_outside` does for the first way; each way that
    came to nothing is written down.
    """
    tried: set[TrunkTarget] = set()
    trunk = choose_trunk(context, wanted, tried)
    leg = dial_number(call, context, wanted, trunk)
    while True:
        refused = await until_answered(call, leg, partner, hearer)
        if refused is None:
            return leg
        leg.close()  # nothing of it is to be heard under what follows
        call.log(history.DialFailed(context.clock.now(), wanted.number, refused.status))
        tried.add((trunk.name, wanted.redirected_to))
        try:
            trunk, wanted = next_target(context, trunk, wanted, refused, tried)
            leg = dial_number(call, context, wanted, trunk)
        except AcdError:
            return refused.status


def next_target(
    context: CallContext, trunk: Trunk, wanted: DialRequest, refused: Declined, tried: Set[TrunkTarget]
) -> tuple[Trunk, DialRequest]:
    """What is tried after a refusal, no way twice; Refused or Unavailable when nothing is left."""
    if refused.status == OUT_OF_SERVICE:
        context.resting_trunks.rest(trunk.name, refused.response, context.clock.now())
        wanted = replace(wanted, redirected_to=None)
        return choose_trunk(context, wanted, tried), wanted
    if sum(uri is not None for _, uri in tried) >= REDIRECTS_MAX:
        raise Refused(f"{wanted.number} is redirected for ever")
    for uri in redirect_targets(trunk, HOME.canonical(wanted.number), refused.status, refused.response):
        if (trunk.name, uri) not in tried:
            return trunk, replace(wanted, redirected_to=uri)
    raise Refused(f"{wanted.number} is refused with {refused.status}")


def choose_trunk(context: CallContext, wanted: DialRequest, tried: Set[TrunkTarget]) -> Trunk:
    """The first trunk that may call out and was not tried; Refused when none may, Unavailable when all rest."""
    trunks = context.rules.trunks.outbound_trunks(wanted.trunk)
    if not trunks:
        which = f"trunk {wanted.trunk} may not" if wanted.trunk else "no trunk may"
        raise Refused(f"{which} dial out, so {wanted.number} cannot be reached; set may_dial_out on one")
    now = context.clock.now()
    names = {name for name, _ in tried}
    for trunk in trunks:
        if trunk.name not in names and not context.resting_trunks.is_resting(trunk.name, now):
            return trunk
    raise Unavailable(f"every trunk that may dial out is out of service, so {wanted.number} cannot be reached")


def dial_number(call: Call, context: CallContext, wanted: DialRequest, trunk: Trunk | None = None) -> Leg:
    """Call out on a line that the leg's end gives back.

    The trunk's settings are those of this moment, also for calls of before: an address or a password that is no longer
    right reaches nobody, and a trunk that may no longer dial out must not. The leg keeps those that it was dialled by.
    Raises Refused when no trunk may or it is no number, Unavailable when all that may are out of service,
    CapacityExhausted when all lines are taken, PortsExhausted.
    """
    trunk = trunk or choose_trunk(context, wanted, set())
    number = HOME.canonical(wanted.number)
    if not number:
        raise Refused(f"{wanted.number!r} is no telephone number, so it is not dialled; write it as in +862088880000")
    capacity = context.trunk_capacity.take(trunk.name)
    try:
        leg = Leg(context.event_router, wanted.side, call)
    except AcdError:
        capacity.give_back()
        raise
    leg.capacity = capacity
    leg.has_nat, leg.is_symmetric = trunk.nat, trunk.symmetric_rtp
    call.resources.callback(leg.close)
    call.log(history.Dialled(context.clock.now(), number, trunk.name, wanted.side.value))
    leg.dial(external_invite(call, context, trunk, replace(wanted, number=number)), trunk.audio)
    return leg


def target_and_flow(context: CallContext, trunk: Trunk) -> tuple[SipUri, SipFlow]:
    """The trunk's peer, and how to send to it; raises Unavailable."""
    home = trunk.home
    if home is None:
        raise Unavailable(f"trunk {trunk.name} has no target; set one")
    return SipUri.parse(trunk.target), context.event_router.stack.flow_to(home.transport, home.address)


def options_request(context: CallContext, trunk: Trunk) -> OutgoingRequest:
    """The OPTIONS that asks the trunk's peer whether it is there; raises Unavailable."""
    peer, flow = target_and_flow(context, trunk)
    us = NameAddr(SipUri("sip", "acdcore", context.event_router.stack.shown_host(flow)))
    return OutgoingRequest("OPTIONS", peer, flow, us, NameAddr(peer))


def external_invite(call: Call, context: CallContext, trunk: Trunk, wanted: DialRequest) -> OutgoingInvite:
    """The INVITE by `trunk`, which shows a number of ours."""
    peer, flow = target_and_flow(context, trunk)
    out = CallOut(
        number=wanted.number,
        host=context.event_router.stack.shown_host(flow),
        peer=peer,
        user=trunk.user,
        caller_id=caller_id_for(call, context, wanted.agent),
        forwarded=Forwarded(call.view.caller, call.view.dialled) if wanted.is_forwarded else None,
    )
    shown = shown_on(out, trunk)
    target = shown.target
    if wanted.redirected_to is not None:
        hop = hop_of(wanted.redirected_to, flow) or Hop(flow.transport, flow.remote)
        flow = context.event_router.stack.flow_to(hop.transport, hop.address)
        if wanted.redirected_to.user:
            target = replace(wanted.redirected_to, password=None, headers=())
        else:
            target = replace(target, host=hop.address.host, port=hop.address.port)
    return OutgoingInvite(
        target=target,
        flow=flow,
        from_=shown.from_,
        to=NameAddr(shown.target),
        headers=shown.headers,
        credentials=credentials_of(trunk),
        timeout_s=RING_EXTERNAL_S,
        path=trunk.path,
    )


def caller_id_for(call: Call, context: CallContext, agent: AgentId | None) -> str:
    """The number that the agent or the queue shows; "" leaves it to the trunk."""
    record = context.directory.agent(agent) if agent is not None else None
    by_agent = HOME.canonical(record.caller_id) if record is not None else ""
    queue = call.view.queue
    return by_agent or (call.rules.queue(queue).caller_id if queue is not None else "")


def credentials_of(trunk: Trunk) -> DigestClient | None:
    """What answers the trunk's challenges; None when it is known by its address only."""
    if not trunk.user:
        return None
    return DigestClient(trunk.user, trunk.password, trunk.digest_algorithms or ALGORITHMS)
