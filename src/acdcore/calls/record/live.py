"""The state of a live call, folded from its history as the history grows."""

from dataclasses import replace
from datetime import datetime, timedelta

from acdcore.calls.model import history
from acdcore.calls.model.commands import CallState, LiveCall
from acdcore.calls.model.directory import Customer
from acdcore.calls.record.call_segments import AGENT_TARGET, CALLER_SIDE, QUEUE_TARGET
from acdcore.calls.record.cdr import WallTime


def apply(view: LiveCall, event: history.Event, time: WallTime) -> LiveCall:
    """`view` after `event`."""
    match event:
        case history.CallAnswered():
            return replace(view, state=CallState.IN_FLOW, answered_at=time.at(event.at))
        case history.FlowEntered():
            return replace(view, flow_node=event.node)
        case history.LanguageChosen():
            return replace(view, language=event.language)
        case history.CallQueued():
            queued_at = view.queued_at or time.at(event.at)
            return replace(view, state=CallState.WAITING, queue=event.queue, queued_at=queued_at, flow_node=None)
        case history.CallOffered():
            return replace(view, state=CallState.RINGING, agent=event.agent)
        case history.CallOfferEnded():
            return replace(view, state=CallState.WAITING, agent=None)
        case history.Reserved():
            return replace(view, state=CallState.TALKING, agent=event.agent)
        case history.CallConnected():
            connected_at = view.connected_at or time.at(event.at)
            return replace(view, state=CallState.TALKING, agent=event.agent, connected_at=connected_at)
        case history.CallOverflowed() if not event.target.startswith(QUEUE_TARGET):
            return replace(view, state=CallState.IN_FLOW)
        case history.Dialled(trunk=trunk, side=side) if side == CALLER_SIDE:
            return replace(view, trunk=trunk)
        case history.Returned():
            return replace(view, state=CallState.WAITING, agent=None, connected_at=None)
        case history.CallTalkEnded():
            return replace(view, state=CallState.IN_FLOW, agent=None)
        case history.Sent() if not event.target.startswith((QUEUE_TARGET, AGENT_TARGET)):
            return replace(view, state=CallState.IN_FLOW)
        case history.CallHeld():
            return replace(view, state=CallState.HELD)
        case history.CallResumed():
            return replace(view, state=CallState.TALKING)
        case history.Ended():
            return replace(view, state=CallState.ENDING)
        case _:
            return view


def shifted(view: LiveCall, by: timedelta) -> LiveCall:
    """`view` after the clock was set: all its times are moved by `by`."""

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
