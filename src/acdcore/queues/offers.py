"""What happens to offers on the board: made, accepted, missed, withdrawn; each ends exactly once."""

from acdcore.queues import announcements, callers, explain, policy
from acdcore.queues.agent import Agent, AgentEvent, BackOff, Contact
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
from acdcore.queues.state import BackOffDue, Board, HoldDue, RingDue
from acdcore.queues.waiting_line import Line, Offer, Waiting

WITHDRAWN_BY = {
    AgentEvent.WANT_NONE: WithdrawCause.AGENT_NOT_READY,
    AgentEvent.LOG_OUT: WithdrawCause.AGENT_LOGGED_OUT,
    AgentEvent.PHONE_DOWN: WithdrawCause.PHONE_DOWN,
    AgentEvent.OWN_CALL: WithdrawCause.AGENT_BUSY,
}
"""What a ringing offer's end is called when its agent can no longer take it; none of these is a miss."""


def match(board: Board) -> None:
    """Offer callers to ready agents wherever the turn made it possible, the most urgent caller first.

    Before the turn nobody was left who could be offered. So when all that it did was to free one agent, that agent's
    best caller is all there is to find; this is the usual turn of a busy floor, and it spares the agent's seats.
    """
    if not board.freed and not board.dirty:
        return
    freed = [agent for agent in board.freed if agent.state is AgentState.READY]
    board.freed.clear()
    if len(freed) == 1 and not board.dirty:
        _serve(board, freed[0])
        return
    for agent in freed:
        board.roster.seat(agent)
        board.dirty.update(dict.fromkeys(board.roster.lines_of(agent)))
    _match_lines(board)


def _serve(board: Board, agent: Agent) -> None:
    """Give one freed agent the most urgent caller of all lines, or a seat at each of them."""
    best: tuple[float, float, int, Line, Waiting] | None = None
    for line in board.roster.lines_of(agent):
        waiting = line.first_for(agent, board.now) if line.waiting else None  # most lines of rules and rings are empty
        if waiting is None:
            continue
        # The order of `CallerKey`; the key itself is made for one only.
        deficit_s = policy.deficit_s(line.queue, waiting.place, board.now)
        rank = (deficit_s, waiting.joined_at, waiting.serial, line, waiting)
        if best is None or rank < best:
            best = rank
    if best is None:
        board.roster.seat(agent)
        return
    _, _, _, line, waiting = best
    _offer(board, line.caller_key(waiting, board.now), line, waiting, agent)


def _match_lines(board: Board) -> None:
    """The best pair of all lines concerned, again and again, until there is none."""
    while board.dirty:  # each round makes an offer or is the last: at most as many as there are ready agents
        best: tuple[CallerKey, Line, Waiting, Agent] | None = None
        for line in list(board.dirty):
            pair = line.first_pair(board.now)
            if pair is None:
                del board.dirty[line]
                continue
            key = line.caller_key(pair[0], board.now)
            if best is None or key < best[0]:
                best = (key, line, *pair)
        if best is not None:
            _offer(board, *best)


def is_past(board: Board, offer_id: OfferId) -> bool:
    """Whether the offer was made and is over."""
    return 0 < offer_id <= board.offers_made and offer_id not in board.offers


def accept(board: Board, offer: Offer) -> None:
    """The agent's phone answered in time."""
    waiting, agent = offer.waiting, offer.agent
    line = board.entries[waiting.entry][1]
    del board.offers[offer.offer]
    board.deadlines.cancel(RingDue(offer.offer))
    board.estimator.connected(line.queue.name, board.now)
    callers.leave(board, waiting, line)
    waiting.offer = None
    waiting.talking_to = agent
    waiting.talking_since = board.now
    board.entries[waiting.entry] = (waiting, line)
    waited_s = board.now - waiting.visit.queued_at
    is_in_time = waited_s <= line.queue.service_level_within_s
    kept = announcements.is_kept(waiting.visit, board.now)
    board.out.append(Connected(offer.offer, waiting.entry, agent.id, line.queue.name, waited_s, is_in_time, kept))
    board.walk(agent, AgentEvent.ACCEPT)


def expire(board: Board, offer: Offer) -> None:
    """The ring time is over: stop ringing, and count it as no answer."""
    board.out.append(OfferWithdrawn(offer.offer, offer.waiting.entry, offer.agent.id, WithdrawCause.EXPIRED))
    miss(board, offer, OfferEnd.NO_ANSWER)


def miss(board: Board, offer: Offer, cause: OfferEnd) -> None:
    """The agent did not take the caller: hold both apart, and pause the agent."""
    waiting, agent = offer.waiting, offer.agent
    line = _end(board, offer)
    board.out.append(OfferMissed(offer.offer, waiting.entry, agent.id, line.queue.name, cause))
    settings = line.edition.settings
    waiting.tried[agent.id] = board.now + settings.tried_hold_s
    if HoldDue(waiting.entry) not in board.deadlines:
        board.deadlines.set(HoldDue(waiting.entry), waiting.tried[agent.id])
    agent.misses += 1
    back_off_s = settings.back_off_s.get(cause, 0.0)
    if agent.misses >= line.queue.misses_until_not_ready:
        board.walk(agent, AgentEvent.WANT_NONE, "missed")
    else:
        if back_off_s > 0:
            agent.back_off = BackOff(cause, board.now + back_off_s)
            board.deadlines.set(BackOffDue(agent.id), agent.back_off.until)
        board.walk(agent, AgentEvent.OFFER_OVER)
    callers.settle(board, waiting)
    if not agent.is_willing:
        callers.release(board, board.roster.lines_of(agent))


def caller_gone(board: Board, offer: Offer, cause: WithdrawCause) -> None:
    """The caller can not be had any more: the phone stops ringing, and the agent is as ready as before."""
    _end(board, offer)
    board.out.append(OfferWithdrawn(offer.offer, offer.waiting.entry, offer.agent.id, cause))
    board.walk(offer.agent, AgentEvent.OFFER_OVER)


def assign(board: Board, waiting: Waiting, line: Line, agent: Agent) -> None:
    """Somebody gives the caller to a ready agent; a phone that rings for the caller stops."""
    if waiting.offer is not None:
        caller_gone(board, waiting.offer, WithdrawCause.CALLER_ASSIGNED)
    _offer(board, line.caller_key(waiting, board.now), line, waiting, agent, is_by_hand=True)


def agent_did(board: Board, agent: Agent, event: AgentEvent, reason: str = "") -> None:
    """Something that the agent, the agent's phone or a timer did, with what it means for offer and callers."""
    interrupted = None
    if agent.state is AgentState.OFFERED and agent.contact is not None and event in WITHDRAWN_BY:
        interrupted = board.entries[agent.contact.entry][0].offer
    if interrupted is not None:
        _end(board, interrupted)
        cause = WITHDRAWN_BY[event]
        board.out.append(OfferWithdrawn(interrupted.offer, interrupted.waiting.entry, agent.id, cause))
    board.walk(agent, event, reason)
    if interrupted is not None:
        callers.settle(board, interrupted.waiting)
    if not agent.is_willing:
        callers.release(board, board.roster.lines_of(agent))
    if not agent.is_on_duty:
        callers.send_on(board, board.roster.lines_of(agent))


def _offer(
    board: Board, key: CallerKey, line: Line, waiting: Waiting, agent: Agent, *, is_by_hand: bool = False
) -> None:
    board.offers_made += 1
    ring_for_s = line.queue.ring_for_s
    offer = Offer(OfferId(board.offers_made), waiting, agent, board.now + ring_for_s)
    agent_key = line.agent_key(agent)
    offered = Offered(offer.offer, waiting.entry, agent.id, line.queue.name, ring_for_s, key, agent_key, is_by_hand)
    board.out.append(offered)
    explain.note(board, offered, waiting, line, agent)
    board.offers[offer.offer] = offer
    line.ring(waiting, offer)
    agent.contact = Contact(waiting.entry, line.queue.name)
    board.deadlines.set(RingDue(offer.offer), offer.until)
    board.estimator.offered(line.queue.name, board.on_duty(line), board.now)
    agent.fairness.last_offer = board.offers_made
    board.walk(agent, AgentEvent.OFFER)


def _end(board: Board, offer: Offer) -> Line:
    """Take the offer off the board and put its caller back in line, at the same place."""
    line = board.entries[offer.waiting.entry][1]
    del board.offers[offer.offer]
    board.deadlines.cancel(RingDue(offer.offer))
    line.unring(offer.waiting)
    board.estimator.missed(line.queue.name, board.now)
    return line
