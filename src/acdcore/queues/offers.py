"""What happens to offers in the state: they are made, accepted, missed or withdrawn; each ends exactly once."""

from acdcore.queues import announcements, callers, explain, policy
from acdcore.queues.agent import Agent, AgentContact, AgentEvent, BackOff
from acdcore.queues.decisions import (
    AgentState,
    CallerKey,
    Connected,
    Offered,
    OfferMissed,
    OfferWithdrawn,
    WithdrawCause,
)
from acdcore.queues.inputs import OfferId
from acdcore.queues.settings import OfferEnd
from acdcore.queues.state import BackOffDue, DispatcherState, RetryDue, RingDue
from acdcore.queues.waiting_line import Offer, QueuedCaller, WaitingLine

WITHDRAWN_BY = {
    AgentEvent.WANT_NONE: WithdrawCause.AGENT_NOT_READY,
    AgentEvent.LOG_OUT: WithdrawCause.AGENT_LOGGED_OUT,
    AgentEvent.PHONE_DOWN: WithdrawCause.PHONE_DOWN,
    AgentEvent.OWN_CALL: WithdrawCause.AGENT_BUSY,
}
"""Why an offer is withdrawn when its agent can no longer take it; none of these is a miss."""


def match(state: DispatcherState) -> None:
    """Offer callers to ready agents wherever the turn made it possible, the most urgent caller first.

    Before the turn no pair was left that could be offered. If the turn only freed one agent, only that agent can get a
    caller. This is the usual turn of a busy dispatcher, and it saves entering the agent as ready at every line.
    """
    if not state.freed and not state.dirty:
        return
    freed = [agent for agent in state.freed if agent.state is AgentState.READY]
    state.freed.clear()
    if len(freed) == 1 and not state.dirty:
        _serve(state, freed[0])
        return
    for agent in freed:
        state.roster.make_ready(agent)
        state.dirty.update(dict.fromkeys(state.roster.lines_of(agent)))
    _match_lines(state)


def _serve(state: DispatcherState, agent: Agent) -> None:
    """Give one freed agent the most urgent caller of all lines; without one, enter the agent as ready at each line."""
    best: tuple[float, float, int, WaitingLine, QueuedCaller] | None = None
    for line in state.roster.lines_of(agent):
        if not line.waiting:  # most lines of rules and widening steps are empty
            continue
        waiting = line.first_for(agent, state.now)
        if waiting is None:
            continue
        # The order of `CallerKey`; the key itself is made only for the chosen caller.
        deficit_s = policy.deficit_s(line.queue, waiting.place, state.now)
        rank = (deficit_s, waiting.joined_at, waiting.serial, line, waiting)
        if best is None or rank < best:
            best = rank
    if best is None:
        state.roster.make_ready(agent)
        return
    _, _, _, line, waiting = best
    _offer(state, line.caller_key(waiting, state.now), line, waiting, agent)


def _match_lines(state: DispatcherState) -> None:
    """Offer the best pair of all lines concerned, until there is none."""
    while state.dirty:  # each round but the last makes an offer: as many rounds as ready agents
        best: tuple[CallerKey, WaitingLine, QueuedCaller, Agent] | None = None
        for line in list(state.dirty):
            pair = line.first_pair(state.now)
            if pair is None:
                del state.dirty[line]
                continue
            key = line.caller_key(pair[0], state.now)
            if best is None or key < best[0]:
                best = (key, line, *pair)
        if best is not None:
            _offer(state, *best)


def is_past(state: DispatcherState, offer_id: OfferId) -> bool:
    """Whether the offer was made and is over."""
    return 0 < offer_id <= state.offers_made and offer_id not in state.offers


def accept_offer(state: DispatcherState, offer: Offer) -> None:
    """The agent's phone answered in time."""
    waiting, agent = offer.waiting, offer.agent
    line = state.entries[waiting.entry][1]
    del state.offers[offer.offer]
    state.deadlines.cancel(RingDue(offer.offer))
    state.estimator.connected(line.queue.name, state.now)
    callers.leave_queue(state, waiting, line)
    waiting.offer = None
    waiting.talking_to = agent
    waiting.talking_since = state.now
    state.entries[waiting.entry] = (waiting, line)
    waited_s = state.now - waiting.visit.queued_at
    is_in_time = waited_s <= line.queue.service_level_within_s
    kept = announcements.is_announced_wait_kept(waiting.visit, state.now)
    state.decisions.append(Connected(offer.offer, waiting.entry, agent.id, line.queue.name, waited_s, is_in_time, kept))
    state.apply_event(agent, AgentEvent.ACCEPT)


def expire_offer(state: DispatcherState, offer: Offer) -> None:
    """The ring time is over: stop ringing, and count it as no answer."""
    state.decisions.append(OfferWithdrawn(offer.offer, offer.waiting.entry, offer.agent.id, WithdrawCause.EXPIRED))
    miss_offer(state, offer, OfferEnd.NO_ANSWER)


def miss_offer(state: DispatcherState, offer: Offer, cause: OfferEnd) -> None:
    """The agent did not take the caller: keep both apart for a time, and let the agent back off."""
    waiting, agent = offer.waiting, offer.agent
    line = _end(state, offer)
    state.decisions.append(OfferMissed(offer.offer, waiting.entry, agent.id, line.queue.name, cause))
    settings = line.edition.settings
    waiting.tried_agents[agent.id] = state.now + settings.retry_after_miss_s
    if RetryDue(waiting.entry) not in state.deadlines:
        state.deadlines.set(RetryDue(waiting.entry), waiting.tried_agents[agent.id])
    agent.misses += 1
    back_off_s = settings.back_off_s.get(cause, 0.0)
    if agent.misses >= line.queue.misses_until_not_ready:
        state.apply_event(agent, AgentEvent.WANT_NONE, "missed")
    else:
        if back_off_s > 0:
            agent.back_off = BackOff(cause, state.now + back_off_s)
            state.deadlines.set(BackOffDue(agent.id), agent.back_off.until)
        state.apply_event(agent, AgentEvent.OFFER_OVER)
    callers.bring_up_to_date(state, waiting)
    if not agent.is_willing:
        callers.release_reservations(state, state.roster.lines_of(agent))


def withdraw(state: DispatcherState, offer: Offer, cause: WithdrawCause) -> None:
    """End the offer without a miss: the phone stops ringing, and the agent is as ready as before."""
    _end(state, offer)
    state.decisions.append(OfferWithdrawn(offer.offer, offer.waiting.entry, offer.agent.id, cause))
    state.apply_event(offer.agent, AgentEvent.OFFER_OVER)


def assign(state: DispatcherState, waiting: QueuedCaller, line: WaitingLine, agent: Agent) -> None:
    """Carry out a manual assignment to a ready agent; a phone that rings for the caller stops."""
    if waiting.offer is not None:
        withdraw(state, waiting.offer, WithdrawCause.CALLER_ASSIGNED)
    _offer(state, line.caller_key(waiting, state.now), line, waiting, agent, is_manual_assignment=True)


def apply_agent_event(state: DispatcherState, agent: Agent, event: AgentEvent, reason: str = "") -> None:
    """Apply what the agent, the phone or a timer did, with its consequences for offer and callers."""
    interrupted = None
    if agent.state is AgentState.OFFERED and agent.contact is not None and event in WITHDRAWN_BY:
        interrupted = state.entries[agent.contact.entry][0].offer
    if interrupted is not None:
        _end(state, interrupted)
        cause = WITHDRAWN_BY[event]
        state.decisions.append(OfferWithdrawn(interrupted.offer, interrupted.waiting.entry, agent.id, cause))
    state.apply_event(agent, event, reason)
    if interrupted is not None:
        callers.bring_up_to_date(state, interrupted.waiting)
    if not agent.is_willing:
        callers.release_reservations(state, state.roster.lines_of(agent))
    if not agent.is_on_duty:
        callers.overflow_unserved(state, state.roster.lines_of(agent))


def _offer(
    state: DispatcherState,
    key: CallerKey,
    line: WaitingLine,
    waiting: QueuedCaller,
    agent: Agent,
    *,
    is_manual_assignment: bool = False,
) -> None:
    state.offers_made += 1
    ring_for_s = line.queue.ring_for_s
    offer = Offer(OfferId(state.offers_made), waiting, agent, state.now + ring_for_s)
    agent_key = line.agent_key(agent)
    offered = Offered(
        offer.offer, waiting.entry, agent.id, line.queue.name, ring_for_s, key, agent_key, is_manual_assignment
    )
    state.decisions.append(offered)
    explain.trace_decision(state, offered, waiting, line, agent)
    state.offers[offer.offer] = offer
    line.ring(waiting, offer)
    agent.contact = AgentContact(waiting.entry, line.queue.name)
    state.deadlines.set(RingDue(offer.offer), offer.until)
    state.estimator.offered(line.queue.name, state.on_duty(line), state.now)
    agent.fairness.last_offer = state.offers_made
    state.apply_event(agent, AgentEvent.OFFER)


def _end(state: DispatcherState, offer: Offer) -> WaitingLine:
    """Take the offer out of the state and put its caller back in line, at the same place."""
    line = state.entries[offer.waiting.entry][1]
    del state.offers[offer.offer]
    state.deadlines.cancel(RingDue(offer.offer))
    line.stop_ringing(offer.waiting)
    state.estimator.missed(line.queue.name, state.now)
    return line
