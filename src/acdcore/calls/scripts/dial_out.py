"""Outbound calls: which numbers are allowed, by which trunk, and the result."""

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
"""One way to a number: a trunk's name, and the URI to which it has redirected the call; None for its target."""
GIVEN_UP = 487
"""The status of an outbound call that we cancelled because the other party hung up."""
RING_EXTERNAL_S = 60.0
"""Seconds for which an external number rings: about the time that mobile networks allow before their voicemail."""


@dataclass(frozen=True, slots=True)
class DialRequest:
    """A request for an outbound call."""

    number: str
    """The number to call, as staff, a flow or a rule writes it."""
    trunk: str = ""
    """The trunk to use; empty: the first that may dial out."""
    side: Side = Side.EXTERNAL_NUMBER
    agent: AgentId | None = None
    """The agent of the call, whose `caller_id` is shown before the queue's; None when there is none."""
    redirected_to: SipUri | None = None
    """URI to which the trunk has redirected the call; None for its target."""
    is_forwarded: bool = False
    """Whether a caller is connected to the number, as opposed to a callback or an agent's seat."""


def number_to_call(call: Call, context: CallContext, number: str) -> str:
    """The canonical number that the caller may have called as `number`; "" when it may not be.

    It is read as the call's trunk writes numbers; whether it may be called is decided by the rules of this moment.
    """
    view = call.view
    return may_be_called(context.rules, call.rules.trunks.plan(view.trunk), number, view.caller)


def may_be_called(rules: Rules, plan: NumberingPlan, number: str, own: str) -> str:
    """The canonical number for `number` if a caller who shows `own` may have it called; "" when it may not be.

    Numbers that callers enter or show must not cost the call centre money. With `callback_numbers` a number must begin
    like one of them. Without, it must be the caller's `own` number, in any spelling, and a subscriber's number of the
    trunk's country: anybody can show any number, and calls to some foreign numbers earn money for their owner. Whole
    numbers are compared: an equal ending proves nothing, since anybody can show a short number. A number of ours is
    never called: the call would come back to us.
    """
    wanted = plan.canonical(number)
    if rules.trunks.is_ours(wanted):
        return ""
    if rules.callbacks.numbers:
        return wanted if is_written_like(wanted, rules.callbacks.numbers) else ""
    return wanted if wanted == plan.canonical(own) and plan.is_subscriber_at_home(wanted) else ""


def callback_choice(call: Call, context: CallContext) -> CallbackChoice:
    """Which numbers the caller may have called, so that a flow offers no callback that would be refused."""
    rules = context.rules
    if rules.trunks.outbound_trunk() is None:
        return CallbackChoice.NONE
    if number_to_call(call, context, call.view.caller):
        return CallbackChoice.OWN_OR_OTHER if rules.callbacks.numbers else CallbackChoice.OWN
    return CallbackChoice.OTHER if rules.callbacks.numbers else CallbackChoice.NONE


async def until_answered(
    call: Call, leg: Leg, partner: Leg | None = None, hearer: Leg | None = None
) -> Declined | None:
    """Wait for the answer: None when the number answered, else the refusal; 487 when `partner` hung up first.

    `hearer` hears the early media or the ringing tone, in place of its own background. Notes about the caller that
    arrive meanwhile (sent elsewhere, the end of a playback) are put back for the next step of the script.
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
    """Call the number by every way until it answers; otherwise returns the status of the last way.

    `partner` and `hearer` are those of `until_answered`. Raises as `dial_number` for the first way; each way that
    failed is logged.
    """
    tried: set[TrunkTarget] = set()
    trunk = choose_trunk(context, wanted, tried)
    leg = dial_number(call, context, wanted, trunk)
    while True:
        refused = await until_answered(call, leg, partner, hearer)
        if refused is None:
            return leg
        leg.close()  # its early media must not be heard under what follows
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
    """The next way after a refusal, no way twice; Refused or Unavailable when none is left."""
    if refused.status == OUT_OF_SERVICE:
        context.resting_trunks.rest(trunk.name, refused.response, context.clock.now())
        wanted = replace(wanted, redirected_to=None)
        return choose_trunk(context, wanted, tried), wanted
    if sum(uri is not None for _, uri in tried) >= REDIRECTS_MAX:
        raise Refused(f"{wanted.number} is redirected in a loop; look at the Contact of the trunk's 3xx")
    for uri in redirect_targets(trunk, HOME.canonical(wanted.number), refused.status, refused.response):
        if (trunk.name, uri) not in tried:
            return trunk, replace(wanted, redirected_to=uri)
    raise Refused(f"{wanted.number} is refused with {refused.status}")


def choose_trunk(context: CallContext, wanted: DialRequest, tried: Set[TrunkTarget]) -> Trunk:
    """The first trunk that may dial out and was not tried; Refused when none may, Unavailable when all are resting."""
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
    """Dial a number; the leg takes trunk capacity and gives it back at its end.

    The trunk's settings are those of this moment, also for older calls: an old address or password would reach nobody,
    and a trunk that may no longer dial out must not be used. The leg keeps the settings that it was dialled with.
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
    """The trunk's peer, and the flow to it; raises Unavailable."""
    home = trunk.home
    if home is None:
        raise Unavailable(f"trunk {trunk.name} has no target; set one")
    return SipUri.parse(trunk.target), context.event_router.stack.flow_to(home.transport, home.address)


def options_request(context: CallContext, trunk: Trunk) -> OutgoingRequest:
    """The OPTIONS for the trunk's peer; raises Unavailable."""
    peer, flow = target_and_flow(context, trunk)
    us = NameAddr(SipUri("sip", "acdcore", context.event_router.stack.shown_host(flow)))
    return OutgoingRequest("OPTIONS", peer, flow, us, NameAddr(peer))


def external_invite(call: Call, context: CallContext, trunk: Trunk, wanted: DialRequest) -> OutgoingInvite:
    """The INVITE by `trunk`, with our number as caller ID."""
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
    """The `caller_id` of the agent or the queue; "": the trunk's is shown."""
    record = context.directory.agent(agent) if agent is not None else None
    by_agent = HOME.canonical(record.caller_id) if record is not None else ""
    queue = call.view.queue
    return by_agent or (call.rules.queue(queue).caller_id if queue is not None else "")


def credentials_of(trunk: Trunk) -> DigestClient | None:
    """The client for the trunk's digest challenges; None for a trunk without credentials."""
    if not trunk.user:
        return None
    return DigestClient(trunk.user, trunk.password, trunk.digest_algorithms or ALGORITHMS)
