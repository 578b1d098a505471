"""The state of a live call, folded from its history as the history grows."""

from dataclasses import replace
from datetime import datetime, timedelta

from acdcore.calls import events
from acdcore.calls.call_segments import AGENT_TARGET, CALLER_SIDE, QUEUE_TARGET
from acdcore.calls.cdr import WallTime
from acdcore.calls.commands import CallState, LiveCall
from acdcore.calls.people import Customer


def apply(view: LiveCall, event: events.Event, time: WallTime) -> LiveCall:
    """`view` after `event`."""
    match event:
        case events.Answered():
            return replace(view, state=CallState.IN_FLOW, answered_at=time.at(event.at))
        case events.FlowEntered():
            return replace(view, flow_node=event.node)
        case events.LanguageChosen():
            return replace(view, language=event.language)
        case events.Queued():
            queued_at = view.queued_at or time.at(event.at)
            return replace(view, state=CallState.WAITING, queue=event.queue, queued_at=queued_at, flow_node=None)
        case events.Offered():
            return replace(view, state=CallState.RINGING, agent=event.agent)
        case events.OfferEnded():
            return replace(view, state=CallState.WAITING, agent=None)
        case events.Reserved():
            return replace(view, state=CallState.TALKING, agent=event.agent)
        case events.Connected():
            connected_at = view.connected_at or time.at(event.at)
            return replace(view, state=CallState.TALKING, agent=event.agent, connected_at=connected_at)
        case events.Overflowed() if not event.target.startswith(QUEUE_TARGET):
            return replace(view, state=CallState.IN_FLOW)
        case events.Dialled(trunk=trunk, side=side) if side == CALLER_SIDE:
            return replace(view, trunk=trunk)
        case events.Returned():
            return replace(view, state=CallState.WAITING, agent=None, connected_at=None)
        case events.TalkEnded():
            return replace(view, state=CallState.IN_FLOW, agent=None)
        case events.Sent() if not event.target.startswith((QUEUE_TARGET, AGENT_TARGET)):
            return replace(view, state=CallState.IN_FLOW)
        case events.Held():
            return replace(view, state=CallState.HELD)
        case events.Resumed():
            return replace(view, state=CallState.TALKING)
        case events.Ended():
            return replace(view, state=CallState.ENDING)
        case _:
            return view


def shifted(view: LiveCall, by: timedelta) -> LiveCall:
    """`view` by a clock that was set by so much: how long ago everything was stays as it was."""

    def moved(at: datetime | None) -> datetime | None:
        return None if at is None else at + by

    return replace(
        view,
        arrived_at=view.arrived_at + by,
        answered_at=moved(view.answered_at),
        queued_at=moved(view.queued_at),
        connected_at=moved(view.connected_at),
    )


def recognise(view: LiveCall, customer: Customer) -> LiveCall:
    """`view` with the customer's card."""
    return replace(view, customer_id=customer.id, customer_name=customer.name, tier=customer.tier)
